#!/usr/bin/env python3
"""Writes the types of rushlight._C, from its operation table and the signatures of its layers.

    python scripts/write_stubs.py build/release/python/rushlight/_C.cpython-311-x86_64-linux-gnu.so

The stubs are put into a folder _C beside the module (a folder without __init__.py hides no module), one file
for each of its namespaces. The module is loaded by itself: the package around it need not be there.
"""

import importlib.util
import inspect
import keyword
import re
import sys
import types
from pathlib import Path

HEADER = """# Written by scripts/write_stubs.py from the operation table.
# mypy: disable-error-code="overload-overlap, overload-cannot-match, misc, override"
import builtins
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar, overload
"""
TYPES = """
_Number = builtins.int | builtins.float | builtins.bool | builtins.complex
_Ints = builtins.int | Sequence[builtins.int]
_dtype = dtype
_device = device
_Device = device | builtins.str | builtins.int
_F = TypeVar("_F", bound=Callable[..., Any])

class ValuesIndices(NamedTuple):
    values: Tensor
    indices: Tensor

class MinMax(NamedTuple):
    min: Tensor
    max: Tensor

class MantissaExponent(NamedTuple):
    mantissa: Tensor
    exponent: Tensor

"""
# What the other files take from the first.
SHARED = """
from rushlight._C import Generator, MantissaExponent, MinMax, Tensor, ValuesIndices
from rushlight._C import _Device, _Ints, _Number, _device, _dtype
from rushlight.nn.modules.module import Module

"""

RESULTS = {
    "Tensor": "Tensor",
    "Self": "Tensor",
    "bool": "builtins.bool",
    "int64_t": "builtins.int",
    "double": "builtins.float",
    "Scalar": "_Number",
    "TensorPair": "tuple[Tensor, Tensor]",
    "TensorTriple": "tuple[Tensor, Tensor, Tensor]",
    "TensorVector": "tuple[Tensor, ...]",
    "ValuesIndices": "ValuesIndices",
    "MinMax": "MinMax",
    "MantissaExponent": "MantissaExponent",
}
PARAMETERS = {
    "tuple of Tensors": "Sequence[Tensor] | Tensor",
    "tuple of ints": "_Ints",
    "Number": "_Number",
    "int": "builtins.int",
    "float": "builtins.float",
    "bool": "builtins.bool",
    "str": "builtins.str",
    "torch.dtype": "_dtype",
    "torch.device": "_Device",
    "torch.Generator": "Generator",
}
ATTRIBUTES = {
    "shape": "Size",
    "dtype": "_dtype",
    "device": "_device",
    "grad": "Tensor | None",
    "data": "Tensor",
    "requires_grad": "builtins.bool",
    "is_leaf": "builtins.bool",
    "ndim": "builtins.int",
    "T": "Tensor",
    "mT": "Tensor",
    "H": "Tensor",
    "mH": "Tensor",
    "real": "Tensor",
    "imag": "Tensor",
}
METHODS = {
    "item": "(self) -> Any",
    "tolist": "(self) -> Any",
    "dim": "(self) -> builtins.int",
    "numel": "(self) -> builtins.int",
    "backward": "(self, gradient: Tensor | None = ..., retain_graph: builtins.bool | None = ..., "
    "create_graph: builtins.bool = ..., inputs: Any = ...) -> None",
    "requires_grad_": "(self, requires_grad: builtins.bool = ...) -> Tensor",
    "to": "(self, *args: Any, **kwargs: Any) -> Tensor",
}
# Namespaces of the module, each a file, and what the table calls them.
NAMESPACES = {
    "_init": "torch.nn.init",
    "_modules": None,
    "_nn": "torch.nn.functional",
    "_special": "torch.special",
}
BINARY = [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
]
COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge"]


def load(path):
    spec = importlib.util.spec_from_file_location("rushlight._C", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parameters(signature, form, method):
    """The parameters of a stub from "Tensor input, tuple of ints dim = None, *, bool keepdim = False"."""
    parts = [part for part in re.split(r", (?![^\[(]*[\])])", signature) if part]
    if form != "function":
        parts = [part for part in parts if part != "Tensor out = None"]
    if parts and parts[-1] == "*":
        parts.pop()
    out, first = ["self"] if method else [], True
    star = parts.index("*") if "*" in parts else len(parts)
    for i, part in enumerate(parts):
        if part == "*":
            if not any(p.startswith("*") for p in out):
                out.append("*")
            continue
        declared, _, default = part.partition(" = ")
        kind, _, name = declared.rpartition(" ")
        if first and method:
            first = False
            continue
        if kind == "Tensor":  # beyond the first place, numbers stand for tensors
            annotation = "Tensor" if first or name == "out" else "Tensor | _Number"
        else:
            annotation = PARAMETERS.get(kind, "Any")
        if default == "None":
            annotation += " | None"
        if keyword.iskeyword(name):
            name += "_"
        out.append(f"{name}: {annotation}" + (" = ..." if default else ""))
        if kind == "tuple of ints" and i == star - 1 and not default:
            out.append("*more: builtins.int")  # zeros(2, 3)
        first = False
    return ", ".join(out)


def functions(overloads, indent=""):
    """The lines of one name; `overloads` are (signature, result) with equal ones dropped."""
    unique = list(dict.fromkeys(overloads))
    for text in unique:
        if len(unique) > 1:
            yield f"{indent}@overload"
        yield f"{indent}def {text}: ..."


def collect(table, form, method, namespace="torch"):
    """The signatures of one form of the operations: "function", "method" or "inplace"."""
    names = {}
    for row in table:
        if row[form] and row["module"] == namespace:
            name = row["name"] + ("_" if form == "inplace" else "")
            result = "Tensor" if form == "inplace" else RESULTS.get(row["result"], "Any")
            names.setdefault(name, []).append(
                f"{name}({parameters(row['signature'], form, method)}) -> {result}"
            )
    return names


def tensor_class(module, table):
    yield "class Tensor:"
    yield "    def __init__(self, *args: Any, **kwargs: Any) -> None: ..."
    for name in BINARY:
        yield f"    def __{name}__(self, other: Any) -> Tensor: ..."
        yield f"    def __r{name}__(self, other: Any) -> Tensor: ..."
    for name in COMPARISONS:
        yield f"    def __{name}__(self, other: Any) -> Tensor: ..."
    for name in ("neg", "pos", "abs", "invert"):
        yield f"    def __{name}__(self) -> Tensor: ..."
    for name in ("bool", "float", "int"):
        yield f"    def __{name}__(self) -> builtins.{name}: ..."
    yield "    def __index__(self) -> builtins.int: ..."
    yield "    def __len__(self) -> builtins.int: ..."
    yield "    def __hash__(self) -> builtins.int: ..."
    yield "    def __iter__(self) -> Iterator[Tensor]: ..."
    yield "    def __getitem__(self, index: Any) -> Tensor: ..."
    yield "    def __setitem__(self, index: Any, value: Any) -> None: ..."
    methods = {**collect(table, "method", True), **collect(table, "inplace", True)}
    for name in sorted(vars(module.Tensor)):
        value = vars(module.Tensor)[name]
        if name.startswith("__"):
            continue
        if isinstance(value, types.GetSetDescriptorType):
            yield f"    {name}: {ATTRIBUTES.get(name, 'Any')}"
        elif name in METHODS:
            yield f"    def {name}{METHODS[name]}: ..."
        elif name in methods:
            yield from functions(methods[name], "    ")
        else:
            yield f"    def {name}(self, *args: Any, **kwargs: Any) -> Any: ..."
    yield ""


def layer(name, cls):
    """A builtin layer: its options by name, booleans typed; other options take several kinds of values."""
    yield f"class {name}(Module):"
    try:
        options = inspect.signature(cls).parameters.values()
    except ValueError:  # written in Python (Sequential)
        yield "    def __init__(self, *args: Any, **kwargs: Any) -> None: ..."
        return
    out = ["self"]
    for option in options:
        stars = {option.VAR_POSITIONAL: "*", option.VAR_KEYWORD: "**"}.get(option.kind, "")
        if option.kind == option.KEYWORD_ONLY and not any(p.startswith("*") for p in out):
            out.append("*")
        annotation = "builtins.bool" if isinstance(option.default, bool) else "Any"
        default = "" if option.default is option.empty else " = ..."
        out.append(f"{stars}{option.name}: {annotation}{default}")
    yield f"    def __init__({', '.join(out)}) -> None: ..."


def other_class(name, value):
    yield f"class {name}:"
    yield "    def __init__(self, *args: Any, **kwargs: Any) -> None: ..."
    if hasattr(value, "__enter__"):  # the grad modes
        yield "    def __enter__(self) -> Any: ..."
        yield "    def __exit__(self, *exception: Any) -> None: ..."
        yield "    def __call__(self, function: _F) -> _F: ..."
    else:
        for method in {"__call__", "__setstate__"} & vars(value).keys():
            yield f"    def {method}(self, *args: Any, **kwargs: Any) -> Any: ..."
    yield "    def __getattr__(self, name: builtins.str) -> Any: ..."
    yield "    def __setattr__(self, name: builtins.str, value: Any) -> None: ..."


def names_of(module, operations):
    """The lines of a module, or of one of its namespaces."""
    for name in sorted(vars(module)):
        value = getattr(module, name)
        if name.startswith("__") or name == "Tensor" or keyword.iskeyword(name):
            continue
        if name in operations:
            yield from functions(operations[name])
        elif name == "Size":
            yield "class Size(tuple[builtins.int, ...]):\n    def numel(self) -> builtins.int: ..."
        elif name == "Parameter":
            yield "class Parameter(Tensor):"
            yield "    def __init__(self, data: Any = ..., requires_grad: builtins.bool = ...) -> None: ..."
        elif isinstance(value, types.ModuleType):
            if name not in NAMESPACES:
                yield f"{name}: Any"
        elif isinstance(value, type):
            yield from (layer if module.__name__.endswith("_modules") else other_class)(name, value)
        elif callable(value):
            yield f"def {name}(*args: Any, **kwargs: Any) -> Any: ..."
        else:
            yield f"{name}: {type(value).__name__ if type(value).__name__ in vars(module) else 'Any'}"


def stubs(module):
    """The files of the stub package: name -> text."""
    table = module._operations()

    def operations(namespace):
        return {
            **collect(table, "function", False, namespace),
            **collect(table, "inplace", False, namespace),
        }

    imports = [f"from rushlight._C import {name} as {name}" for name in sorted(NAMESPACES)]
    yield "__init__", [*imports, TYPES, *tensor_class(module, table), *names_of(module, operations("torch"))]
    for name, namespace in NAMESPACES.items():
        yield name, [SHARED, *names_of(getattr(module, name), operations(namespace))]


def main():
    module_path = Path(sys.argv[1])
    folder = module_path.with_name("_C")
    folder.mkdir(exist_ok=True)
    for name, lines in stubs(load(module_path)):
        text = HEADER + "\n".join(lines) + "\n"
        target = folder / f"{name}.pyi"
        if not target.exists() or target.read_text() != text:
            target.write_text(text)


if __name__ == "__main__":
    main()
