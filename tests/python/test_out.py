"""Where `out=` writes: into the tensor's own memory, beside operands that share it."""

import pytest

import rushlight as torch

SHARED = [
    ("the operand itself", "a", "torch.add(a, c, out=o)"),
    ("one of two operands", "c", "torch.sub(a, c, out=o)"),
    ("a product's factor", "a", "torch.mm(a, c, out=o)"),
    ("a factor's transpose", "a.t()", "torch.mm(a, c, out=o)"),
    ("a part of the operand", "a[:4]", "torch.cumsum(a[4:], 0, out=o)"),
    ("a member of a list", "a[:4]", "torch.cat([a[4:], c[:0]], out=o)"),
    ("no operand", "torch.zeros(8, 8)", "torch.exp(a, out=o)"),
    ("a column", "torch.zeros(8, 2)[:, 0]", "torch.sum(a, 1, out=o)"),
    ("a transposed matrix", "torch.zeros(8, 8).t()", "torch.mm(a, c, out=o)"),
    ("another dtype", "torch.zeros(8, 8, dtype=torch.float64)", "torch.exp(a, out=o)"),
    ("a matrix of the same sizes", "torch.zeros(8, 8)", "torch.mul(a.t(), c.t(), out=o)"),
]


@pytest.mark.parametrize("target, run", [(t, r) for _, t, r in SHARED], ids=[name for name, *_ in SHARED])
def test_out_has_the_result_whatever_it_shares_memory_with(target, run):
    torch.manual_seed(2)
    scope = {"torch": torch, "a": torch.rand(8, 8), "c": torch.rand(8, 8)}
    want = eval(run.replace(", out=o", ""), dict(scope))
    scope["o"] = eval(target, scope)
    place = scope["o"].data_ptr()
    assert eval(run, scope) is scope["o"]
    assert scope["o"].data_ptr() == place
    assert torch.equal(scope["o"], want.to(scope["o"].dtype))


def test_saved_tensors_know_that_out_has_changed_them():
    x = torch.ones(4, requires_grad=True)
    factor = torch.ones(4)
    y = x * factor
    torch.exp(torch.zeros(4), out=factor)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_refused_gradient_leaves_out_alone():
    out = torch.zeros(4)
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        torch.exp(torch.ones(4, requires_grad=True), out=out)
    assert out.tolist() == [0, 0, 0, 0]


def test_views_of_out_see_the_result():
    out = torch.zeros(4)
    view = out[1:3]
    torch.add(torch.ones(4), 1, out=out)
    assert view.tolist() == [2, 2]
