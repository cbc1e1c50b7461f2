"""Wrong calls, of all families: the type and the words of the exception are PyTorch's
(mistakes_expressions.txt), and what help and inspect say of an operation."""

from __future__ import annotations

import inspect
import json
import pydoc

import expressions
import numpy as np
import pytest

import rushlight as torch

EXPECTED = json.loads(expressions.GOLDEN.read_text())


@pytest.mark.parametrize("line", expressions.lines("mistakes"))
def test_expression(line):
    assert expressions.outcome(torch, line, np)[0] == EXPECTED[line][0]


def test_every_line_is_a_mistake():
    assert all("Error: " in EXPECTED[line][0].split("\n")[0] for line in expressions.lines("mistakes"))


def test_help_of_a_function():
    lines = pydoc.render_doc(torch.softmax, renderer=pydoc.plaintext).splitlines()
    assert lines[0].startswith("Python Library Documentation: built-in function softmax")
    assert lines[2] == "softmax(...)"
    assert any("softmax(Tensor input" in line for line in lines)


def test_kinds_of_callables():
    assert inspect.isbuiltin(torch.add)
    assert inspect.isroutine(torch.nn.functional.relu)
    assert inspect.ismethoddescriptor(torch.Tensor.add)
    assert torch.Tensor.item.__qualname__ == "TensorBase.item"
