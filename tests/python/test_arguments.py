"""Functions that PyTorch's Python gives tensors one by one, or whose result depends on an argument."""

import pytest

import rushlight

x = rushlight.arange(6.0).reshape(2, 3)
v = rushlight.tensor([1, 2])


def test_tensors_one_by_one():
    assert rushlight.einsum("ij,kj->ik", x, x).tolist() == x.mm(x.t()).tolist()
    assert rushlight.einsum("ij,kj->ik", [x, x]).tolist() == x.mm(x.t()).tolist()
    grids = rushlight.meshgrid(v, v + 2, indexing="ij")
    assert [g.tolist() for g in grids] == [[[1, 1], [2, 2]], [[3, 4], [3, 4]]]
    assert [tuple(t.shape) for t in rushlight.broadcast_tensors(x, x[:1])] == [(2, 3), (2, 3)]
    assert rushlight.cartesian_prod(v, v).shape == (4, 2)
    assert rushlight.block_diag(x, v).shape == (3, 5)
    assert [t.dim() for t in rushlight.atleast_2d(v, x)] == [2, 2]


def test_only_declared_functions_take_tensors_one_by_one():
    with pytest.raises(TypeError):
        rushlight.cat(v, v)
    with pytest.raises(TypeError):
        rushlight.einsum("ij->i", 3)


def test_results_that_depend_on_an_argument():
    assert [t.tolist() for t in v.nonzero(as_tuple=True)] == [[0, 1]]
    assert v.nonzero(as_tuple=False).tolist() == [[0], [1]]
    assert isinstance(v.unique(), rushlight.Tensor)
    values, counts = rushlight.tensor([2, 1, 2]).unique(return_counts=True)
    assert (values.tolist(), counts.tolist()) == ([1, 2], [1, 2])
    assert len(rushlight.unique_consecutive(v, return_inverse=True, return_counts=True)) == 3


def test_pairs_of_dimensions():
    for dims in (([1], [1]), ((1,), [1]), [[1], [1]], rushlight.tensor([[1], [1]])):
        assert rushlight.tensordot(x, x, dims=dims).tolist() == x.mm(x.t()).tolist()
    for dims in (1, rushlight.tensor(1)):
        assert rushlight.tensordot(x, x.t(), dims=dims).tolist() == x.mm(x.t()).tolist()
    with pytest.raises(ValueError, match="not enough values to unpack"):
        rushlight.tensordot(x, x, dims=([1],))
    with pytest.raises(TypeError, match="'dims_other' .position 4. must be tuple of ints, not int"):
        rushlight.tensordot(x, x, dims=([1], 1))


def test_unbiased_without_dimensions():
    assert x.var(False).item() == x.var(correction=0).item() == x.var(unbiased=False).item()
    assert x.std(True).item() == x.std().item()
    assert x.var(1).shape == (2,)
