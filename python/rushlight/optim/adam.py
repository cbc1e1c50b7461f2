"""Adam (Kingma and Ba, 2015)."""

from rushlight import _C
from rushlight._C import Tensor
from rushlight.optim.optimizer import _BuiltinOptimizer, _check_options

__all__ = ["Adam"]


class Adam(_BuiltinOptimizer):
    """Adam, with AMSGrad (Reddi et al., 2018) and decoupled weight decay as options."""

    _later_options = {"amsgrad": False, "maximize": False, "foreach": None, "capturable": False,
                      "differentiable": False, "decoupled_weight_decay": False, "fused": None}  # fmt: skip

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *,
                 foreach=None, maximize=False, capturable=False, differentiable=False, fused=None,
                 decoupled_weight_decay=False):  # fmt: skip
        if isinstance(lr, Tensor) and foreach and not capturable:
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
        _check_options(lr, eps, betas, weight_decay=weight_decay)
        kinds = [isinstance(beta, Tensor) for beta in betas]
        if not all(kinds) and not all(isinstance(beta, float) for beta in betas):
            raise ValueError("betas must be either both floats or both Tensors")
        for i in (0, 1):
            if kinds[i] and foreach and not capturable:
                raise ValueError(
                    f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True"
                )
            if kinds[i] and betas[i].numel() != 1:
                raise ValueError(f"Tensor betas[{i}] must be 1-element")
        betas = tuple(beta.item() if isinstance(beta, Tensor) and beta.dim() else beta for beta in betas)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        })  # fmt: skip

    step = _C._optim.adam
