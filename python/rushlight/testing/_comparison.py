"""assert_close, with PyTorch's messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import rushlight as torch
from rushlight import _C

# dtype: (rtol, atol); exact for the others
_TOLERANCES = {
    _C.float16: (1e-3, 1e-5),
    _C.bfloat16: (1.6e-2, 1e-5),
    _C.float32: (1.3e-6, 1e-5),
    _C.float64: (1e-7, 1e-7),
    _C.complex64: (1.3e-6, 1e-5),
    _C.complex128: (1e-7, 1e-7),
}


@dataclass
class _Options:
    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    check_layout: bool
    check_stride: bool
    allow_subclasses: bool

    def tolerances(self, *dtypes):
        if self.rtol is not None:
            return self.rtol, self.atol
        known = [_TOLERANCES.get(dtype, (0.0, 0.0)) for dtype in dtypes]
        return max(rtol for rtol, _ in known), max(atol for _, atol in known)


@dataclass
class _Pair:
    """Two things to compare and the keys that lead to them."""

    compare: Any
    actual: Any
    expected: Any
    path: tuple

    def located(self, message):
        return f"{message}\n\nThe failure occurred for item {_item(self.path)}" if self.path else message


def _item(path):
    return "".join(f"[{key!r}]" for key in path)


def _fail(message, path):
    raise AssertionError(_Pair(None, None, None, path).located(message))


# ---- what there is to compare


def _is_array(value):
    return isinstance(value, _C.Tensor) or type(value).__module__ == "numpy" and hasattr(value, "__array__")


def _related(actual, expected, options):
    a, e = type(actual), type(expected)
    return a is e or options.allow_subclasses and (issubclass(a, e) or issubclass(e, a))


def _pairs(actual, expected, options, path=()):
    """The pairs of leaves, in order; AssertionError where containers differ, TypeError without a rule."""
    both = (actual, expected)
    if all(isinstance(x, Sequence) and not isinstance(x, str) for x in both):
        if len(actual) != len(expected):
            _fail(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", path)
        for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
            yield from _pairs(a, e, options, (*path, i))
    elif all(isinstance(x, Mapping) for x in both):
        yield from _mapping_pairs(actual, expected, options, path)
    else:
        compare = _rule(actual, expected, options)
        if compare is None:
            types = f"{type(actual)} and {type(expected)}"
            message = f"No comparison pair was able to handle inputs of type {types}."
            raise TypeError(_Pair(None, None, None, path).located(message))
        yield _Pair(compare, actual, expected, path)


def _mapping_pairs(actual, expected, options, path):
    missing, additional = expected.keys() - actual.keys(), actual.keys() - expected.keys()
    if missing or additional:
        _fail(
            "The keys of the mappings do not match:\n"
            f"Missing keys in the actual mapping: {sorted(missing)}\n"
            f"Additional keys in the actual mapping: {sorted(additional)}",
            path,
        )
    try:
        keys = sorted(actual)
    except TypeError:
        keys = list(actual)
    for key in keys:
        yield from _pairs(actual[key], expected[key], options, (*path, key))


def _rule(actual, expected, options):
    both = (actual, expected)
    if actual is None or expected is None:
        return _compare_none
    if all(isinstance(x, bool) for x in both):
        return _compare_bools
    if all(isinstance(x, (int, float, complex)) for x in both):
        return _compare_numbers
    if all(_is_array(x) for x in both) and _related(actual, expected, options):
        return _compare_tensors
    return None


# ---- the comparisons: each returns a message, or None


def _compare_none(actual, expected, options):
    return None if actual is expected else f"None mismatch: {actual} is not {expected}"


def _compare_bools(actual, expected, options):
    return None if actual is expected else f"Booleans mismatch: {actual} is not {expected}"


def _compare_numbers(actual, expected, options):
    if options.check_dtype and type(actual) is not type(expected):
        return f"The (d)types do not match: {type(actual)} != {type(expected)}."
    dtypes = {int: _C.int64, float: _C.float64, complex: _C.complex128, bool: _C.bool}
    rtol, atol = options.tolerances(*(dtypes[type(x)] for x in (actual, expected)))
    return _compare_scalars(actual, expected, rtol, atol, options.equal_nan)


def _compare_scalars(actual, expected, rtol, atol, equal_nan):
    difference = abs(actual - expected)
    close = actual == expected or difference < float("inf") and difference <= atol + rtol * abs(expected)
    if close or equal_nan and actual != actual and expected != expected:
        return None
    relative = difference / abs(expected) if expected != 0 else float("inf")
    return (
        _title("Scalars", rtol, atol) + f"Expected {expected} but got {actual}.\n"
        f"Absolute difference: {difference}{_allowed(rtol, atol, atol)}\n"
        f"Relative difference: {relative}{_allowed(rtol, atol, rtol)}"
    )


def _title(what, rtol, atol):
    return f"{what} are not {'equal' if rtol == atol == 0 else 'close'}!\n\n"


def _allowed(rtol, atol, tolerance):
    return "" if rtol == atol == 0 else f" (up to {tolerance} allowed)"


def _attribute_message(actual, expected, options):
    checks = [("shape", True, "shape"), ("layout", options.check_layout, "layout")]
    checks += [("device", options.check_device, "device"), ("dtype", options.check_dtype, "dtype")]
    for name, wanted, attribute in checks:
        a, e = getattr(actual, attribute), getattr(expected, attribute)
        if wanted and a != e:
            return f"The values for attribute '{name}' do not match: {a} != {e}."
    if options.check_stride and actual.stride() != expected.stride():
        return f"The values for attribute 'stride()' do not match: {actual.stride()} != {expected.stride()}."
    return None


def _compare_tensors(actual, expected, options):
    actual, expected = (
        x.detach() if isinstance(x, _C.Tensor) else torch.as_tensor(x) for x in (actual, expected)
    )
    message = _attribute_message(actual, expected, options)
    if message:
        return message
    rtol, atol = options.tolerances(actual.dtype, expected.dtype)
    dtype = _C.promote_types(actual.dtype, expected.dtype)
    if not (dtype.is_floating_point or dtype.is_complex):
        dtype = _C.int64
    actual, expected = actual.to(dtype), expected.to(dtype)
    if actual.dim() == 0:
        return _compare_scalars(actual.item(), expected.item(), rtol, atol, options.equal_nan)
    shape, actual, expected = tuple(actual.shape), actual.reshape(-1), expected.reshape(-1)
    difference = (actual - expected).abs()
    close = _close(actual, expected, difference, rtol, atol, options.equal_nan)
    count = actual.numel()
    mismatches = count - int(close.sum().item()) if count else 0
    if mismatches == 0:
        return None
    zero = torch.zeros_like(difference)
    relative = difference / expected.abs()
    lines = [f"Mismatched elements: {mismatches} / {count} ({mismatches / count:.1%})"]
    for name, values, tolerance in (("absolute", difference, atol), ("relative", relative, rtol)):
        worst, index = _greatest(torch.where(close, zero.to(values.dtype), values))
        place = _place(index, shape)
        lines.append(f"Greatest {name} difference: {worst} at index {place}{_allowed(rtol, atol, tolerance)}")
    return _title("Tensor-likes", rtol, atol) + "\n".join(lines)


def _close(actual, expected, difference, rtol, atol, equal_nan):
    """|actual - expected| <= atol + rtol |expected|, equal infinities included; as a bool tensor."""
    close = torch.where(
        torch.isfinite(difference), difference <= expected.abs() * rtol + atol, actual == expected
    )
    if rtol == atol == 0:
        close = actual == expected
    return torch.where(torch.isnan(actual), torch.isnan(expected), close) if equal_nan else close


def _greatest(values):
    """The largest element (NaN counts as larger than all) and its place."""
    return values.max().item(), int(values.argmax().item())


def _place(index, shape):
    place = []
    for size in reversed(shape):
        index, rest = divmod(index, size)
        place.append(rest)
    return tuple(reversed(place))


# ---- the functions


def assert_close(
    actual,
    expected,
    *,
    allow_subclasses=True,
    rtol=None,
    atol=None,
    equal_nan=False,
    check_device=True,
    check_dtype=True,
    check_layout=True,
    check_stride=False,
    msg=None,
):
    """AssertionError unless |actual - expected| <= atol + rtol |expected| for all elements.

    Takes tensors, arrays, numbers, and sequences and mappings of these. The tolerances depend on the dtype
    unless both are given; `msg` replaces the message, or makes one from it if it is a function.
    """
    if (rtol is None) != (atol is None):
        missing = "rtol" if rtol is None else "atol"
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}.")
    options = _Options(
        rtol, atol, equal_nan, check_device, check_dtype, check_layout, check_stride, allow_subclasses
    )
    message = _first_difference(actual, expected, options)
    if message:
        raise AssertionError(msg(message) if callable(msg) else msg or message)


def _first_difference(actual, expected, options):
    """The message of the first pair that differs, or None."""
    try:
        pairs = list(_pairs(actual, expected, options))
    except AssertionError as error:
        return str(error)
    for pair in pairs:
        message = pair.compare(pair.actual, pair.expected, options)
        if message:
            return pair.located(message)
    return None


def assert_allclose(actual, expected, rtol=None, atol=None, equal_nan=True, msg=""):
    """The older assert_close: types and devices may differ."""
    as_tensors = [x if isinstance(x, _C.Tensor) else torch.as_tensor(x) for x in (actual, expected)]
    assert_close(
        *as_tensors,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_device=True,
        check_dtype=False,
        check_stride=False,
        msg=msg or None,
    )
