"""Tensors and NumPy arrays: the expressions of numpy_expressions.txt as PyTorch answers them, and what needs
more than one."""

from __future__ import annotations

import json

import expressions
import numpy as np
import pytest

import rushlight as torch

EXPECTED = json.loads(expressions.GOLDEN.read_text())
EXTRA = expressions.definitions(torch)


@pytest.mark.parametrize("line", expressions.lines("numpy"))
def test_expression(line):
    assert expressions.outcome(torch, line, np, EXTRA)[0] == EXPECTED[line][0]


def test_memory_is_shared_both_ways():
    a = np.zeros(3, dtype=np.float32)
    t = torch.from_numpy(a)
    a[0] = 1
    t[1] = 2
    assert t.tolist() == [1, 2, 0]
    assert a.tolist() == [1, 2, 0]
    b = t.numpy()
    b[2] = 3
    assert t.tolist() == [1, 2, 3]
    assert torch.tensor(a).numpy() is not a


def test_memory_outlives_its_maker():
    t = torch.from_numpy(np.arange(1000.0))
    a = torch.arange(1000.0).t().numpy()
    assert t.sum() == 499500
    assert a.sum() == 499500
    with pytest.raises(RuntimeError, match="not resizable"):
        x = torch.zeros(2)
        x.numpy()
        x.resize_(100)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32",
                                   "int64", "float16", "float32", "float64", "complex64",
                                   "complex128"])  # fmt: skip
def test_every_dtype_and_layout(dtype):
    a = np.arange(24).reshape(2, 3, 4).astype(dtype)
    for view in (a, a.transpose(2, 0, 1), a[:, 1:, ::2], a[0, 0, 0], a[:0]):
        t = torch.from_numpy(np.asarray(view))
        assert t.dtype == getattr(torch, dtype)
        assert t.tolist() == view.tolist()
        assert (t.numpy() == view).all()
        assert (np.asarray(memoryview(t)) == view).all()
        assert torch.from_dlpack(torch.utils.dlpack.to_dlpack(t) if False else t).tolist() == view.tolist()


def test_arithmetic_between_the_two():
    """NumPy computes tensor + array; array + tensor is refused, as it is with PyTorch."""
    t, a = torch.tensor([1.0, 2.0]), np.array([3.0, 4.0])
    product = t * a
    assert isinstance(product, torch.Tensor)
    assert product.dtype == torch.float64
    assert product.tolist() == [3, 8]
    assert (t @ a).item() == 11
    assert (torch.tensor([1, 2], dtype=torch.int32) * a.astype("f4")).dtype == torch.float64  # NumPy's rule
    for refused in (lambda: a * t, lambda: a @ t, lambda: t < a, lambda: a >= t):
        with pytest.raises(TypeError, match="not supported|unsupported operand"):
            refused()
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        t.clone().requires_grad_() * a
    changed = t
    changed += a
    assert changed is not t
    assert np.sqrt(torch.tensor([4.0])).tolist() == [2]
    assert isinstance(np.sqrt(torch.tensor([4.0])), torch.Tensor)
    assert np.isfinite(t).dtype == torch.uint8
    assert np.argmax(torch.tensor([1.0, 3.0])) == 1


def test_dlpack_with_numpy():
    t = torch.arange(6.0).view(2, 3).t()
    a = np.from_dlpack(t)
    t[0, 0] = 9
    assert a[0, 0] == 9
    assert torch.from_dlpack(np.arange(3)).tolist() == [0, 1, 2]
    with pytest.raises(BufferError):
        torch.ones(1, requires_grad=True).__dlpack__()
    capsule = torch.ones(1).__dlpack__()
    torch.from_dlpack(capsule)
    with pytest.raises(RuntimeError, match="consumed only once"):
        torch.from_dlpack(capsule)
