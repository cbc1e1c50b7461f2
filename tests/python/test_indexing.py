"""Indexing and assignment: the expressions of indexing_expressions.txt as PyTorch answers them, and what
needs more than one."""

from __future__ import annotations

import json

import expressions
import numpy as np
import pytest

import rushlight as torch

EXPECTED = json.loads(expressions.GOLDEN.read_text())
EXTRA = expressions.definitions(torch)


@pytest.mark.parametrize("line", expressions.lines("indexing"))
def test_expression(line):
    assert expressions.outcome(torch, line, np, EXTRA)[0] == EXPECTED[line][0]


def numbers(*shape):
    return np.arange(float(np.prod(shape))).reshape(shape)


@pytest.mark.parametrize("key", [
    np.s_[0], np.s_[-1], np.s_[1:], np.s_[::2], np.s_[:, 1], np.s_[..., 0], np.s_[None, 1],
    np.s_[0, ..., None], np.s_[:, :, 1:3], np.s_[[0, 1]], np.s_[:, [0, 2]], np.s_[[0, 1], [1, 2]],
    np.s_[[[0], [1]], [0, 2]], np.s_[[0, 1], :, [0, 3]], np.s_[:0], np.s_[5:], np.s_[-100:100],
    np.s_[np.array([True, False])], np.s_[:, np.array([True, False, True])],
])  # fmt: skip
def test_as_numpy(key):
    a = numbers(2, 3, 4)
    t = torch.tensor(a)
    assert t[key].tolist() == a[key].tolist()
    a[key] = -1
    t[key] = -1
    assert t.tolist() == a.tolist()


def test_gradients_flow_through_both_sides():
    x = torch.ones(3, requires_grad=True)
    v = torch.ones(2, requires_grad=True)
    y = x * 2
    y[1:] = v * 3
    y.sum().backward()
    assert x.grad.tolist() == [2, 0, 0]
    assert v.grad.tolist() == [3, 3]


def test_iteration_and_unpacking():
    a, b = torch.arange(4).view(2, 2)
    assert a.tolist() == [0, 1]
    assert [int(v) for v in b] == [2, 3]
    assert 3 in b
    assert 7 not in b
