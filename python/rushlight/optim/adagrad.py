"""Adagrad (Duchi et al., 2011)."""

from rushlight import _C
from rushlight.optim.optimizer import _BuiltinOptimizer, _check_options, _step_tensor

__all__ = ["Adagrad"]


class Adagrad(_BuiltinOptimizer):
    """Divides by the root of the sum of all squared gradients."""

    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "fused": None}

    def __init__(self, params, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10,
                 foreach=None, *, maximize=False, differentiable=False, fused=None):  # fmt: skip
        _check_options(
            lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
        )
        _check_options(0.0, eps)
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        })  # fmt: skip
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param]["step"] = _step_tensor(0)
                self.state[param]["sum"] = _C.zeros_like(param).fill_(initial_accumulator_value)

    def share_memory(self):
        """Nothing to do: tensors of one process are shared by its threads."""

    step = _C._optim.adagrad
