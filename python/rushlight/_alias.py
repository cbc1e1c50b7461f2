"""`import torch` means Rushlight: the alias of `python -m rushlight` and of `rushlight.as_torch()`.

A finder at the head of `sys.meta_path` answers for `torch` and `torchvision` and everything under them with
the very modules of this package, so that `torch is rushlight`. Child processes inherit it through PYTHONPATH:
the folder `_shim` holds packages of these names that put the alias in place when a child first imports one of
them.
"""

import importlib
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec

from rushlight._missing import import_error, prepare, torch_name

ROOTS = {"torch": "rushlight", "torchvision": "rushlight.vision"}
DISTRIBUTION_VERSION = "2.13.0+rushlight"  # what importlib.metadata says of torch
SHIM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_shim")


def our_name(name):
    """ "rushlight.nn" for "torch.nn"; None for modules that are not PyTorch's."""
    root, dot, rest = name.partition(".")
    return ROOTS[root] + dot + rest if root in ROOTS else None


def _find_ours(name):
    try:
        return find_spec(name)
    except ModuleNotFoundError:  # the parent does not exist either
        return None


def _importing():
    """Is an import statement asking (and not importlib.util.find_spec)."""
    try:
        return sys._getframe(3).f_code.co_name == "_find_and_load_unlocked"
    except ValueError:
        return False


class _Loader:
    """Hands out a module of this package under its other name, leaving it as it is."""

    def __init__(self, name):
        self.name = name

    def create_module(self, spec):
        module = prepare(importlib.import_module(self.name))
        self.own_spec = module.__spec__
        return module

    def exec_module(self, module):
        module.__spec__ = self.own_spec  # the import system has just replaced it


def name_as_torch(module):
    """Programs that print or compare the module of a class expect PyTorch's: "torch.optim.adam"."""
    for value in list(vars(module).values()):
        if isinstance(value, type) and f"{value.__module__}.".startswith(f"{module.__name__}."):
            value.__module__ = torch_name(value.__module__)


def _named_as_torch(spec):
    """The spec of one of our own modules, whose classes get PyTorch's names when it has been executed."""
    execute = spec.loader.exec_module

    def exec_module(module):
        execute(module)
        name_as_torch(module)

    spec.loader.exec_module = exec_module
    return spec


class _Finder:
    @staticmethod
    def find_spec(fullname, path=None, target=None):
        ours = our_name(fullname)
        if ours is None:
            spec = PathFinder.find_spec(fullname, path, target) if fullname.startswith("rushlight.") else None
            return _named_as_torch(spec) if spec is not None and fullname.partition(".")[2] != "_C" else None
        found = _find_ours(ours)
        if found is None:
            # At the top level an installed package must not step in; below it there is none.
            if "." not in fullname or _importing():
                raise import_error(fullname)
            return None
        spec = ModuleSpec(fullname, _Loader(ours), origin=found.origin)  # type: ignore[arg-type]
        spec.submodule_search_locations = found.submodule_search_locations
        return spec

    @staticmethod
    def find_distributions(context=None):
        from importlib.metadata import Distribution

        class Alias(Distribution):
            def __init__(self, name):
                self._name = name

            def read_text(self, filename):
                if filename != "METADATA":
                    return None
                return f"Metadata-Version: 2.1\nName: {self._name}\nVersion: {DISTRIBUTION_VERSION}\n"

            def locate_file(self, path):
                return os.path.join(SHIM, path)

        asked = getattr(context, "name", None)
        return [Alias("torch")] if asked in (None, "torch") else []


def _pass_to_children():
    """As if the shim had been on PYTHONPATH from the start: children copy the variable or sys.path."""
    if SHIM not in sys.path:
        sys.path.insert(min(1, len(sys.path)), SHIM)
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if SHIM not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([SHIM, *paths])


def as_torch():
    """Makes `import torch` mean Rushlight in this process and in those that it starts.

    For notebooks and conftest files; to be called before anything imports torch. ImportError if PyTorch
    itself has been imported already.
    """
    import rushlight
    from rushlight.version import __version__

    for name in ROOTS:
        known = sys.modules.get(name)
        if known is not None and known is not sys.modules.get(ROOTS[name]) and not _is_shim(known):
            raise ImportError(
                f"{name} has been imported already, from {getattr(known, '__file__', 'elsewhere')}: "
                "call rushlight.as_torch() before the first import of torch"
            )
    if not any(finder is _Finder for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder)
    sys.modules["torch"] = rushlight
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "rushlight":
            name_as_torch(module)
    rushlight.__version__ = __version__
    _pass_to_children()


def _is_shim(module):
    return (getattr(module, "__file__", None) or "").startswith(SHIM)
