"""Outputs that the caches would not hold are written past them: an operation on the whole gives what it gives
on pieces that the caches hold.
"""

from __future__ import annotations

import pytest

import rushlight as torch

F = torch.nn.functional

# Rows that end in the middle of a vector and of a line. The whole, 25 MiB of floats, is more than 3/8 of a
# cache of 64 MiB, a piece less than that of one of 1 MiB.
ROWS, COLUMNS, PIECE = 3200, 2051, 40

OPERATIONS = {
    "one operand": lambda a, b, row: a.sigmoid(),
    "two operands": lambda a, b, row: a + b,
    "a number": lambda a, b, row: a * 3,
    "a row": lambda a, b, row: a - row,
    "a column": lambda a, b, row: a + b[:, :1],
    "three operands": lambda a, b, row: torch.addcmul(a, b, row),
    "masks": lambda a, b, row: torch.where(a > b, a, b),
    "predicate": lambda a, b, row: a > b,
    "in place": lambda a, b, row: a.clone().mul_(b),
    "conversion": lambda a, b, row: a.double(),
    "transposed": lambda a, b, row: a + b.t().contiguous().t(),
    "clone": lambda a, b, row: a.clone(),
    "flip": lambda a, b, row: a.flip(1),
    "roll": lambda a, b, row: a.roll(5, 1),
    "roll back": lambda a, b, row: a.roll(-1, -1),
    "side by side": lambda a, b, row: torch.cat([a, b[:, :3], b], 1),
    "layer_norm": lambda a, b, row: F.layer_norm(a, (COLUMNS,), row, row),
    "rms_norm": lambda a, b, row: F.rms_norm(a, (COLUMNS,), row),
}


def operands():
    torch.manual_seed(3)
    return torch.randn(ROWS, COLUMNS), torch.randn(ROWS, COLUMNS), torch.randn(COLUMNS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_whole_is_its_pieces(name):
    a, b, row = operands()
    whole = OPERATIONS[name](a, b, row)
    for start in range(0, ROWS, PIECE):
        rows = slice(start, start + PIECE)
        assert torch.equal(whole[rows], OPERATIONS[name](a[rows], b[rows], row)), start


def test_chosen_rows():
    a, _, _ = operands()
    k = torch.randint(0, ROWS, (ROWS,))
    whole = a.index_select(0, k)
    for start in range(0, ROWS, PIECE):
        assert torch.equal(whole[start : start + PIECE], a.index_select(0, k[start : start + PIECE]))


def test_gradient_of_layer_norm():
    a, g, row = operands()
    a.requires_grad_()
    (whole,) = torch.autograd.grad(F.layer_norm(a, (COLUMNS,), row), a, g)
    for start in range(0, ROWS, PIECE):
        rows = slice(start, start + PIECE)
        part = a.detach()[rows].requires_grad_()
        (expected,) = torch.autograd.grad(F.layer_norm(part, (COLUMNS,), row), part, g[rows])
        assert torch.equal(whole[rows], expected)
