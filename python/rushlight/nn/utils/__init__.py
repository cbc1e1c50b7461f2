"""What training loops do with parameters."""

import warnings

import rushlight
from rushlight.nn.utils import rnn

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "get_total_norm",
    "parameters_to_vector",
    "rnn",
    "vector_to_parameters",
]


def _gradients(parameters):
    parameters = [parameters] if isinstance(parameters, rushlight.Tensor) else list(parameters)
    return [p.grad for p in parameters if p.grad is not None]


def get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """The norm of all tensors as if they were one vector."""
    tensors = [tensors] if isinstance(tensors, rushlight.Tensor) else list(tensors)
    norm_type = float(norm_type)
    if not tensors:
        return rushlight.tensor(0.0)
    norms = rushlight.stack([rushlight._C.linalg_vector_norm(t.detach(), norm_type) for t in tensors])
    total = rushlight._C.linalg_vector_norm(norms, norm_type)
    if error_if_nonfinite and not bool(rushlight.isfinite(total)):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it "
            "cannot be clipped. To disable this error and scale the gradients by the non-finite norm anyway, "
            "set `error_if_nonfinite=False`"
        )
    return total


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Scales the gradients so that their common norm is at most `max_norm`; returns the norm they had."""
    with rushlight.no_grad():
        gradients = _gradients(parameters)
        total = get_total_norm(gradients, norm_type, error_if_nonfinite, foreach)
        factor = rushlight.clamp(float(max_norm) / (total + 1e-6), max=1.0)
        for gradient in gradients:
            gradient.mul_(factor)
    return total


def clip_grad_norm(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """The older name of clip_grad_norm_."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(parameters, clip_value, foreach=None):
    """Clamps all elements of the gradients to [-clip_value, clip_value]."""
    clip_value = float(clip_value)
    with rushlight.no_grad():
        for gradient in _gradients(parameters):
            gradient.clamp_(min=-clip_value, max=clip_value)


def parameters_to_vector(parameters):
    """All parameters as one vector."""
    return rushlight.cat([p.view(-1) for p in parameters])


def vector_to_parameters(vec, parameters):
    """Gives the parameters parts of the vector as their data."""
    if not isinstance(vec, rushlight.Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {rushlight.typename(vec)}")
    start = 0
    for p in parameters:
        p.data = vec[start : start + p.numel()].view_as(p).data
        start += p.numel()
