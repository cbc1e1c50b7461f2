"""The nodes behind a module's backward hooks."""

import warnings


def _tap_class():
    """An autograd function that passes gradients through a callback; made when the first backward hook is
    used."""
    from rushlight.autograd import Function

    class BackwardHookFunction(Function):
        @staticmethod
        def forward(ctx, callback, *tensors):
            ctx.callback = callback
            ctx.mark_non_differentiable(*(t for t in tensors if not t.requires_grad))
            return tuple(t.detach() for t in tensors)

        @staticmethod
        def backward(ctx, *gradients):
            return None, *ctx.callback(gradients)

    globals()["_tap_class"] = lambda: BackwardHookFunction
    return BackwardHookFunction


class BackwardHook:
    """One call of a module with backward hooks: sits before its inputs and behind its outputs."""

    def __init__(self, module, user_hooks, user_pre_hooks):
        self.module = module
        self.user_hooks = user_hooks
        self.user_pre_hooks = user_pre_hooks
        self.grad_outputs = None
        self.input_places: list[int] | None = None
        self.input_count = 0

    def _tap(self, callback, values):
        """`values` with its tensors passed through a node, and where they stand; None when no tensor needs a
        gradient."""
        from rushlight import Tensor, is_grad_enabled

        places = [i for i, v in enumerate(values) if isinstance(v, Tensor)]
        if not is_grad_enabled() or not any(values[i].requires_grad for i in places):
            return values, None
        values = list(values)
        for i, tapped in zip(places, _tap_class().apply(callback, *(values[i] for i in places)), strict=True):
            values[i] = tapped
        return tuple(values), places

    @staticmethod
    def _spread(values, places, count):
        out = [None] * count
        for place, value in zip(places, values, strict=True):
            out[place] = value
        return tuple(out)

    def setup_input_hook(self, args):
        self.input_count = len(args)
        args, self.input_places = self._tap(self._on_inputs, args)
        return args

    def setup_output_hook(self, output):
        from rushlight import Tensor

        if isinstance(output, Tensor):
            return self._tap(self._on_outputs, (output,))[0][0]
        if not isinstance(output, tuple):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but "
                f"received {type(output)}",
                stacklevel=2,
            )
            return output
        return self._tap(self._on_outputs, output)[0]

    def _on_outputs(self, gradients):
        for hook in self.user_pre_hooks:
            changed = hook(self.module, gradients)
            if changed is not None:
                gradients = self._as_tuple(changed, len(gradients))
        self.grad_outputs = gradients
        if self.input_places is None:  # no input needs a gradient: this is the last we see of this call
            self._run_user_hooks((None,) * self.input_count)
        return gradients

    def _on_inputs(self, gradients):
        if self.grad_outputs is None or self.input_places is None:
            return gradients
        changed = self._run_user_hooks(self._spread(gradients, self.input_places, self.input_count))
        return tuple(changed[i] for i in self.input_places)

    def _run_user_hooks(self, grad_inputs):
        outputs, self.grad_outputs = self.grad_outputs, None
        for hook in self.user_hooks:
            changed = hook(self.module, grad_inputs, outputs)
            if changed is None:
                continue
            if self.input_places is None:
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None or "
                    "None for all gradients."
                )
            grad_inputs = self._as_tuple(changed, len(grad_inputs))
        return grad_inputs

    @staticmethod
    def _as_tuple(changed, count):
        changed = changed if isinstance(changed, tuple) else (changed,)
        if len(changed) != count:
            raise RuntimeError(
                f"Backward hook returned an invalid number of grad_input, got {len(changed)}, but expected "
                f"{count}"
            )
        return changed
