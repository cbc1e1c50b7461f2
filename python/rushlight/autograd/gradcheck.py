"""Gradients checked against differences; the arithmetic is in C++."""

import warnings

from rushlight import _C

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """The gradients that backward gives are not the derivatives."""


def _as_tuple(value):
    return (value,) if isinstance(value, _C.Tensor) else tuple(value)


def _check(func, inputs, grad_outputs, second, eps, atol, rtol, nondet_tol, raise_exception):
    inputs = _as_tuple(inputs)
    tensors = [x if isinstance(x, _C.Tensor) else None for x in inputs]
    for i, t in enumerate(tensors):
        if t is not None and t.requires_grad and t.dtype not in (_C.float64, _C.complex128):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex. This "
                "check will likely fail if all the inputs are not of double precision floating point or "
                "complex. ",
                stacklevel=3,
            )

    def call(arguments):
        result = func(*(x if t is None else t for x, t in zip(inputs, arguments, strict=True)))
        return [r for r in _as_tuple(result) if isinstance(r, _C.Tensor)]

    failure = _C._gradcheck(call, tensors, grad_outputs, second, eps, atol, rtol, nondet_tol)
    if failure is None:
        return True
    if raise_exception:
        raise GradcheckError(failure)
    return False


def gradcheck(
    func, inputs, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True, nondet_tol=0.0,
    check_undefined_grad=True, check_grad_dtypes=False, check_batched_grad=False,
    check_batched_forward_grad=False, check_forward_ad=False, check_backward_ad=True, fast_mode=False,
    masked=None,
):  # fmt: skip
    """Whether backward's gradients of `func` at `inputs` agree with central differences.

    Raises GradcheckError otherwise, unless `raise_exception` is false. The options of other kinds of checks
    are accepted and have no effect.
    """
    return _check(func, inputs, None, False, eps, atol, rtol, nondet_tol, raise_exception)


def gradgradcheck(
    func, inputs, grad_outputs=None, *, eps=1e-6, atol=1e-5, rtol=1e-3, gen_non_contig_grad_outputs=False,
    raise_exception=True, nondet_tol=0.0, check_undefined_grad=True, check_grad_dtypes=False,
    check_batched_grad=False, check_fwd_over_rev=False, check_rev_over_rev=True, fast_mode=False,
    masked=False,
):  # fmt: skip
    """Whether the second derivatives that backward gives agree with differences of the first ones."""
    return _check(func, inputs, grad_outputs, True, eps, atol, rtol, nondet_tol, raise_exception)
