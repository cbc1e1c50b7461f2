"""Averaged stochastic gradient descent (Polyak and Juditsky, 1992)."""

from rushlight import _C
from rushlight.optim.optimizer import _BuiltinOptimizer, _check_options

__all__ = ["ASGD"]


class ASGD(_BuiltinOptimizer):
    """Stochastic gradient descent that keeps an average of the parameters in its state."""

    _number_state = ("step", "eta", "mu")

    def __init__(self, params, lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0, foreach=None,
                 maximize=False, differentiable=False, capturable=False):  # fmt: skip
        _check_options(lr, weight_decay=weight_decay)
        super().__init__(params, {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
            "capturable": capturable,
        })  # fmt: skip

    step = _C._optim.asgd
