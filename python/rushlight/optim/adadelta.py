"""Adadelta (Zeiler, 2012)."""

from rushlight import _C
from rushlight.optim.optimizer import _BuiltinOptimizer, _check_options

__all__ = ["Adadelta"]


class Adadelta(_BuiltinOptimizer):
    """Steps in the ratio of running averages of squared steps and squared gradients."""

    def __init__(self, params, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, foreach=None, *, capturable=False,
                 maximize=False, differentiable=False):  # fmt: skip
        _check_options(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        _check_options(0.0, eps, weight_decay=weight_decay)
        super().__init__(params, {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
        })  # fmt: skip

    step = _C._optim.adadelta
