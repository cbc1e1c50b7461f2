"""Switches of the torch namespace. Those that tune PyTorch's back ends are kept and have no effect here."""

import warnings
from types import SimpleNamespace

from rushlight import _C
from rushlight.version import TorchVersion

__all__ = [
    "TorchVersion",
    "are_deterministic_algorithms_enabled",
    "compile",
    "compiled_with_cxx11_abi",
    "get_autocast_cpu_dtype",
    "get_autocast_dtype",
    "get_autocast_gpu_dtype",
    "get_deterministic_debug_mode",
    "get_float32_matmul_precision",
    "is_autocast_cache_enabled",
    "is_autocast_cpu_enabled",
    "is_autocast_enabled",
    "is_deterministic_algorithms_warn_only_enabled",
    "is_storage",
    "is_warn_always_enabled",
    "set_default_device",
    "set_default_tensor_type",
    "set_deterministic_debug_mode",
    "set_float32_matmul_precision",
    "set_warn_always",
    "typename",
    "use_deterministic_algorithms",
]

_DTYPE_OF_TENSOR_TYPE = {
    "FloatTensor": "float32",
    "DoubleTensor": "float64",
    "HalfTensor": "float16",
    "BFloat16Tensor": "bfloat16",
}
_state = SimpleNamespace(deterministic=0, precision="highest", warn_always=False, device=None)


def compile(
    model=None, *, fullgraph=False, dynamic=None, backend="inductor", mode=None, options=None, disable=False
):
    """Returns `model` unchanged: Rushlight has no compiler, and its results are what compiled ones should be.

    Used as a decorator with arguments, it leaves the function unchanged too.
    """
    if model is None:
        return lambda function: function
    return model


# ---- the default device


def set_default_device(device):
    """Chooses the device that tensors are made on where no device is named; None is the CPU.

    One that does not exist is refused when a tensor is made.
    """
    chosen = None if device is None else _C.device(device)
    previous, _state.device = _state.device, None
    if previous is not None:
        previous.__exit__(None, None, None)
    if chosen is not None:
        chosen.__enter__()
    _state.device = chosen


def set_default_tensor_type(t):
    """The older set_default_dtype: takes torch.DoubleTensor or "torch.DoubleTensor"."""
    warnings.warn(
        "torch.set_default_tensor_type() is deprecated as of PyTorch 2.1, please use "
        "torch.set_default_dtype() and torch.set_default_device() as alternatives.",
        stacklevel=2,
    )
    name = t if isinstance(t, str) else getattr(t, "__name__", "")
    short = name.rpartition(".")[2]
    if short not in _DTYPE_OF_TENSOR_TYPE:
        raise TypeError("invalid type object")
    _C.set_default_dtype(getattr(_C, _DTYPE_OF_TENSOR_TYPE[short]))


# ---- determinism: results here never depend on the number of threads or on timing


def use_deterministic_algorithms(mode, *, warn_only=False):
    """Kept for the question below; every algorithm here is deterministic."""
    if not isinstance(mode, bool):
        raise TypeError(
            "_set_deterministic_algorithms(): argument 'mode' (position 1) must be bool, not "
            + type(mode).__name__
        )
    _state.deterministic = (1 if warn_only else 2) if mode else 0


def are_deterministic_algorithms_enabled():
    """What use_deterministic_algorithms was told."""
    return _state.deterministic > 0


def is_deterministic_algorithms_warn_only_enabled():
    """What use_deterministic_algorithms was told of warn_only."""
    return _state.deterministic == 1


def set_deterministic_debug_mode(debug_mode):
    """use_deterministic_algorithms by number or name: 0 "default", 1 "warn", 2 "error"."""
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    names = ("default", "warn", "error")
    if isinstance(debug_mode, str):
        if debug_mode not in names:
            raise RuntimeError(
                "invalid value of debug_mode, expected one of `default`, `warn`, `error`, "
                f"but got {debug_mode}"
            )
        debug_mode = names.index(debug_mode)
    if debug_mode not in (0, 1, 2):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}")
    _state.deterministic = debug_mode


def get_deterministic_debug_mode():
    """0, 1 or 2, as set_deterministic_debug_mode counts."""
    return _state.deterministic


# ---- others


def set_float32_matmul_precision(precision):
    """Kept and without effect: products of float32 are computed in float32."""
    if precision not in ("highest", "high", "medium"):
        message = f"{precision} is not one of 'highest', 'high', or 'medium'; the current"
        warnings.warn(message + "setFloat32MatmulPrecision call has no effect.", stacklevel=2)
        return
    _state.precision = precision


def get_float32_matmul_precision():
    """What set_float32_matmul_precision was told."""
    return _state.precision


def set_warn_always(b):
    """Kept for the question below."""
    _state.warn_always = bool(b)


def is_warn_always_enabled():
    """What set_warn_always was told."""
    return _state.warn_always


def is_autocast_enabled(device_type="cuda"):
    """False: there is no mixed precision by context here."""
    return False


def is_autocast_cpu_enabled():
    """False, as is_autocast_enabled."""
    return False


def is_autocast_cache_enabled():
    """True, as in PyTorch before anything is set."""
    return True


def get_autocast_dtype(device_type):
    """The dtype that autocast would choose for a device."""
    return _C.bfloat16 if device_type == "cpu" else _C.float16


def get_autocast_cpu_dtype():
    """bfloat16."""
    return _C.bfloat16


def get_autocast_gpu_dtype():
    """float16."""
    return _C.float16


def is_storage(obj):
    """Is the object a storage."""
    return type(obj).__name__.endswith("Storage")


def compiled_with_cxx11_abi():
    """True."""
    return True


def typename(obj, /):
    """ "torch.FloatTensor" of a tensor, else the name of the object's type with its module."""
    if isinstance(obj, _C.Tensor):
        return obj.type()
    named = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(named, "__module__", None) or ""
    name = getattr(named, "__qualname__", None) or named.__name__
    return name if module in ("", "builtins", "__builtin__") else f"{module}.{name}"
