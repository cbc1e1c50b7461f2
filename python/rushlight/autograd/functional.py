"""Jacobians, Hessians and their products, by backward."""

from rushlight import _C

__all__ = ["hessian", "hvp", "jacobian", "vhp", "vjp"]


def _as_tuple(value, what, function):
    if isinstance(value, _C.Tensor):
        return (value,)
    if isinstance(value, (tuple, list)) and all(isinstance(v, _C.Tensor) for v in value):
        return tuple(value)
    raise TypeError(
        f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the given value "
        f"is of type {type(value)}."
    )


def _prepare(inputs, create_graph):
    if create_graph:
        return tuple(x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in inputs)
    return tuple(x.detach().requires_grad_() for x in inputs)


def _gradients(outputs, inputs, grad_outputs, create_graph):
    grads = [None] * len(inputs)
    if any(o.requires_grad for o in outputs):
        pairs = [(o, g) for o, g in zip(outputs, grad_outputs, strict=True) if o.requires_grad]
        grads = _C._autograd_grad(
            [o for o, _ in pairs],
            inputs,
            [g for _, g in pairs],
            retain_graph=True,
            create_graph=create_graph,
            allow_unused=True,
        )
    return tuple(_C.zeros_like(x) if g is None else g for x, g in zip(inputs, grads, strict=True))


def _like(values, given):
    return tuple(values) if isinstance(given, (tuple, list)) else values[0]


def jacobian(func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"):
    """The Jacobian of `func` at `inputs`: output shape + input shape, in tuples where outputs or inputs are
    tuples."""
    xs = _prepare(_as_tuple(inputs, "inputs", "jacobian"), create_graph)
    with _C.enable_grad():
        raw = func(*xs)
        outputs = _as_tuple(raw, "outputs of the user-provided function", "jacobian")
        rows = []
        for output in outputs:
            columns: list[list] = [[] for _ in xs]
            for i in range(output.numel()):
                seed = _C.zeros_like(output).reshape(-1)
                seed[i] = 1
                for column, grad in zip(
                    columns,
                    _gradients((output,), xs, (seed.reshape(output.shape),), create_graph),
                    strict=True,
                ):
                    column.append(grad)
            rows.append(tuple(_stacked(column, output, x) for column, x in zip(columns, xs, strict=True)))
    result = tuple(_like(row, inputs) for row in rows)
    return _like(result, raw)


def _stacked(column, output, x):
    if not column:
        return _C.zeros(tuple(output.shape) + tuple(x.shape), dtype=x.dtype)
    return _C.stack(column).reshape(tuple(output.shape) + tuple(x.shape))


def _single(func, function):
    def scalar(*xs):
        y = func(*xs)
        if not isinstance(y, _C.Tensor):
            raise RuntimeError(f"The function given to {function} should return a single Tensor")
        if y.numel() != 1:
            raise RuntimeError(
                f"The Tensor returned by the function given to {function} should contain a single element"
            )
        return y.reshape(())

    return scalar


def hessian(
    func, inputs, create_graph=False, strict=False, vectorize=False, outer_jacobian_strategy="reverse-mode"
):
    """The matrix of second derivatives of a function with one output element."""
    scalar = _single(func, "hessian")
    several = isinstance(inputs, (tuple, list))

    def gradient(*xs):
        grads = _gradients((scalar(*xs),), xs, (_C.ones(()).to(xs[0].dtype),), True)
        return grads if several else grads[0]

    return jacobian(gradient, inputs, create_graph=create_graph)


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """(outputs, v times the Jacobian)."""
    xs = _prepare(_as_tuple(inputs, "inputs", "vjp"), create_graph)
    with _C.enable_grad():
        raw = func(*xs)
        outputs = _as_tuple(raw, "outputs of the user-provided function", "vjp")
        if v is None:
            if len(outputs) != 1 or outputs[0].numel() != 1:
                raise RuntimeError(
                    "The vector v can only be None if the user-provided function returns a single Tensor "
                    "with a single element."
                )
            seeds = (_C.ones_like(outputs[0]),)
        else:
            seeds = _as_tuple(v, "v", "vjp")
        grads = _gradients(outputs, xs, seeds, create_graph)
    shown = outputs if create_graph else tuple(o.detach() for o in outputs)
    return _like(shown, raw), _like(grads, inputs)


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """(output, v times the Hessian)."""
    xs = _prepare(_as_tuple(inputs, "inputs", "vhp"), create_graph)
    with _C.enable_grad():
        output = _single(func, "vhp")(*xs)
        first = _gradients((output,), xs, (_C.ones_like(output),), True)
        seeds = tuple(_C.ones_like(x) for x in xs) if v is None else _as_tuple(v, "v", "vhp")
        grads = _gradients(first, xs, seeds, create_graph)
    return output if create_graph else output.detach(), _like(grads, inputs)


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """(output, the Hessian times v); the Hessian is symmetric."""
    return vhp(func, inputs, v, create_graph, strict)
