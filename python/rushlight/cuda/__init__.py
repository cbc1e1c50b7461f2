"""torch.cuda in a build without CUDA: it answers as PyTorch's CPU build does."""

import builtins
from collections import OrderedDict
from contextlib import contextmanager as _contextmanager
from contextlib import nullcontext as _nullcontext

from rushlight import _C
from rushlight._missing import refused as _refused

has_half = True
has_magma = False
default_generators = ()


class DeferredCudaCallError(Exception):
    pass


class CudaError(RuntimeError):
    pass


OutOfMemoryError = getattr(_C, "OutOfMemoryError", RuntimeError)
AcceleratorError = getattr(_C, "AcceleratorError", RuntimeError)


def _unavailable(name):
    def function(*args, **kwargs):
        raise AssertionError("Rushlight not compiled with CUDA enabled")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Needs a GPU: AssertionError without one."
    return function


for _name in [
    "can_device_access_peer",
    "current_blas_handle",
    "current_device",
    "current_stream",
    "default_stream",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_rng_state",
    "get_sync_debug_mode",
    "init",
    "initial_seed",
    "ipc_collect",
    "mem_get_info",
    "set_per_process_memory_fraction",
    "set_sync_debug_mode",
    "synchronize",
    "cudart",
    "memory_summary",
    "memory_snapshot",
    "get_per_process_memory_fraction",
]:
    globals()[_name] = _unavailable(_name)


def is_available():
    """False: there is no GPU to compute on."""
    return False


def is_initialized():
    """False."""
    return False


def is_bf16_supported(including_emulation=True):
    """False."""
    return False


def is_tf32_supported():
    """False."""
    return False


def is_current_stream_capturing():
    """False."""
    return False


def device_count():
    """0."""
    return 0


def get_arch_list():
    """The GPU architectures that were compiled for: none."""
    return []


def get_gencode_flags():
    """Empty, as get_arch_list()."""
    return ""


def manual_seed(seed):
    """Nothing to seed."""
    int(seed)


def manual_seed_all(seed):
    """Nothing to seed."""
    int(seed)


def seed():
    """Nothing to seed."""


def seed_all():
    """Nothing to seed."""


def get_rng_state_all():
    """One state for each GPU: none."""
    return []


def set_rng_state(new_state, device="cuda"):
    """Nothing to set."""


def set_rng_state_all(new_states):
    """Nothing to set."""


def empty_cache():
    """Nothing is cached."""


def reset_peak_memory_stats(device=None):
    """Nothing is counted."""


def reset_accumulated_memory_stats(device=None):
    """Nothing is counted."""


def reset_max_memory_allocated(device=None):
    """Nothing is counted."""


def memory_allocated(device=None):
    """0 bytes."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_cached = max_memory_cached = (
    memory_allocated
)


def memory_stats(device=None):
    """No statistics."""
    return OrderedDict()


def _index(device):
    if device is None or isinstance(device, builtins.int):
        return -1 if device is None else device
    found = _C.device(device)
    if found.type != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {found}")
    return -1 if found.index is None else found.index


def set_device(device):
    """AssertionError for any GPU; a negative index means none."""
    if _index(device) >= 0:
        raise AssertionError("Rushlight not compiled with CUDA enabled")


@_contextmanager
def device(device):
    """A scope in which a GPU is the current one; only no GPU (None or -1) can be."""
    set_device(device)
    yield


def device_of(obj):
    """The scope of a tensor's GPU: for tensors on the CPU, nothing."""
    return _nullcontext()


def stream(stream):
    """A scope in which work goes to a stream; only None can be."""
    if stream is not None:
        raise AssertionError("Rushlight not compiled with CUDA enabled")
    return _nullcontext()


class Stream:
    """Needs a GPU."""

    def __new__(cls, *args, **kwargs):
        raise RuntimeError("torch.cuda.Stream requires CUDA support")


class Event:
    """Needs a GPU."""

    def __new__(cls, *args, **kwargs):
        raise RuntimeError("Tried to instantiate dummy base class Event")


CUDAGraph = _refused("torch.cuda.CUDAGraph", "there is no GPU")
graph = _refused("torch.cuda.graph", "there is no GPU")


def __getattr__(name):
    import importlib.util

    from rushlight._missing import attribute_error

    if name.startswith("_") or importlib.util.find_spec(f"rushlight.cuda.{name}") is None:
        raise attribute_error(__name__, name)
    return importlib.import_module(f"rushlight.cuda.{name}")
