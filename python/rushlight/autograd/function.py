"""Operations whose forward and backward are written in Python."""

import functools
import inspect

import rushlight._C as _C

__all__ = ["Function", "FunctionCtx", "once_differentiable"]

FunctionCtx = _C._FunctionBase


class Function(_C._FunctionBase):
    """An operation with a gradient of its own.

    A subclass has static methods `forward(ctx, *args)` and `backward(ctx, *grad_outputs)`, or
    `forward(*args)` with
    `setup_context(ctx, inputs, output)`; `Subclass.apply(*args)` runs and records it.

    >>> class Exp(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         y = x.exp()
    ...         ctx.save_for_backward(y)
    ...         return y
    ...
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         (y,) = ctx.saved_tensors
    ...         return grad * y
    >>> x = torch.zeros(1, requires_grad=True)
    >>> Exp.apply(x).backward()
    >>> x.grad
    tensor([1.])
    """

    generate_vmap_rule = False

    def __init__(self, *args, **kwargs):
        import warnings

        warnings.warn(
            f"{self.__class__} should not be instantiated. Methods on autograd functions are all static, so "
            "you should invoke them on the class itself. Instantiating an autograd function will raise an "
            "error in a future version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args, **kwargs):
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style "
            "autograd function with static forward method. (Example: "
            "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    @staticmethod
    def forward(*args, **kwargs):
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx, inputs, output):
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        vjp = type(ctx)._forward_cls.vjp
        if vjp is not Function.vjp:
            return vjp(ctx, *grad_outputs)
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use "
            "it with backward mode AD."
        )

    @staticmethod
    def vjp(ctx, *grad_outputs):
        raise NotImplementedError("You must implement the vjp function for custom autograd.Function.")

    @staticmethod
    def jvp(ctx, *grad_inputs):
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @classmethod
    def _bind_arguments(cls, *args, **kwargs):
        # Keywords and defaults become positional, as backward counts them; ctx stands for the first
        # parameter.
        with_context = getattr(cls.setup_context, "_is_default", False)
        bound = inspect.signature(cls.forward).bind(*(None,) * with_context, *args, **kwargs)
        bound.apply_defaults()
        return bound.args[with_context:]


Function.setup_context.__dict__["_is_default"] = True  # the engine looks for it too


def once_differentiable(fn):
    """A backward whose result cannot be differentiated again: it runs without recording."""

    @functools.wraps(fn)
    def wrapper(ctx, *args):
        with _C.no_grad():
            outputs = fn(ctx, *args)
        if not _C.is_grad_enabled():
            return outputs
        source = next((a for a in args if isinstance(a, _C.Tensor) and a.requires_grad), None)
        if source is None:
            return outputs
        message = "trying to differentiate twice a function that was marked with @once_differentiable"

        def refuse(value):
            return _C._refuse_gradient(value, source, message) if isinstance(value, _C.Tensor) else value

        return tuple(refuse(o) for o in outputs) if isinstance(outputs, tuple) else refuse(outputs)

    return wrapper
