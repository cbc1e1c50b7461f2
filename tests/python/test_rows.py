"""Kernels of rows that the size or the range of the elements chooses: each gives what plain Python gives."""

from __future__ import annotations

import collections
import itertools
import math

import pytest

import rushlight as torch


def scattered(n: int, below: int) -> list[int]:
    """Integers that repeat without a pattern."""
    return [(i * 2654435761 >> 7) % below for i in range(n)]


@pytest.mark.parametrize("n", [1, 15, 16, 17, 5000, 700_000])
@pytest.mark.parametrize("below", [3, 900, 5000, 2**40])
def test_unique_integers(n, below):
    values = [v - below // 2 for v in scattered(n, below)]
    found, inverse, counts = torch.unique(torch.tensor(values), return_inverse=True, return_counts=True)
    wanted = collections.Counter(values)
    assert found.tolist() == sorted(wanted)
    assert counts.tolist() == [wanted[v] for v in sorted(wanted)]
    assert found[inverse].tolist() == values


def test_unique_integers_far_apart():
    for values in ([2**63 - 1, -(2**63), 2**63 - 1], [2**63 - 1, 2**63 - 3], [-(2**63)]):
        assert torch.unique(torch.tensor(values)).tolist() == sorted(set(values))
    assert torch.unique(torch.tensor([True, False, True])).tolist() == [False, True]
    assert torch.unique(torch.tensor([255, 0, 255], dtype=torch.uint8)).dtype == torch.uint8


@pytest.mark.parametrize("n", [1, 100, 5000, 700_000])
@pytest.mark.parametrize("below", [3, 900, 5000, 100_000])
def test_bincount(n, below):
    values = scattered(n, below)
    wanted = collections.Counter(values)
    counts = torch.bincount(torch.tensor(values), minlength=7)
    assert counts.tolist() == [wanted[b] for b in range(max(7, max(values) + 1))]


def test_bincount_of_runs():
    assert torch.bincount(torch.tensor([5] * 10_001)).tolist() == [0, 0, 0, 0, 0, 10_001]
    for place in (0, 3, 40, 4000):
        values = torch.ones(4001, dtype=torch.int64)
        values[place] = -1
        with pytest.raises(RuntimeError, match="non-negative"):
            torch.bincount(values)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("n", [16_383, 16_384, 140_001])
def test_median_of_many(n, dtype):
    values = torch.tensor([v - 300 for v in scattered(n, 700)]).to(dtype)
    ordered = sorted(values.tolist())
    middle = ordered[(n - 1) // 2]
    assert values.median() == middle
    value, place = values.median(0)
    assert value == middle and values[place] == middle
    assert values.kthvalue(n - 5).values == ordered[n - 6]
    if dtype.is_floating_point:
        values[n // 3] = math.nan
        assert values.median().isnan()
        rest = sorted(v for v in values.tolist() if v == v)
        assert values.nanmedian() == rest[(n - 2) // 2]
        assert torch.full((n,), math.nan).to(dtype).nanmedian().isnan()


def replaced_top(heap: list[tuple], entry: tuple) -> None:
    """libstdc++'s way, which decides among equal keys: the hole sinks to a leaf, then the entry rises."""
    hole = 0
    while (child := 2 * hole + 1) < len(heap):
        if child + 1 < len(heap) and heap[child + 1][0] >= heap[child][0]:
            child += 1
        heap[hole], hole = heap[child], child
    while hole and heap[(hole - 1) // 2][0] < entry[0]:
        heap[hole], hole = heap[(hole - 1) // 2], (hole - 1) // 2
    heap[hole] = entry


@pytest.mark.parametrize("largest", [True, False])
def test_topk_takes_the_same_of_equals_as_a_partial_sort(largest):
    values = scattered(400, 5)
    for dtype in (torch.int64, torch.float32):
        indices = torch.topk(torch.tensor(values).to(dtype), 2, largest=largest).indices
        entries = [(-v if largest else v, i) for i, v in enumerate(values)]
        heap = entries[:2] if entries[0][0] >= entries[1][0] else [entries[1], entries[0]]
        for entry in entries[2:]:
            if entry[0] < heap[0][0]:
                replaced_top(heap, entry)
        assert indices.tolist() == [heap[1][1], heap[0][1]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.bfloat16, torch.bool], ids=str)
@pytest.mark.parametrize("shape", [(3, 5), (40, 15), (40, 16), (300, 70), (2, 40, 300)], ids=str)
def test_index_add_of_rows(shape, dtype):
    count = shape[0]
    index = scattered(count, count)
    source = (torch.arange(math.prod(shape)) % 3).reshape(shape)
    wanted = torch.zeros(shape, dtype=torch.int64)
    for i, row in zip(index, source, strict=True):
        wanted[i] = wanted[i] + row
    got = torch.zeros(shape, dtype=dtype).index_add(0, torch.tensor(index), source.to(dtype))
    assert got.tolist() == wanted.to(dtype).tolist()


@pytest.mark.parametrize("columns", [1, 3, 4, 7, 64])
def test_gathers_check_every_index(columns):
    a = torch.arange(5 * columns, dtype=torch.float32).reshape(5, columns)
    index = torch.tensor([[(i + j) % columns for j in range(columns)] for i in range(5)])
    assert a.gather(1, index).tolist() == [[a[i, j].item() for j in index[i].tolist()] for i in range(5)]
    assert a.index_select(1, index[1]).tolist() == a.gather(1, index[1].expand(5, columns)).tolist()
    for place, wrong in itertools.product(range(columns), (-1, columns, 2**62, -(2**63))):
        bad = index.clone()
        bad[3, place] = wrong
        with pytest.raises((RuntimeError, IndexError), match="out of bounds"):
            a.gather(1, bad)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64], ids=str)
@pytest.mark.parametrize("shape", [(3, 600, 64), (5, 7, 130), (2, 513, 65)], ids=str)
def test_reductions_of_planes(shape, dtype):
    a = (torch.arange(math.prod(shape)) * 7 % 101 - 50).to(dtype).reshape(shape)
    planes = a.transpose(0, 1).tolist()
    rows = [[v for row in plane for v in row] for plane in planes]
    assert a.sum((0, 2)).tolist() == [sum(r) for r in rows]
    assert a.amax((0, 2)).tolist() == [max(r) for r in rows]
    assert a.amin((0, 2), keepdim=True).flatten().tolist() == [min(r) for r in rows]
    assert a.flip(0).sum((0, 2)).tolist() == [sum(r) for r in rows]
    assert a.sum(1).tolist() == [[sum(c) for c in zip(*plane, strict=True)] for plane in a.tolist()]
    assert a.amin(2).tolist() == [[min(row) for row in plane] for plane in a.tolist()]


@pytest.mark.parametrize("rows", [1, 4, 5, 11])
@pytest.mark.parametrize("n", [1, 3, 4, 61])
def test_running_products_and_sums_of_floats(rows, n):
    """To the bit: floats are accumulated one after the other in float64."""
    a = (torch.arange(rows * n).reshape(rows, n) * 37 % 101 / 50 + 0.3).float()
    for got, operation in ((a.cumsum(1), float.__add__), (a.cumprod(1), float.__mul__)):
        wanted = [list(itertools.accumulate(row, operation)) for row in a.tolist()]
        assert got.tolist() == torch.tensor(wanted, dtype=torch.float64).float().tolist()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.complex128], ids=str)
@pytest.mark.parametrize("rows", [7, 8, 70])
def test_parts_joined_row_by_row(rows, dtype):
    sizes = (300, 0, 1, 2100)
    parts = [(torch.arange(rows * n) % 251).to(dtype).reshape(rows, n) for n in sizes]
    lines = [[v for p in parts for v in p[r].tolist()] for r in range(rows)]
    assert torch.cat(parts, 1).tolist() == lines
    reversed_part = parts[3].flip(1)
    assert torch.cat([parts[0], reversed_part[:, ::2]], 1)[:, 300:].tolist() == reversed_part[:, ::2].tolist()
    assert torch.stack([parts[3], reversed_part], 1).tolist() == [
        [a, b] for a, b in zip(parts[3].tolist(), reversed_part.tolist(), strict=True)
    ]
    mixed = torch.cat([parts[3], parts[0].to(torch.complex64)], 1)
    assert mixed.tolist() == torch.cat([parts[3].to(mixed.dtype), parts[0].to(mixed.dtype)], 1).tolist()


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("n", [255, 256, 3000, 70_000])
def test_sort_of_keys_that_agree_in_their_upper_half(n, descending):
    steps = scattered(n, 50)
    for scale, base in ((2.0**-50, 1.0), (1.0, 0.0), (2.0**20, -5.0)):
        values = [base + s * scale for s in steps]
        found = torch.sort(torch.tensor(values, dtype=torch.float64), descending=descending, stable=True)
        order = sorted(range(n), key=values.__getitem__, reverse=descending)  # stable either way
        assert found.indices.tolist() == order
        assert found.values.tolist() == [values[i] for i in order]


@pytest.mark.parametrize("n", [5, 20_000])
def test_take_from_either_end(n):
    a = torch.arange(3 * n).reshape(3, n) * 7
    places = scattered(n, 3 * n)
    assert a.take(torch.tensor(places)).tolist() == [7 * p for p in places]
    turned = [p if i % 3 else p - 3 * n for i, p in enumerate(places)]
    assert a.take(torch.tensor(turned)).tolist() == [7 * p for p in places]
    assert a.reshape(-1).gather(0, torch.tensor(places)).tolist() == [7 * p for p in places]
    for wrong in (3 * n, -3 * n - 1):
        with pytest.raises(IndexError, match="out of range"):
            a.take(torch.tensor([*places, wrong]))
