"""float16 and bfloat16: a formula's result is that of the same formula on floats, rounded once. Brief
formulas have kernels of their own for these types; every layout and every rest of a vector goes through them.
"""

from __future__ import annotations

import math

import pytest
import rushlight.nn.functional as F

import rushlight as torch

DTYPES = (torch.bfloat16, torch.float16)
# Below, at and above a pair of vectors of each target, a block and a tile.
SHAPES = ((1, 1), (1, 15), (2, 16), (5, 17), (3, 33), (17, 65), (40, 130), (2, 1100))

UNARY = {
    "neg": lambda a: -a,
    "abs": torch.abs,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "reciprocal": torch.reciprocal,
    "square": torch.square,
    "sign": torch.sign,
    "angle": torch.angle,
    "deg2rad": torch.deg2rad,
    "rad2deg": torch.rad2deg,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "trunc": torch.trunc,
    "round": torch.round,
    "frac": torch.frac,
    "nan_to_num": lambda a: torch.nan_to_num(a, 1, 2, 3),
    "clamp": lambda a: a.clamp(-1.3, 0.7),
    "clamp_min": lambda a: a.clamp_min(0.3),
    "clamp_max": lambda a: a.clamp_max(0.3),
    "relu": torch.relu,
    "threshold": lambda a: F.threshold(a, 0.3, 7),
    "hardtanh": F.hardtanh,
    "leaky_relu": lambda a: F.leaky_relu(a, 0.3),
    "hardsigmoid": F.hardsigmoid,
    "hardswish": F.hardswish,
    "softshrink": F.softshrink,
    "hardshrink": F.hardshrink,
    "sum with a number": lambda a: a + 1.0009765625,
    "product with a number": lambda a: 3.3 * a,
    "lerp": lambda a: torch.lerp(a, -a, 0.3),
    "exp": torch.exp,
}
BINARY = {
    "add": torch.add,
    "add, scaled": lambda a, b: torch.add(a, b, alpha=3),
    "sub": torch.sub,
    "sub, scaled": lambda a, b: torch.sub(a, b, alpha=3),
    "mul": torch.mul,
    "div": torch.div,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "fmax": torch.fmax,
    "fmin": torch.fmin,
    "copysign": torch.copysign,
    "addcmul": lambda a, b: torch.addcmul(a, b, a, value=0.3),
    "addcdiv": lambda a, b: torch.addcdiv(b, a, b, value=0.3),
    "lerp": lambda a, b: torch.lerp(a, b, b),
    "clamp": lambda a, b: torch.clamp(a, b, a),
    "greater": torch.gt,
    "atan2": torch.atan2,
}
ODD = (math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-7, -6e-8, 3e4, 65504.0, 0.3)


def drawn(*shape, dtype):
    """Numbers of all sizes; among the larger ones also those that no arithmetic treats like the others."""
    t = torch.randn(*shape) * torch.randn(*shape).exp()
    flat = t.view(-1)
    for k, odd in enumerate(ODD):
        flat[7 * k % flat.numel()] = odd
    return t.to(dtype)


def layouts(shape, dtype):
    """(name, tensor of this shape) in every way that a kernel meets one."""
    rows, columns = shape
    yield "dense", drawn(rows, columns, dtype=dtype)
    yield "strided", drawn(rows, 2 * columns, dtype=dtype)[:, ::2]
    yield "reversed", drawn(rows, columns, dtype=dtype).flip(1)
    yield "part of rows", drawn(rows, columns + 3, dtype=dtype)[:, 1:-2]
    yield "transposed", drawn(columns, rows, dtype=dtype).t()
    yield "row", drawn(columns, dtype=dtype).expand(rows, columns)
    yield "column", drawn(rows, 1, dtype=dtype).expand(rows, columns)
    yield "number", drawn(1, 1, dtype=dtype).expand(rows, columns)


def same(got, want) -> bool:
    return (
        got.dtype == want.dtype
        and torch.equal(got.isnan(), want.isnan())
        and (torch.equal(got.nan_to_num(0.5), want.nan_to_num(0.5)) and torch.equal(signs(got), signs(want)))
    )


def signs(t):
    return t.signbit() & ~t.isnan() if t.is_floating_point() else t


def wide(t):
    """The same numbers as floats, dense: what the formula is computed on."""
    return t.contiguous().float()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", UNARY)
def test_unary(name, dtype):
    torch.manual_seed(0)
    for shape in SHAPES:
        for layout, a in layouts(shape, dtype):
            assert same(UNARY[name](a), UNARY[name](wide(a)).to(dtype)), (shape, layout)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_binary(name, dtype):
    torch.manual_seed(0)
    for shape in SHAPES:
        for first, a in layouts(shape, dtype):
            for second, b in layouts(shape, dtype):
                # of two zeros PyTorch's fmax and fmin of bfloat16 return the second, others the first
                second_of_zeros = name in ("fmax", "fmin") and dtype is torch.bfloat16
                operands = (wide(b), wide(a)) if second_of_zeros else (wide(a), wide(b))
                want = BINARY[name](*operands)
                got = BINARY[name](a, b)
                assert same(got, want if want.dtype == torch.bool else want.to(dtype)), (shape, first, second)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_in_place_and_out(dtype):
    torch.manual_seed(0)
    for shape in SHAPES:
        for layout, b in layouts(shape, dtype):
            a = drawn(*shape, dtype=dtype)
            want = (wide(a) + wide(b)).to(dtype)
            for target in (a.clone(), a.clone().t().contiguous().t()):
                assert same(target.add_(b), want), (shape, layout)
            floats = torch.empty(shape)
            assert same(torch.add(a, b, out=floats), want.float()), (shape, layout)
            assert same(torch.add(a, wide(b)), wide(a) + wide(b)), (shape, layout)
