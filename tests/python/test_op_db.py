"""PyTorch's own table of sample and error inputs for its operations (op_db), for every operation that both
libraries have: the same values, or the same type of error with the same words.

The table is part of PyTorch's wheel and needs the package expecttest; without either there is nothing to read.
"""

from __future__ import annotations

import inspect
import warnings

import pytest

import rushlight

torch = pytest.importorskip("torch", reason="the table comes with PyTorch")
pytest.importorskip("expecttest", reason="PyTorch's table imports it")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

DTYPES = [torch.float32, torch.int64, torch.bool, torch.complex64]
SAMPLES = 16  # of an operation, a variant and a dtype
SEED = 42  # the one that the table's own random operations set

# Table names of operations that a call in the table makes with its arguments in another order.
CALLS = {
    "where": lambda x, condition, other: rushlight.where(condition, x, other),
    "nn.functional.embedding": lambda w, i, **options: rushlight.nn.functional.embedding(i, w, **options),
    "nn.functional.embedding_bag": lambda w, i, **options: rushlight.nn.functional.embedding_bag(i, w, **options),
    "einsum": lambda operands, equation: rushlight.einsum(equation, *operands),
    "polygamma": lambda x, n: rushlight.polygamma(n, x),
    "special.polygamma": lambda x, n: rushlight.special.polygamma(n, x),
    "normal": lambda x, *args, **options: rushlight.normal(x, *args, **options),
}

# What differs, and why.
DIFFERENT: dict[str, str] = {}


def equivalent(value):
    """A value of PyTorch's as ours."""
    if isinstance(value, torch.Tensor):
        array = value.detach().resolve_conj().resolve_neg().contiguous().numpy().copy()
        return rushlight.from_numpy(array).reshape(tuple(value.shape))
    if isinstance(value, (torch.dtype, torch.memory_format, torch.layout)):
        return getattr(rushlight, str(value).removeprefix("torch."))
    if isinstance(value, torch.device):
        return rushlight.device(str(value))
    if isinstance(value, (list, tuple)):
        items = [equivalent(item) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    if isinstance(value, dict):
        return {key: equivalent(item) for key, item in value.items()}
    if isinstance(value, slice):
        return slice(equivalent(value.start), equivalent(value.stop), equivalent(value.step))
    return value


def function(name):
    """Our operation of a name in the table, or None."""
    if name in CALLS:
        return CALLS[name]
    found = rushlight
    for part in name.split("."):
        found = getattr(found, part, None)
    found = found or getattr(rushlight.Tensor, name, None)
    return found if callable(found) and not inspect.isclass(found) else None


def flat(result):
    if isinstance(result, (tuple, list)):
        return [leaf for item in result for leaf in flat(item)]
    return [result]


def check_same(got, want, what):
    got, want = flat(got), flat(want)
    assert len(got) == len(want), what
    for ours, theirs in zip(got, want, strict=True):
        if not isinstance(theirs, torch.Tensor):
            assert ours == theirs or theirs != theirs, what
            continue
        assert (str(ours.dtype), tuple(ours.shape)) == (str(theirs.dtype), tuple(theirs.shape)), what
        values = torch.from_numpy(ours.detach().contiguous().numpy().copy()).reshape(theirs.shape)
        torch.testing.assert_close(
            values, theirs.detach().resolve_conj().resolve_neg(), rtol=1e-4, atol=1e-5, equal_nan=True,
            check_stride=False, msg=lambda text: f"{what}: {text}"
        )  # fmt: skip


def outcome(call):
    try:
        return call(), None
    except Exception as error:
        return None, error


COMMON = [op for op in op_db if function(op.name)]


def name_of(op):
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name


@pytest.mark.parametrize("op", COMMON, ids=name_of)
def test_samples(op):
    ran = 0
    for dtype in DTYPES:
        if dtype not in op.supported_dtypes("cpu"):
            continue
        for k, sample in enumerate(op.sample_inputs("cpu", dtype)):
            if k == SAMPLES:
                break
            torch.manual_seed(SEED)
            args = equivalent((sample.input, *sample.args))
            kwargs = equivalent(sample.kwargs)
            want, refused = outcome(lambda: op.op(sample.input, *sample.args, **sample.kwargs))  # noqa: B023
            if refused:
                continue
            rushlight.manual_seed(SEED)
            check_same(function(op.name)(*args, **kwargs), want, f"{dtype}: {sample.summary()}")
            ran += 1
    assert ran


@pytest.mark.parametrize("op", [op for op in COMMON if op.error_inputs_func], ids=name_of)
def test_error_inputs(op):
    for case in op.error_inputs("cpu"):
        sample = case.sample_input
        args, failed = outcome(lambda: equivalent((sample.input, *sample.args)))  # noqa: B023
        if failed:
            continue  # a tensor that we do not have, of another device or layout
        _, want = outcome(lambda: op.op(sample.input, *sample.args, **sample.kwargs))  # noqa: B023
        if want is None:
            continue
        kwargs = equivalent(sample.kwargs)
        _, got = outcome(lambda: function(op.name)(*args, **kwargs))  # noqa: B023
        assert (type(got).__name__, str(got)) == (type(want).__name__, str(want)), sample.summary()
