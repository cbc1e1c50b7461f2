"""Integers of 8 and 16 bits: brief formulas have kernels of their own for them. A result is that of whole
numbers, wrapped to the dtype.
"""

from __future__ import annotations

import bisect
import itertools
import math

import pytest

import rushlight as torch

DTYPES = (torch.int8, torch.uint8, torch.int16)


def floor_quotient(a: int, b: int) -> int:
    return a // b if b else 0


def quotient(a: int, b: int) -> int:
    return 0 if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


BINARY = {
    "add": (torch.add, lambda a, b: a + b),
    "sub": (torch.sub, lambda a, b: a - b),
    "mul": (torch.mul, lambda a, b: a * b),
    "scaled": (lambda a, b: torch.add(a, b, alpha=3), lambda a, b: a + 3 * b),
    "scaled difference": (lambda a, b: torch.sub(a, b, alpha=3), lambda a, b: a - 3 * b),
    "maximum": (torch.maximum, max),
    "minimum": (torch.minimum, min),
    "bitwise_and": (torch.bitwise_and, lambda a, b: a & b),
    "bitwise_or": (torch.bitwise_or, lambda a, b: a | b),
    "bitwise_xor": (torch.bitwise_xor, lambda a, b: a ^ b),
    "floor_divide": (torch.floor_divide, floor_quotient),
    "trunc": (lambda a, b: torch.div(a, b, rounding_mode="trunc"), quotient),
    "fmod": (torch.fmod, lambda a, b: a - b * quotient(a, b) if b else 0),
    "remainder": (torch.remainder, lambda a, b: a - b * floor_quotient(a, b) if b else 0),
    "eq": (torch.eq, lambda a, b: a == b),
}
UNARY = {
    "neg": (torch.neg, lambda a: -a),
    "abs": (torch.abs, abs),
    "sign": (torch.sign, lambda a: (a > 0) - (a < 0)),
    "bitwise_not": (torch.bitwise_not, lambda a: ~a),
    "relu": (torch.relu, lambda a: max(a, 0)),
    "clamp": (lambda a: a.clamp(3, 90), lambda a: min(max(a, 3), 90)),
    "number": (lambda a: a * 5 + 3, lambda a: a * 5 + 3),
    "number that wraps": (lambda a: a + 1000, lambda a: a + 1000),
    "number before": (lambda a: 100 - a, lambda a: 100 - a),
    "quotient": (lambda a: a // 7, lambda a: a // 7),
    "rest": (lambda a: a % 7, lambda a: a % 7),
    "square": (torch.square, lambda a: a * a),
}


def edges(dtype):
    info = torch.iinfo(dtype)
    return sorted(
        {
            info.min,
            info.min + 1,
            info.max // 3,
            info.max - 1,
            info.max,
            0,
            1,
            2,
            7,
            *((-1, -2, -7, -100) if info.min < 0 else (100, 200, 254)),
        }
    )


def wrapped(values, dtype):
    """The whole numbers, or truths, as elements of the dtype."""
    info = torch.iinfo(dtype)
    span = info.max - info.min + 1
    return [v if isinstance(v, bool) else (v - info.min) % span + info.min for v in values]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_binary(name, dtype):
    function, plain = BINARY[name]
    pairs = list(itertools.product(edges(dtype), repeat=2))
    if name in ("floor_divide", "trunc", "fmod", "remainder"):
        pairs = [(a, b) for a, b in pairs if b != 0]  # PyTorch raises
    wanted = wrapped([plain(a, b) for a, b in pairs], dtype)
    a, b = (torch.tensor(list(side), dtype=dtype) for side in zip(*pairs, strict=True))
    assert function(a, b).tolist() == wanted
    # Strided, and with one of the two broadcast.
    assert function(torch.stack([a, a], 1)[:, 0], torch.stack([b, b], 1)[:, 1]).tolist() == wanted
    column = torch.tensor(edges(dtype), dtype=dtype)[:, None]
    lines = [wrapped([plain(first, v) for v in b.tolist()], dtype) for first in edges(dtype)]
    assert function(column, b).tolist() == lines
    assert function(column.expand(len(lines), b.numel()), b).tolist() == lines


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", UNARY)
def test_unary(name, dtype):
    function, plain = UNARY[name]
    values = edges(dtype) * 7
    t = torch.tensor(values, dtype=dtype)
    steps = wrapped([plain(v) for v in values], dtype)
    if name == "number":  # wraps after each of its two operations
        steps = wrapped([v + 3 for v in wrapped([v * 5 for v in values], dtype)], dtype)
    got = function(t)
    assert got.dtype == dtype
    assert got.tolist() == steps
    assert function(t[::3]).tolist() == steps[::3]
    assert function(t.expand(3, len(values))).tolist() == [steps] * 3


def test_parts_of_complex_numbers_in_any_layout():
    a, b = torch.arange(60.0).reshape(6, 10), torch.arange(60.0, 120.0).reshape(6, 10)
    for re, im in (
        (a, b),
        (a[:, ::2], b[:, 1::2]),
        (a[:1], b),
        (a, b[:, :1]),
        (a.t(), b.t()),
        (a[0, 0], b[0]),
    ):
        for dtype in (torch.float32, torch.float64):
            z = torch.complex(re.to(dtype), im.to(dtype))
            x, y = torch.broadcast_tensors(re, im)
            assert z.real.tolist() == x.tolist()
            assert z.imag.tolist() == y.tolist()


@pytest.mark.parametrize("dtype", (torch.float32, torch.float64, torch.float16, torch.bfloat16), ids=str)
def test_frexp_of_all_kinds(dtype):
    info = torch.finfo(dtype)
    values = [0.0, -0.0, 1.0, -1.0, 0.75, 3.0, -1024.0, info.max, info.tiny, info.tiny / 2, -info.tiny / 4]
    t = torch.tensor(values, dtype=dtype)
    fraction, exponent = torch.frexp(t)
    wanted = [math.frexp(v) for v in t.tolist()]
    assert list(zip(fraction.tolist(), exponent.tolist(), strict=True)) == wanted
    assert math.copysign(1, fraction[1].item()) == -1
    odd = torch.frexp(torch.tensor([math.inf, -math.inf, math.nan], dtype=dtype)).mantissa.tolist()
    assert odd[:2] == [math.inf, -math.inf]
    assert math.isnan(odd[2])


@pytest.mark.parametrize("right", (False, True))
def test_bucketize_with_any_number_of_boundaries(right):
    for n in (*range(18), 63, 64, 65):
        bounds = sorted(float(i * 7 % 31 // 2) for i in range(n))  # with equal ones
        values = [i / 2 for i in range(-3, 40)] + [math.inf, -math.inf]
        place = bisect.bisect_right if right else bisect.bisect_left
        got = torch.bucketize(torch.tensor(values), torch.tensor(bounds), right=right)
        assert got.tolist() == [place(bounds, v) for v in values]
        nans = torch.full((9,), math.nan)  # a few at once, and one left over
        assert torch.bucketize(nans, torch.tensor(bounds), right=right).tolist() == [n] * 9
