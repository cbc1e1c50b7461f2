"""Tensors, automatic differentiation and neural networks under PyTorch's names.

    import rushlight as torch                # beside an installed PyTorch
    python -m rushlight program.py           # a program that says `import torch`
    rushlight.as_torch()                     # the same for a notebook or a conftest file

Operations and types come from the engine, `rushlight._C`; submodules are imported when first used. Importing
this package never touches `sys.modules["torch"]`, which only the last two lines above do: PyTorch can live in
the same process. `__version__` is Rushlight's own until `torch` is an alias; `torch.__version__` is "2.13.0".
"""

# isort: skip_file
# ruff: noqa: F401, F405
import importlib as _importlib
from importlib.util import find_spec as _find_spec

from rushlight import _C
from rushlight._C import *  # noqa: F403
from rushlight._alias import as_torch
from rushlight._missing import attribute_error as _attribute_error, prepare as _prepare
from rushlight._random import fork_rng, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from rushlight._settings import *  # noqa: F403
from rushlight.version import rushlight as __version__

from math import e, inf, nan, pi
import typing as _typing

if _typing.TYPE_CHECKING:  # what _import_later below finds when it is first used
    from rushlight import amp, autograd, backends, cuda, jit, nn, optim, random, special, testing, utils
    from rushlight._type_info import finfo, iinfo
    from rushlight.amp import GradScaler, autocast
    from rushlight.serialization import load, save

newaxis = None

del globals()["Parameter"]  # it is torch.nn.Parameter, not torch.Parameter

# Names of this package that are defined in a module which is imported when they are first used.
_LATER = {
    "autocast": "amp",
    "GradScaler": "amp",
    "finfo": "_type_info",
    "iinfo": "_type_info",
    "load": "serialization",
    "save": "serialization",
    "TypedStorage": "storage",
}


def _import_later(name):
    if name in _LATER:
        value = getattr(_importlib.import_module(f"rushlight.{_LATER[name]}"), name)
    elif name.endswith("Storage"):
        legacy = _importlib.import_module("rushlight.storage").LEGACY
        value = legacy.get("FloatStorage" if name == "Storage" else name)
        if value is None:
            raise _attribute_error(__name__, name)
    elif name.startswith("__") or _find_spec(f"rushlight.{name}") is None:
        raise _attribute_error(__name__, name)
    else:
        value = _prepare(_importlib.import_module(f"rushlight.{name}"))
    globals()[name] = value
    return value


if not _typing.TYPE_CHECKING:  # a checker would take any name for granted
    __getattr__ = _import_later


def __dir__():
    from pkgutil import iter_modules

    modules = (module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
    return sorted({*globals(), *_LATER, *modules})
