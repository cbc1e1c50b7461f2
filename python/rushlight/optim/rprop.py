"""Rprop (Riedmiller and Braun, 1993)."""

from rushlight import _C
from rushlight.optim.optimizer import _BuiltinOptimizer, _check_options

__all__ = ["Rprop"]


class Rprop(_BuiltinOptimizer):
    """Steps by the sign of the gradient; the sizes grow while it stays."""

    def __init__(self, params, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50), *, capturable=False,
                 foreach=None, maximize=False, differentiable=False):  # fmt: skip
        _check_options(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(params, {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable,
        })  # fmt: skip

    step = _C._optim.rprop
