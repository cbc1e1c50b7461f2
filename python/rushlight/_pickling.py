"""Checkpoints of arbitrary Python objects: Python's pickle, with tensors and the names of our types as
PyTorch writes them."""

import importlib
import io
import pickle
from collections import OrderedDict
from typing import Any

from rushlight import _C
from rushlight._C import Tensor

_STORAGE_NAMES = {
    "float32": "Float", "float64": "Double", "float16": "Half", "bfloat16": "BFloat16", "uint8": "Byte",
    "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long", "bool": "Bool",
    "complex64": "ComplexFloat", "complex128": "ComplexDouble",
}  # fmt: skip
_DTYPES = {f"{name}Storage": getattr(_C, dtype) for dtype, name in _STORAGE_NAMES.items()}
_Parameter = _C.Parameter
# Their __reduce__ gives named() and its arguments.
_NAMED = (_C.dtype, _C.layout, _C.memory_format, _C.device, _C.Size, type(_C.add))


class _Name:
    """A global by its PyTorch name, whether or not there is such a thing here."""

    def __init__(self, module, name):
        self.module, self.name = module, name

    def __call__(self):
        """The pickler wants callables; nobody calls this one."""


class _Storage:
    """The memory of a tensor, on its way to a persistent id."""

    def __init__(self, tensor):
        self.tensor = tensor


def _torch_module(module):
    """The name of PyTorch's module for one of ours."""
    return "torch" + module[len("rushlight") :] if module.split(".")[0] == "rushlight" else module


# The one in Python, whose save_global can be told what to write; its types are those of the one in C.
_PythonPickler: Any = pickle._Pickler


class Pickler(_PythonPickler):
    """Pickles as torch.save does; ``tensors`` collects one tensor of each storage."""

    def __init__(self, file, protocol):
        super().__init__(file, protocol)
        self.tensors = []
        self._keys = {}
        self._names = {}

    def _name(self, module, name):
        return self._names.setdefault((module, name), _Name(module, name))

    def persistent_id(self, obj):
        if not isinstance(obj, _Storage):
            return None
        tensor = obj.tensor
        dtype = str(tensor.dtype).removeprefix("torch.")
        identity, nbytes = _C._serialize.storage_of(tensor)
        key, known = self._keys.setdefault(identity, (len(self.tensors), dtype))
        if known != dtype:
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different types"
            )
        if key == len(self.tensors):
            self.tensors.append(tensor)
        numel = nbytes // tensor.element_size()
        return ("storage", self._name("torch", f"{_STORAGE_NAMES[dtype]}Storage"), str(key), "cpu", numel)

    def reducer_override(self, obj):
        if isinstance(obj, _Name):
            return obj.name
        if isinstance(obj, Tensor):
            return self._reduce_tensor(obj)
        if type(obj) in _NAMED:
            _, (module, name, *arguments) = obj.__reduce__()
            return (self._name(module, name), *arguments) if arguments else name
        return NotImplemented

    def _reduce_tensor(self, tensor):
        dtype = str(tensor.dtype).removeprefix("torch.")
        if dtype not in _STORAGE_NAMES:
            raise NotImplementedError(
                f"saving a {tensor.dtype} tensor inside an object that only pickle can take is not supported"
            )
        state = dict(tensor.__dict__)
        arguments = (_Storage(tensor), tensor.storage_offset(), tuple(tensor.shape), tensor.stride())
        hooks: OrderedDict = OrderedDict()
        plain = (self._name("torch._utils", "_rebuild_tensor_v2"), (*arguments, tensor.requires_grad, hooks))
        if type(tensor) is _Parameter:
            rest = (state,) if state else ()
            name = "_rebuild_parameter_with_state" if state else "_rebuild_parameter"
            return self._name("torch._utils", name), (tensor.data, tensor.requires_grad, OrderedDict(), *rest)
        if type(tensor) is Tensor and not state:
            return plain
        return self._name("torch._tensor", "_rebuild_from_type_v2"), (plain[0], type(tensor), plain[1], state)

    def save_global(self, obj, name=None):
        module = obj.module if isinstance(obj, _Name) else getattr(obj, "__module__", None) or ""
        if module.split(".")[0] not in ("rushlight", "torch") and not isinstance(obj, _Name):
            return super().save_global(obj, name)
        name = name or obj.__qualname__
        self.write(pickle.GLOBAL + f"{_torch_module(module)}\n{name}\n".encode())
        self.memoize(obj)
        return None

    dispatch = _PythonPickler.dispatch.copy()
    dispatch[type(len)] = save_global  # built-in functions
    dispatch[type(_torch_module)] = save_global

    def _save_type(self, obj):
        if obj in (type(None), type(NotImplemented), type(...)):
            _PythonPickler.save_type(self, obj)
        else:
            self.save_global(obj)

    dispatch[type] = _save_type


def _rebuild_tensor_v2(
    storage, offset, size, stride, requires_grad=False, backward_hooks=None, metadata=None
):
    return _C._serialize.rebuild(storage, storage.dtype, offset, size, stride, requires_grad, False)


def _rebuild_tensor_v3(storage, offset, size, stride, requires_grad, backward_hooks, dtype, metadata=None):
    return _C._serialize.rebuild(storage, dtype, offset, size, stride, requires_grad, False)


def _rebuild_parameter(data, requires_grad, backward_hooks):
    return _Parameter(data, requires_grad)


def _rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    parameter = _Parameter(data, requires_grad)
    parameter.__dict__.update(state)
    return parameter


def _rebuild_from_type_v2(function, cls, arguments, state):
    tensor = function(*arguments)
    if cls not in (Tensor, _Parameter):
        tensor = tensor.as_subclass(cls)
    if isinstance(state, dict):
        tensor.__dict__.update(state)
    return tensor


_REBUILDERS = {
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor_v2,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor_v2,
    ("torch._utils", "_rebuild_tensor_v3"): _rebuild_tensor_v3,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _rebuild_parameter_with_state,
    ("torch._tensor", "_rebuild_from_type_v2"): _rebuild_from_type_v2,
    ("torch.storage", "UntypedStorage"): _C.uint8,
    ("torch.nn.parameter", "Parameter"): _Parameter,
    **{("torch", name): dtype for name, dtype in _DTYPES.items()},
}


def named(module, name, arguments=None):
    """What a name of PyTorch stands for here, or what it gives for these arguments."""
    found: Any = importlib.import_module("rushlight" + module[len("torch") :])
    for part in name.split("."):
        found = getattr(found, part)
    return found if arguments is None else found(*arguments)


class Unpickler(pickle.Unpickler):
    """Reads what Pickler or PyTorch wrote."""

    def __init__(self, file, archive, map_location, **options):
        super().__init__(file, **options)
        self._archive, self._map_location = archive, map_location
        self._storages = {}

    def find_class(self, module, name):
        known = _REBUILDERS.get((module, name))
        if known is not None:
            return known
        if module.split(".")[0] == "torch":
            return named(module, name)
        return super().find_class(module, name)

    def persistent_load(self, saved_id):
        kind, dtype, key, location, numel = saved_id
        if kind != "storage":
            raise AssertionError(f"Unknown typename for persistent_load, expected 'storage' but got '{kind}'")
        if key not in self._storages:
            (self._storages[key],) = _C._serialize.read_storages(
                self._archive, [(key, dtype, numel, location)], self._map_location
            )
        return self._storages[key]


class SafeUnpickler(Unpickler):
    """Reads tensors, plain values, and what the user declared to be safe."""

    _plain = {("collections", "OrderedDict"), ("collections", "Counter"), ("builtins", "set"),
              ("builtins", "frozenset"), ("builtins", "complex"), ("builtins", "bytearray"),
              ("torch", "Size"), ("torch", "device"), ("_codecs", "encode")}  # fmt: skip

    def __init__(self, *args, allowed, **options):
        super().__init__(*args, **options)
        self._allowed = allowed

    def find_class(self, module, name):
        full = f"{module}.{name}"
        if full in self._allowed:
            return self._allowed[full]
        if (module, name) in _REBUILDERS or (module, name) in self._plain:
            return super().find_class(module, name)
        if module == "torch" and isinstance(getattr(_C, name, None), _C.dtype):
            return getattr(_C, name)
        raise pickle.UnpicklingError(
            f"Unsupported global: GLOBAL {full} was not an allowed global by default. Please use "
            f"`torch.serialization.add_safe_globals([{full}])` or the "
            f"`torch.serialization.safe_globals([{full}])` context manager to allowlist this global if you "
            "trust this class/function."
        )


def dumps(obj, protocol):
    """The bytes of a checkpoint of any object."""
    file = io.BytesIO()
    pickler = Pickler(file, protocol)
    pickler.dump(obj)
    return _C._serialize.write_archive(file.getvalue(), pickler.tensors)


def loads(archive, map_location, allowed=None, **options):
    """The object of a checkpoint; with ``allowed``, a dict of names, nothing else is looked up."""
    file = io.BytesIO(_C._serialize.read_pickle(archive))
    if allowed is not None:
        return SafeUnpickler(file, archive, map_location, allowed=allowed, **options).load()
    return Unpickler(file, archive, map_location, **options).load()
