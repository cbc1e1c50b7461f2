"""Strided, reversed, repeated and transposed operands: the roads that kernels take by layout give the numbers
of the plain one. What is expected is computed from the elements' places, not by another layout's kernel.
"""

from __future__ import annotations

import bisect
import itertools
import math

import pytest

import rushlight as torch

DTYPES = (torch.uint8, torch.int16, torch.bfloat16, torch.float16, torch.int32, torch.float32)
DTYPES += (torch.int64, torch.float64, torch.complex64, torch.complex128)
# Below, at and above the sizes of a vector, a square of vectors and a tile.
SHAPES = ((1, 5), (4, 8), (16, 16), (17, 33), (31, 129), (130, 18), (260, 140))


def counted(*shape, dtype):
    """0, 1, ..., wrapped so that every dtype holds the numbers exactly."""
    return (torch.arange(math.prod(shape)) % 100).to(dtype).reshape(shape)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_transposed(shape, dtype):
    rows, columns = shape
    a, b = counted(rows, columns, dtype=dtype), counted(columns, rows, dtype=dtype)
    turned = [[(j * columns + i) % 100 for j in range(rows)] for i in range(columns)]
    assert a.t().contiguous().tolist() == turned
    own = [[(i * rows + j) % 100 for j in range(rows)] for i in range(columns)]
    summed = [[(x + y) % 256 for x, y in zip(*lines, strict=True)] for lines in zip(turned, own, strict=True)]
    assert (b + a.t()).tolist() == summed
    assert (b.clone().add_(a.t())).tolist() == summed


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_transposed_in_three_dimensions(dtype):
    a = counted(3, 20, 37, dtype=dtype)
    for order in ((0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1)):
        size = [(3, 20, 37)[d] for d in order]
        step = [(740, 37, 1)[d] for d in order]
        wanted = [
            [
                [(i * step[0] + j * step[1] + k * step[2]) % 100 for k in range(size[2])]
                for j in range(size[1])
            ]
            for i in range(size[0])
        ]
        assert a.permute(order).contiguous().tolist() == wanted
        assert torch.add(torch.zeros(size, dtype=dtype), a.permute(order)).tolist() == wanted


# All but complex to real, which warns.
CONVERSIONS = [(s, t) for s in DTYPES for t in DTYPES if t.is_complex or not s.is_complex]


@pytest.mark.parametrize(("source", "target"), CONVERSIONS, ids=str)
def test_conversion_of_strided(source, target):
    for n in (1, 3, 8, 17, 33, 260, 600):
        whole = counted(3 * n, dtype=source)
        for stride in (1, 2, 3):
            assert whole[::stride].to(target).tolist() == [i % 100 for i in range(0, 3 * n, stride)]
        assert whole.flip(0).tolist() == [i % 100 for i in reversed(range(3 * n))]
        assert whole[:1].expand(n).to(target).tolist() == [0] * n


@pytest.mark.parametrize("source", (torch.float32, torch.float64), ids=str)
def test_floats_beyond_32_bits(source):
    values = [0.0, -0.5, 1.9, -1.9, 2.0**31, -(2.0**31), -(2.0**31) - 2**9, 2.0**40, -(2.0**52), 2.0**62]
    for shift in range(8):  # each in every lane, beside others
        turned = values[shift:] + values[:shift]
        x = torch.tensor(turned * 3, dtype=source)
        assert x.to(torch.int64).tolist() == [int(v) for v in turned] * 3
    for odd in (math.inf, -math.inf, math.nan, 2.0**63):
        assert torch.full((19,), odd, dtype=source).to(torch.int64).tolist() == [-(2**63)] * 19


def test_integers_beyond_32_bits():
    values = [0, -1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**53 + 1, 2**63 - 1, -(2**63), 16777217]
    for target in (torch.float32, torch.float64):
        one_by_one = [torch.tensor(v).to(target).item() for v in values]
        for shift in range(8):
            turned = values[shift:] + values[:shift]
            x = torch.tensor(turned * 3)
            assert x.to(target).tolist() == (one_by_one[shift:] + one_by_one[:shift]) * 3


def test_bfloat16_rounds_to_even_and_keeps_nan():
    cases = {1.00390625: 1.0, 1.01171875: 1.015625, -1.00390625: -1.0, 3.4e38: math.inf, 1e-40: 9.9e-41}
    for value, wanted in cases.items():
        got = torch.full((35,), value, dtype=torch.float64).to(torch.float32).to(torch.bfloat16)
        single = torch.tensor(value).to(torch.bfloat16).item()
        assert got.tolist() == [single] * 35
        assert single == pytest.approx(wanted, rel=1e-2)
    assert all(map(math.isnan, torch.full((35,), math.nan).to(torch.bfloat16).tolist()))


LOGIC = {
    "logical_and": lambda a, b: a and b,
    "logical_or": lambda a, b: a or b,
    "logical_xor": lambda a, b: a != b,
    "bitwise_and": lambda a, b: a and b,
    "bitwise_or": lambda a, b: a or b,
    "bitwise_xor": lambda a, b: a != b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
}


@pytest.mark.parametrize("name", LOGIC)
def test_logic_of_bools(name):
    f = LOGIC[name]
    a = [i % 3 == 0 for i in range(6000)]
    b = [i % 5 < 2 for i in range(6000)]
    x, y = torch.tensor(a), torch.tensor(b)
    for n in (1, 7, 64, 6000):
        wanted = [f(p, q) for p, q in zip(a[:n], b[:n], strict=True)]
        assert getattr(torch, name)(x[:n], y[:n]).tolist() == wanted
        assert getattr(torch, name)(x[:n], y[:n]).dtype == torch.bool
    assert getattr(torch, name)(x[::2], y[1::2]).tolist() == [
        f(p, q) for p, q in zip(a[::2], b[1::2], strict=True)
    ]
    rows, row = x.reshape(60, 100), y[:100]
    assert getattr(torch, name)(rows, row).flatten().tolist() == [f(a[i], b[i % 100]) for i in range(6000)]
    assert getattr(torch, name)(rows, y[0]).flatten().tolist() == [f(p, b[0]) for p in a]
    assert getattr(torch, name)(rows.t(), y.reshape(100, 60)).flatten().tolist() == [
        f(a[j * 100 + i], b[i * 60 + j]) for i in range(100) for j in range(60)
    ]


def test_logical_not_of_bools():
    a = [i % 3 == 0 for i in range(6000)]
    for part in (slice(0, 9), slice(None), slice(None, None, 3)):
        assert torch.tensor(a)[part].logical_not().tolist() == [not v for v in a[part]]
        assert (~torch.tensor(a)[part]).tolist() == [not v for v in a[part]]


@pytest.mark.parametrize("dtype", (torch.float32, torch.float64, torch.int64), ids=str)
@pytest.mark.parametrize("length", (5, 63, 64, 200, 700))
def test_broadcast_rows_and_columns(length, dtype):
    a, row, column = (counted(*s, dtype=dtype) for s in ((9, length), (length,), (9, 1)))
    plain = [[(i * length + j) % 100 for j in range(length)] for i in range(9)]
    assert (a + row).tolist() == [[x + j % 100 for j, x in enumerate(line)] for line in plain]
    assert (a + column).tolist() == [[x + i for x in line] for i, line in enumerate(plain)]
    assert (row + column).tolist() == [[j % 100 + i for j in range(length)] for i in range(9)]
    assert column.expand(9, length).contiguous().tolist() == [[i] * length for i in range(9)]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_transposed_with_steps(shape, dtype):
    rows, columns = shape
    for step in (2, 3, 8, 9):
        a = counted(rows, step * columns, dtype=dtype)[:, ::step]
        turned = [[(j * columns + i) * step % 100 for j in range(rows)] for i in range(columns)]
        assert a.t().contiguous().tolist() == turned
        deep = counted(2, rows, 3, step * columns, dtype=dtype)[..., ::step].permute(3, 0, 2, 1).contiguous()
        assert deep[:, 1, 2].tolist() == [
            [(((rows + j) * 3 + 2) * columns + i) * step % 100 for j in range(rows)] for i in range(columns)
        ]


@pytest.mark.parametrize("dtype", (torch.float32, torch.float64, torch.int64, torch.int32), ids=str)
@pytest.mark.parametrize("length", (3, 8, 17, 64, 100, 700))
def test_any_of_three_operands_is_a_column(length, dtype):
    for widths in itertools.product((1, length), repeat=3):
        x, a, b = (counted(9, width, dtype=dtype) for width in widths)
        at = [
            [[t[i][j % len(t[i])] for t in (x.tolist(), a.tolist(), b.tolist())] for j in range(max(widths))]
            for i in range(9)
        ]
        assert torch.addcmul(x, a, b).tolist() == [[p + q * r for p, q, r in line] for line in at]
        assert torch.where(x % 3 == 0, a, b).tolist() == [
            [q if p % 3 == 0 else r for p, q, r in line] for line in at
        ]


@pytest.mark.parametrize("dtype", (torch.int64, torch.int32), ids=str)
@pytest.mark.parametrize("length", (1, 7, 8, 9, 16, 31, 33, 200))
def test_whole_lines_of_integers(length, dtype):
    plain = [(i * 7919) % 1009 - 500 for i in range(length)]
    a, b = torch.tensor(plain, dtype=dtype), torch.tensor(plain[::-1], dtype=dtype)
    pairs = list(zip(plain, plain[::-1], strict=True))
    assert (a + b).tolist() == [p + q for p, q in pairs]
    assert (a ^ b).tolist() == [p ^ q for p, q in pairs]
    assert torch.maximum(a, b).tolist() == [max(p, q) for p, q in pairs]
    assert a.clamp(-3, 70).tolist() == [min(max(p, -3), 70) for p in plain]
    a -= b
    assert a.tolist() == [p - q for p, q in pairs]


def test_roll_flip_and_repeats_of_rows():
    for length in (3, 700, 5000):  # bytes below and above what is copied at once
        a = counted(3, length, dtype=torch.float32)
        plain = a.tolist()
        assert a.roll(1, 1).tolist() == [line[-1:] + line[:-1] for line in plain]
        assert a.flip(1).tolist() == [line[::-1] for line in plain]
        assert a.repeat_interleave(2, 1).tolist() == [[x for x in line for _ in range(2)] for line in plain]
        assert torch.cat([a, a[:, :1]], 1).tolist() == [line + line[:1] for line in plain]


@pytest.mark.parametrize("dtype", (torch.float32, torch.int64), ids=str)
@pytest.mark.parametrize("largest", (True, False))
def test_topk_of_few_and_many(dtype, largest):
    values = [(i * 7919) % 1009 for i in range(900)]
    x = torch.tensor(values).to(dtype)
    for k in (1, 2, 16, 17, 300):
        found = torch.topk(x, k, largest=largest)
        assert found.values.tolist() == sorted(values, reverse=largest)[:k]
        assert x[found.indices].tolist() == found.values.tolist()


def test_topk_with_nan_and_ties():
    x = torch.tensor([1.0, math.nan, 3.0, 3.0, -1.0, math.inf])
    values, indices = torch.topk(x, 4)
    assert math.isnan(values[0].item())
    assert values[1:].tolist() == [math.inf, 3.0, 3.0]
    assert indices.tolist() == [1, 5, 3, 2]  # of the equal ones, as PyTorch has them
    assert torch.topk(x, 2, largest=False).values.tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("rows", (1, 3, 4, 9))
def test_running_sums_of_rows(rows):
    a = counted(rows, 37, dtype=torch.int64)
    wanted = [[sum(line[: i + 1]) for i in range(37)] for line in a.tolist()]
    assert a.cumsum(1).tolist() == wanted
    assert a.to(torch.float32).cumsum(1).tolist() == wanted


@pytest.mark.parametrize("dtype", (torch.float32, torch.float64), ids=str)
def test_extremes_keep_nan_wherever_it_stands(dtype):
    for n in (1, 7, 8, 33, 70):
        for place in range(n):
            x = torch.arange(n).to(dtype)
            assert (x.amax().item(), x.amin().item()) == (n - 1, 0)
            x[place] = math.nan
            assert math.isnan(x.amax().item())
            assert math.isnan(x.amin().item())
            for limited in (x.clamp(1, 3), x.clamp_min(2), x.clamp_max(2), x.relu()):
                assert math.isnan(limited[place].item())


INTEGER_DIVISIONS = {
    "floor_divide": lambda a, b: a // b,
    "remainder": lambda a, b: a % b,
    "fmod": lambda a, b: (
        int(math.copysign(abs(a) % abs(b), a)) if abs(a) < 2**50 else a - b * truncated(a, b)
    ),
    "trunc": lambda a, b: truncated(a, b),
}


def truncated(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


@pytest.mark.parametrize("name", INTEGER_DIVISIONS)
def test_division_of_integers_of_all_sizes(name):
    values = [0, 1, -1, 2, -3, 7, 2**31, -(2**31) - 1, 10**15 + 1, -(10**15)]
    values += [2**51 - 1, 2**51, -(2**51), -(2**51) - 1, 2**52 + 1, 2**53 + 1, 2**62 + 3, 2**63 - 1, -(2**63)]
    pairs = [(a, b) for a in values for b in values if b != 0 and (a, b) != (-(2**63), -1)]
    # Quotients next to a whole number, where a rounded one would cross it.
    pairs += [(k * b + d, b) for b in (3, -7, 33554431) for k in (67108859, -1000003) for d in (-1, 0, 1)]
    f = (lambda x, y: torch.div(x, y, rounding_mode="trunc")) if name == "trunc" else getattr(torch, name)
    for shift in range(9):  # each in every lane, beside others
        turned = pairs[shift:] + pairs[:shift]
        a, b = (torch.tensor(list(side)) for side in zip(*turned, strict=True))
        assert f(a, b).tolist() == [INTEGER_DIVISIONS[name](x, y) for x, y in turned]
    assert (
        f(torch.tensor([-(2**63)] * 9), torch.tensor([-1] * 9)).tolist()
        == [-(2**63) if name in ("floor_divide", "trunc") else 0] * 9
    )


@pytest.mark.parametrize("dtype", (torch.int8, torch.uint8, torch.int32, torch.int64), ids=str)
def test_shifts_by_any_number(dtype):
    bits, signed = torch.iinfo(dtype).bits, torch.iinfo(dtype).min < 0
    width = max(bits, 32)  # small integers are shifted as 32 bits and wrap
    values = [v for v in (-128, -5, -1, 0, 1, 9, 127) if signed or v >= 0]
    shifts = [s for s in (-2, 0, 1, 3, 31, 32, 63, 64, 100) if signed or s >= 0]
    pairs = [(v, s) for v in values for s in shifts] * 3
    a, b = (torch.tensor(list(side), dtype=dtype) for side in zip(*pairs, strict=True))
    right = [v >> s if 0 <= s < width else (-1 if v < 0 else 0) for v, s in pairs]
    left = [v << s if 0 <= s < width else 0 for v, s in pairs]
    assert (a >> b).tolist() == right
    assert (a << b).tolist() == torch.tensor([wrapped(v, 64) for v in left]).to(dtype).tolist()


def wrapped(value: int, bits: int) -> int:
    return (value + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


@pytest.mark.parametrize("dtype", (torch.float32, torch.float64, torch.bfloat16, torch.bool), ids=str)
def test_repeated_operands_of_formulas_with_three(dtype):
    rows, columns = 6, 300
    full = counted(rows, columns, dtype=torch.int64) % 7
    row, column, number = full[:1], full[:, :1], full[:1, :1]
    parts = (full, row, column, number)
    mask = full % 2 == 0
    for x in parts:
        for y in parts:
            a, b = x.to(dtype), y.to(dtype)
            for m in (mask, mask[:1], mask[:, :1], mask[:1, :1]):
                wanted = torch.where(m, x, y).to(dtype)
                assert torch.where(m, a, b).tolist() == wanted.tolist()
            if dtype == torch.bool:
                continue
            for z in parts:
                sums = [[p + 2 * q * r for p, q, r in zip(*lines, strict=True)] for lines in lists(x, y, z)]
                assert torch.addcmul(a, b, z.to(dtype), value=2).expand(rows, columns).tolist() == sums


def lists(*tensors):
    """The rows of tensors that are broadcast to one shape, side by side."""
    return zip(
        *(t.tolist() for t in torch.broadcast_tensors(*tensors, torch.zeros(6, 300))[:-1]), strict=True
    )


@pytest.mark.parametrize("times", [1, 2, 3, 4, 5, 17])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_elements_repeated_side_by_side(dtype, times):
    for a in (counted(3, 37, dtype=dtype), counted(3, 74, dtype=dtype)[:, ::2]):
        wanted = [[v for v in row for _ in range(times)] for row in a.tolist()]
        assert a.repeat_interleave(times, 1).tolist() == wanted


@pytest.mark.parametrize("width", [7, 8, 9, 31, 63, 64])
def test_short_rows_reduced_together(width):
    a = counted(5, 3, width, dtype=torch.float32).flip(0).contiguous()
    rows = a.tolist()
    columns = [[v for plane in rows for v in plane[j]] for j in range(3)]
    assert a.sum((0, 2)).tolist() == [sum(c) for c in columns]
    assert a.amax((0, 2)).tolist() == [max(c) for c in columns]
    assert a.count_nonzero((0, 2)).tolist() == [sum(v != 0 for v in c) for c in columns]
    assert (a % 2 > 0).count_nonzero((0, 2)).tolist() == [sum(v % 2 for v in c) for c in columns]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("n", [5, 16, 33, 67, 600])
def test_extremes_among_nan_and_infinities(n, dtype):
    a = counted(n, dtype=dtype)
    for place in {0, n // 2, n - 2, n - 1}:
        b = a.clone()
        b[place] = math.nan
        assert b.max().isnan() and b.min().isnan() and b.argmax() == b.argmin() == place
    a[n // 3], a[n - 2] = math.inf, -math.inf
    assert (a.max(), a.min(), a.argmax(), a.argmin()) == (math.inf, -math.inf, n // 3, n - 2)


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32], ids=str)
@pytest.mark.parametrize("rows", [1, 3, 4, 6])
def test_running_extremes_take_the_last_of_equals(rows, dtype):
    a = (torch.arange(rows * 29) * 7 % 5).to(dtype).reshape(rows, 29)
    if dtype == torch.float32:
        a[rows - 1, 11] = math.nan
    for operation, better in ((torch.cummax, max), (torch.cummin, min)):
        values, places = operation(a, 1)
        for row, value, place in zip(a.tolist(), values.tolist(), places.tolist(), strict=True):
            for i in range(29):
                seen = row[: i + 1]
                nans = [k for k, v in enumerate(seen) if v != v]
                wanted = nans[-1] if nans else max(k for k, v in enumerate(seen) if v == better(seen))
                assert place[i] == wanted
                assert value[i] == row[wanted] or (value[i] != value[i] and nans)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 31, 32, 100])
@pytest.mark.parametrize("values", [1, 7, 8, 21])
def test_places_among_sorted_elements(n, values):
    row = sorted(k * 7 % 50 for k in range(n))
    wanted = [k * 11 % 53 - 1 for k in range(values)]
    for dtype in (torch.int32, torch.int64, torch.float32, torch.float64, torch.bfloat16):
        a = torch.tensor([row, [v + 3 for v in row]], dtype=dtype)
        v = torch.tensor([wanted, wanted], dtype=dtype)
        for right, place in ((False, bisect.bisect_left), (True, bisect.bisect_right)):
            found = torch.searchsorted(a, v, right=right)
            assert found.tolist() == [[place(r, x) for x in wanted] for r in a.tolist()]
            backwards = torch.arange(n).flip(0).expand(2, n).contiguous()
            assert torch.searchsorted(a.flip(1), v, right=right, sorter=backwards).equal(found)
    assert torch.searchsorted(torch.tensor(row).float(), math.nan) == n


@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("dtype", [torch.bool, torch.bfloat16, torch.float32, torch.int64], ids=str)
def test_writes_at_indices_along_each_dimension(dim, dtype):
    sizes, k = (3, 4, 5), [2, 0, 2]
    a = (torch.arange(60) % 2).to(dtype).reshape(sizes)
    source = torch.ones([len(k) if d == dim else n for d, n in enumerate(sizes)], dtype=dtype)
    added, filled = a.index_add(dim, torch.tensor(k), source), a.index_fill(dim, torch.tensor(k), 1)
    for place in range(sizes[dim]):
        was, times = a.select(dim, place), k.count(place)
        assert added.select(dim, place).equal((was.float() + times).to(dtype))
        assert filled.select(dim, place).equal(torch.ones_like(was) if times else was)
