"""PyTorch's own table of sample and error inputs for its operations (op_db), for every operation that both
libraries have: the same values, or the same type of error with the same words.

The table is part of PyTorch's wheel and needs the package expecttest; without either there is nothing to
read.
"""

from __future__ import annotations

import inspect
import warnings

import pytest

import rushlight

pytestmark = pytest.mark.slow  # runs PyTorch's whole table

torch = pytest.importorskip("torch", reason="the table comes with PyTorch")
pytest.importorskip("expecttest", reason="PyTorch's table imports it")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

DTYPES = [torch.float32, torch.int64, torch.bool, torch.complex64]
SAMPLES = 16  # of an operation, a variant and a dtype
SEED = 42  # the one that the table's own random operations set

# Entries whose call in the table has its arguments in another order, or another name.
CALLS = {
    "normal.in_place": rushlight.Tensor.normal_,
    "normal.number_mean": lambda std, mean, *args, **options: rushlight.normal(mean, std, *args, **options),
    "rand_like": rushlight.randn_like,
    "where": lambda x, condition, other: rushlight.where(condition, x, other),
    "nn.functional.embedding": lambda w, i, **options: rushlight.nn.functional.embedding(i, w, **options),
    "nn.functional.embedding_bag": lambda w, i, **options: rushlight.nn.functional.embedding_bag(
        i, w, **options
    ),
    "einsum": lambda operands, equation: rushlight.einsum(equation, *operands),
    "polygamma": lambda x, n: rushlight.polygamma(n, x),
    "special.polygamma": lambda x, n: rushlight.special.polygamma(n, x),
}

CHANCE = {"empty", "empty_like", "empty_strided", "new_empty"}  # their values are whatever is in memory
EQUALS = "which of several equal elements is taken is left to the algorithm"
NO_SVD = "singular values are not there yet"
ORDER = "several things are wrong, and another one is found first"
OTHER_SIGNATURES = "PyTorch has overloads here that are one signature in this library, or the other way round"
OUT_DTYPE = "a result of another dtype is converted into out="
DESCRIPTOR = "the words of CPython's check of self, which here are those of a slot"
DIFFERENT_ERRORS = {
    "complex": OUT_DTYPE,
    "linspace": OTHER_SIGNATURES,
    "linspace.tensor_overload": OTHER_SIGNATURES,
    "logspace": OTHER_SIGNATURES,
    "logspace.tensor_overload": OTHER_SIGNATURES,
    "narrow": OTHER_SIGNATURES,
    "special.xlog1py": OTHER_SIGNATURES,
    "special.zeta": OTHER_SIGNATURES,
    "aminmax": OUT_DTYPE,
    "amax": OUT_DTYPE,
    "amin": OUT_DTYPE,
    "gather": OUT_DTYPE,
    "multinomial": OUT_DTYPE,
    "nn.functional.avg_pool3d": ORDER,
    "nn.functional.conv2d": ORDER,
    "nn.functional.conv3d": ORDER,
    "nn.functional.embedding": ORDER,
    "nn.functional.max_pool1d": ORDER,
    "nn.functional.max_pool3d": ORDER,
    "nn.functional.multi_margin_loss": ORDER,
    "nn.functional.triplet_margin_loss": "a margin of -1.0 is printed as -1",
    "masked_fill": "a complex value whose imaginary part is zero may fill integers",
    **dict.fromkeys(["__radd__", "__rmul__", "__rand__", "__ror__", "__rxor__"], DESCRIPTOR),
}
# Entries with samples that differ, and why.
DIFFERENT_SAMPLES = {
    "argsort": EQUALS,
    "kthvalue": EQUALS,
    "mode": EQUALS,
    "sort": EQUALS,
    "as_strided.partial_views": "the sample's tensor is a part of a larger one, which the copy is not",
    "nn.functional.batch_norm": "an input without channels",
    "nn.functional.batch_norm.without_cudnn": "an input without channels",
    "norm.nuc": NO_SVD,
    "sum_to_size": "the sum of one bool is the bool itself",
}


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


def name_of(op):
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name


def function(op):
    """Our operation of an entry, or None."""
    for name in (name_of(op), op.name):
        if name in CALLS:
            return CALLS[name]
    found = rushlight
    for part in op.name.split("."):
        found = getattr(found, part, None)
    found = found or getattr(rushlight.Tensor, op.name, None)
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
        if what.split(":")[0] in CHANCE:
            continue
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


COMMON = [op for op in op_db if function(op)]


def entries(ops, different):
    for op in ops:
        why = different.get(name_of(op))
        yield pytest.param(
            op, id=name_of(op), marks=[pytest.mark.xfail(reason=why, strict=True)] if why else []
        )


@pytest.mark.parametrize("op", list(entries(COMMON, DIFFERENT_SAMPLES)))
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
            check_same(function(op)(*args, **kwargs), want, f"{op.name}: {dtype}: {sample.summary()}")
            ran += 1
    assert ran


def first_line(error):
    """What is compared of an error: of a call that fits no signature, PyTorch goes on to list its own."""
    text = str(error)
    return type(error).__name__, text.split("\n")[0] if "invalid combination of arguments" in text else text


@pytest.mark.parametrize("op", list(entries([op for op in COMMON if op.error_inputs_func], DIFFERENT_ERRORS)))
def test_error_inputs(op):
    for case in op.error_inputs("cpu"):
        sample = case.sample_input
        args, failed = outcome(lambda: equivalent((sample.input, *sample.args)))  # noqa: B023
        if failed:
            continue  # a tensor of a device or layout that we do not have
        _, want = outcome(lambda: op.op(sample.input, *sample.args, **sample.kwargs))  # noqa: B023
        if want is None or "single memory location" in str(want) or "not resizable" in str(want):
            continue  # tensors that share memory: our copies do not
        kwargs = equivalent(sample.kwargs)
        _, got = outcome(lambda: function(op)(*args, **kwargs))  # noqa: B023
        assert first_line(got) == first_line(want), sample.summary()
