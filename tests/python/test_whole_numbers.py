"""Integers and truth values that kernels take several at a time, against Python's own: every rest of a
vector, and numbers at and beyond the bounds of the fast ways.
"""

from __future__ import annotations

import itertools
import math
import random

import pytest

import rushlight as torch

INT64 = (-(2**63), 2**63 - 1)
EDGES = [0, 1, -1, 2, -3, 7, 2**25 - 1, 2**25, -(2**25), 2**25 + 1, 2**31, 2**51 - 1, -(2**51), 2**51, 2**62]
EDGES += [*INT64, 2**63 - 25]
LENGTHS = (1, 3, 4, 7, 31, 32, 33, 63, 64, 65, 127, 200)


def wrapped(value: int, bits: int) -> int:
    return (value + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


def python_lcm(a: int, b: int) -> int:
    return abs(wrapped(a // math.gcd(a, b) * b, 64)) if a and b else 0


def test_gcd_and_lcm():
    draw = random.Random(1)
    pairs = list(itertools.product(EDGES, EDGES))
    for most in (3, 1000, 2**25, 2**40, 2**62):
        pairs += [(draw.randint(-most, most), draw.randint(-most, most)) for _ in range(101)]
    for _ in range(2):
        a, b = (torch.tensor(part) for part in zip(*pairs, strict=True))
        assert torch.gcd(a, b).tolist() == [wrapped(math.gcd(x, y), 64) for x, y in pairs]
        small = [(x, y) for x, y in pairs if abs(x) < 2**62 and abs(y) < 2**62]
        a, b = (torch.tensor(part) for part in zip(*small, strict=True))
        assert torch.lcm(a, b).tolist() == [wrapped(python_lcm(x, y), 64) for x, y in small]
        draw.shuffle(pairs)  # other numbers beside each other


def python_pow(a: int, b: int, bits: int) -> int:
    if b < 0:
        return 1 if a == 1 or (a == -1 and b % 2 == 0) else -1 if a == -1 else 0
    return wrapped(pow(a, b, 2**bits), bits)


@pytest.mark.parametrize(("dtype", "bits"), [(torch.int64, 64), (torch.int32, 32), (torch.int8, 8)])
@pytest.mark.parametrize("length", LENGTHS)
def test_pow(dtype, bits, length):
    draw = random.Random(length)
    least = -(2 ** (bits - 1))
    for exponents in ((-3, 3), (0, 70), (0, 0), (least, -least - 1)):
        a = [draw.randint(-3, 3) for _ in range(length)]
        b = [draw.randint(max(least, exponents[0]), min(-least - 1, exponents[1])) for _ in range(length)]
        want = [python_pow(x, y, bits) for x, y in zip(a, b, strict=True)]
        base, exponent = torch.tensor(a, dtype=dtype), torch.tensor(b, dtype=dtype)
        assert (base**exponent).tolist() == want
        base **= exponent
        assert base.tolist() == want


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.complex64, torch.complex128])
@pytest.mark.parametrize("length", LENGTHS)
def test_where(dtype, length):
    draw = random.Random(length)
    mask = [draw.random() < 0.5 for _ in range(length)]
    a, b = ([draw.randint(0, 255) for _ in range(length)] for _ in range(2))
    want = [x if m else y for m, x, y in zip(mask, a, b, strict=True)]
    got = torch.where(torch.tensor(mask), torch.tensor(a, dtype=dtype), torch.tensor(b, dtype=dtype))
    assert got.tolist() == want
    filled = torch.tensor(a, dtype=dtype).masked_fill(torch.tensor(mask), 7)
    assert filled.tolist() == [7 if m else x for m, x in zip(mask, a, strict=True)]


def test_where_keeps_all_bits():
    """Of numbers that would be no number, or subnormal, as floats."""
    bits = [0x7FA00001, 0x7FC12345, 1, 2**31 - 1, -1, -(2**31)]
    wide = [0x7FF4000000000001, 1, 2**52 - 1, *INT64, -1]
    for dtype, values in ((torch.int32, bits), (torch.int64, wide)):
        a = torch.tensor(values * 3, dtype=dtype)
        assert torch.where(a == a, a, 0 * a).tolist() == values * 3
        assert torch.where(a != a, 0 * a, a).tolist() == values * 3


ODD = (0.0, -0.0, 1.0, -2.5, math.inf, -math.inf, math.nan)
PREDICATES = {
    "isnan": math.isnan,
    "isinf": math.isinf,
    "isfinite": math.isfinite,
    "isposinf": lambda x: x == math.inf,
    "isneginf": lambda x: x == -math.inf,
    "signbit": lambda x: math.copysign(1, x) < 0,
    "logical_not": lambda x: x == 0,
}
COMPARISONS = {
    "eq": lambda x, y: x == y,
    "ne": lambda x, y: x != y,
    "lt": lambda x, y: x < y,
    "ge": lambda x, y: x >= y,
    "logical_xor": lambda x, y: (x != 0) != (y != 0),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("length", LENGTHS)
def test_truth_of_floats(dtype, length):
    draw = random.Random(length)
    a, b = ([draw.choice(ODD) for _ in range(length)] for _ in range(2))
    x, y = torch.tensor(a, dtype=dtype), torch.tensor(b, dtype=dtype)
    for name, want in PREDICATES.items():
        assert getattr(torch, name)(x).tolist() == [want(v) for v in a], name
    for name, want in COMPARISONS.items():
        assert getattr(torch, name)(x, y).tolist() == [want(v, w) for v, w in zip(a, b, strict=True)], name
        assert getattr(torch, name)(x, y[:1]).tolist() == [want(v, b[0]) for v in a], name


def test_integers_are_never_infinite():
    for dtype in (torch.int64, torch.int32, torch.uint8):
        edges = torch.tensor([0, 1, torch.iinfo(dtype).max, torch.iinfo(dtype).min], dtype=dtype)
        assert not edges.isposinf().any() and not edges.isneginf().any()


@pytest.mark.parametrize("invert", [False, True])
def test_isin_near_and_far(invert):
    """Tests that lie close together are looked up in a table, others are searched for."""
    draw = random.Random(3)
    for tests in (
        [5],
        [-3, 0, 2],
        [*INT64],
        [*INT64, 4],
        [INT64[1]],
        [INT64[0]],
        [0, 10**6],
        list(range(-50, 50, 7)),
    ):
        values = [draw.randint(-60, 60) for _ in range(50)] + tests + list(INT64) + [10**6 - 1]
        got = torch.isin(torch.tensor(values), torch.tensor(tests), invert=invert)
        assert got.tolist() == [(v in tests) != invert for v in values], tests
    bytes_ = torch.tensor([0, 1, 255, 128], dtype=torch.uint8)
    assert torch.isin(bytes_, torch.tensor([255, -1])).tolist() == [False, False, True, False]


@pytest.mark.parametrize("dtype", [torch.int64, torch.float64, torch.int32, torch.float32])
@pytest.mark.parametrize("to", [torch.float32, torch.float64, torch.int64, torch.bool, torch.int32])
def test_conversion_of_every_second_element(dtype, to):
    for length in (*LENGTHS, 1100):
        values = [
            (-1) ** k * (k % 100) * (2**33 if k % 50 == 49 and dtype == to == torch.int64 else 1)
            for k in range(length)
        ]
        pairs = torch.tensor([[v, 99] for v in values], dtype=dtype)
        assert (
            pairs[:, 0].to(to).tolist()
            == torch.tensor(values, dtype=dtype).to(to).tolist()
            == [bool(v) if to == torch.bool else v for v in values]
        )
        assert pairs.view(-1)[: 2 * length - 1][::2].to(to).tolist() == pairs[:, 0].to(to).tolist()


LOGIC = {
    "logical_and": lambda x, y: x and y,
    "logical_or": lambda x, y: x or y,
    "logical_xor": lambda x, y: x != y,
    "bitwise_or": lambda x, y: x or y,
    "eq": lambda x, y: x == y,
}


@pytest.mark.parametrize("length", LENGTHS)
def test_truth_of_bools(length):
    draw = random.Random(length)
    a, b = ([draw.random() < 0.5 for _ in range(length)] for _ in range(2))
    x, y = torch.tensor(a), torch.tensor(b)
    for name, want in LOGIC.items():
        assert getattr(torch, name)(x, y).tolist() == [want(v, w) for v, w in zip(a, b, strict=True)], name
    assert torch.logical_not(x).tolist() == [not v for v in a]
    assert x.logical_xor_(x).tolist() == [False] * length
