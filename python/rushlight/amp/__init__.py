"""torch.amp. There is no mixed precision here: disabled it works, enabled it is refused by name."""

import functools
import warnings

from rushlight import _C

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]


def is_autocast_available(device_type):
    """False: autocast(enabled=True) is refused."""
    return False


class autocast:
    """autocast(device_type, dtype=None, enabled=True, cache_enabled=None): context manager and decorator.

    Disabled it does nothing. Enabled for a device that is not there it warns and disables itself, as in
    PyTorch; enabled for the CPU it raises NotImplementedError.
    """

    def __init__(self, device_type, dtype=None, enabled=True, cache_enabled=None):
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        self.device = device_type
        self.fast_dtype = dtype or (_C.bfloat16 if device_type == "cpu" else _C.float16)
        if enabled and device_type == "cuda":
            warnings.warn("CUDA is not available or torch_xla is imported. Disabling autocast.", stacklevel=2)
            enabled = False
        if enabled:
            raise NotImplementedError(
                f"Rushlight does not have autocast on '{device_type}': pass enabled=False, or convert "
                "tensors and modules to bfloat16 with .to(torch.bfloat16)"
            )
        self._enabled = False

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return False

    def __call__(self, function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            with self:
                return function(*args, **kwargs)

        return wrapper


def _identity_decorator(function=None, **options):
    return function if function is not None else lambda f: f


def custom_fwd(fwd=None, *, device_type, cast_inputs=None):
    """Marks the forward of an autograd.Function: unchanged, there is no autocast to tell it of."""
    return _identity_decorator(fwd)


def custom_bwd(bwd=None, *, device_type):
    """Marks the backward of an autograd.Function: unchanged."""
    return _identity_decorator(bwd)


class GradScaler:
    """GradScaler(device="cuda", ..., enabled=True): scales losses for float16 gradients on a GPU.

    Without a GPU it disables itself with PyTorch's warning, and then passes losses and steps through.
    """

    def __init__(
        self,
        device="cuda",
        init_scale=2.0**16,
        growth_factor=2.0,
        backoff_factor=0.5,
        growth_interval=2000,
        enabled=True,
    ):
        self._device = device
        if enabled and device != "cuda":
            raise NotImplementedError(f"Rushlight does not have GradScaler on '{device}': pass enabled=False")
        if enabled:
            warnings.warn(
                "torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.", stacklevel=3
            )

    def is_enabled(self):
        return False

    def scale(self, outputs):
        return outputs

    def unscale_(self, optimizer):
        return None

    def step(self, optimizer, *args, **kwargs):
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale=None):
        return None

    def get_scale(self):
        return 1.0

    def state_dict(self):
        return {}

    def load_state_dict(self, state_dict):
        return None
