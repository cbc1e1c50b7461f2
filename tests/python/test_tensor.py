"""Making, converting and describing tensors: the expressions of tensor_expressions.txt as PyTorch answers
them, and what needs more than one."""

from __future__ import annotations

import json

import expressions
import numpy as np
import pytest

import rushlight as torch

EXPECTED = json.loads(expressions.GOLDEN.read_text())
EXTRA = expressions.definitions(torch)


@pytest.mark.parametrize("line", expressions.lines("tensor"))
def test_expression(line):
    assert expressions.outcome(torch, line, np, EXTRA)[0] == EXPECTED[line][0]


def test_wrappers_keep_their_identity_and_attributes():
    layer = torch.nn.Linear(2, 2)
    layer.weight.note = "kept"
    identity = id(layer.weight)
    assert layer.weight.note == "kept"
    assert id(layer.weight) == identity


def test_attributes_make_cycles_collectable():
    import gc
    import weakref

    x = torch.ones(1)
    x.itself = x
    ref = weakref.ref(x)
    del x
    gc.collect()
    assert ref() is None


@pytest.mark.parametrize("make", [lambda: torch.ones(2, 3), lambda: torch.ones(2, 3).t(),
                                  lambda: torch.ones(3, dtype=torch.bfloat16),
                                  lambda: torch.nn.Parameter(torch.ones(2)),
                                  lambda: torch.ones(2, requires_grad=True), lambda: torch.zeros(0, 3),
                                  lambda: torch.tensor(3),
                                  lambda: torch.ones(3)[1:].expand(4, 2)])  # fmt: skip
def test_pickle_and_copies(make):
    import copy
    import pickle

    x = make()
    for y in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x), copy.copy(x)):
        assert type(y) is type(x)
        assert y.dtype == x.dtype
        assert y.requires_grad == x.requires_grad
        assert y.shape == x.shape
        assert y.tolist() == x.tolist()
        assert y is not x


def test_deepcopy_keeps_sharing_grad_and_attributes():
    import copy

    x = torch.zeros(4, requires_grad=True)
    x.sum().backward()
    x.note = ["a"]
    base = torch.zeros(4)
    new_x, new_base, new_view = copy.deepcopy((x, base, base[1:]))
    assert new_x.grad.tolist() == [1] * 4
    assert new_x.note == ["a"]
    assert new_x.note is not x.note
    new_base[1] = 5
    assert new_view[0] == 5
    assert base[1] == 0


def test_subclasses():
    class Tagged(torch.Tensor):
        pass

    x = Tagged([1.0, 2.0])
    x.tag = "t"
    assert type(x) is Tagged
    assert isinstance(x, torch.Tensor)
    assert (x + 1).tolist() == [2, 3]
