"""Modules that hold modules or parameters: their list and dict manners. (Sequential computes in C++.)"""

import operator
from collections import OrderedDict
from collections.abc import Container, Iterable, Mapping

from rushlight import _C
from rushlight.nn.modules._extend import extend
from rushlight.nn.modules.module import Module, _indent
from rushlight.nn.parameter import Parameter

_empty_sequential = _C._modules.Sequential.__init__


def _item_at(values, index, size):
    index = operator.index(index)
    if not -size <= index < size:
        raise IndexError(f"index {index} is out of range")
    return list(values)[index % size]


def _renumber(module, children):
    """Makes `children` the children "0", "1", ... of the module."""
    module._modules.clear()
    module._modules.update((str(i), child) for i, child in enumerate(children))


@extend(_C._modules.Sequential)
class Sequential(_C._modules.Sequential):
    def __init__(self, *args):
        _empty_sequential(self)
        children = (
            args[0]
            if len(args) == 1 and isinstance(args[0], OrderedDict)
            else {str(i): m for i, m in enumerate(args)}
        )
        for name, module in children.items():
            self.add_module(name, module)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.__class__(OrderedDict(list(self._modules.items())[index]))
        return _item_at(self._modules.values(), index, len(self))

    def __setitem__(self, index, module):
        setattr(self, _item_at(self._modules.keys(), index, len(self)), module)

    def __delitem__(self, index):
        keys = (
            list(self._modules)[index]
            if isinstance(index, slice)
            else [_item_at(self._modules.keys(), index, len(self))]
        )
        for key in keys:
            delattr(self, key)
        _renumber(self, list(self._modules.values()))

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())

    def __add__(self, other):
        if not isinstance(other, Sequential):
            raise ValueError(
                f"add operator supports only objects of Sequential class, but {type(other)} is given."
            )
        return Sequential(*self, *other)

    def __iadd__(self, other):
        if not isinstance(other, Sequential):
            raise ValueError(
                f"add operator supports only objects of Sequential class, but {type(other)} is given."
            )
        return self.extend(list(other))

    def __mul__(self, other):
        if not isinstance(other, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(other)}")
        if other <= 0:
            raise ValueError(f"Non-positive multiplication factor {other} for {type(self)}")
        return Sequential(*(module for _ in range(other) for module in self))

    def __rmul__(self, other):
        return self.__mul__(other)

    def __imul__(self, other):
        if not isinstance(other, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(other)}")
        if other <= 0:
            raise ValueError(f"Non-positive multiplication factor {other} for {type(self)}")
        own = list(self)
        for _ in range(other - 1):
            self.extend(own)
        return self

    def __dir__(self):
        return [name for name in Module.__dir__(self) if not name.isdigit()]

    def append(self, module):
        """Adds a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, sequential):
        """Adds all modules of another container at the end."""
        for module in list(sequential):
            self.append(module)
        return self

    def insert(self, index, module):
        """Puts a module before the one at `index`."""
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}")
        n = len(self)
        if not -n <= index <= n:
            raise IndexError(f"Index out of range: {index}")
        children = list(self)
        children.insert(index + n if index < 0 else index, module)
        _renumber(self, children)
        return self

    def pop(self, key):
        """Takes a module out and returns it."""
        module = self[key]
        del self[key]
        return module


class ModuleList(Module):
    """A list whose modules are children. It does not compute."""

    def __init__(self, modules=None):
        super().__init__()
        if modules is not None:
            self += modules

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.__class__(list(self._modules.values())[index])
        return self._modules[str(self._index(index))]

    def _index(self, index):
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range")
        return index % len(self)

    def __setitem__(self, index, module):
        setattr(self, str(self._index(index)), module)

    def __delitem__(self, index):
        doomed = range(len(self))[index] if isinstance(index, slice) else [self._index(index)]
        for i in doomed:
            delattr(self, str(i))
        _renumber(self, list(self._modules.values()))

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())

    def __iadd__(self, modules):
        return self.extend(modules)

    def __add__(self, other):
        return ModuleList([*self, *other])

    def __dir__(self):
        return [name for name in super().__dir__() if not name.isdigit()]

    def __repr__(self):
        """Children that print alike and follow each other share a line."""
        groups: list[list] = []  # [first, last, text]
        for i, text in enumerate(repr(child) for child in self):
            if groups and groups[-1][2] == text:
                groups[-1][1] = i
            else:
                groups.append([i, i, text])
        if not groups:
            return self._get_name() + "()"
        lines = [
            f"({first}): {_indent(text)}"
            if first == last
            else f"({first}-{last}): {last - first + 1} x {_indent(text)}"
            for first, last, text in groups
        ]
        return self._get_name() + "(\n  " + "\n  ".join(lines) + "\n)"

    def insert(self, index, module):
        """Puts a module before the one at `index`."""
        children = list(self)
        children.insert(index, module)
        _renumber(self, children)

    def append(self, module):
        """Adds a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def pop(self, key):
        """Takes a module out and returns it."""
        module = self[key]
        del self[key]
        return module

    def extend(self, modules):
        """Adds all modules of an iterable at the end."""
        if not isinstance(modules, Iterable):
            raise TypeError(
                "ModuleList.extend should be called with an iterable, but got " + type(modules).__name__
            )
        for module in modules:
            self.append(module)
        return self


class ModuleDict(Module):
    """A dict whose modules are children. It does not compute."""

    def __init__(self, modules=None):
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key):
        return self._modules[key]

    def __setitem__(self, key, module):
        self.add_module(key, module)

    def __delitem__(self, key):
        del self._modules[key]

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules)

    def __contains__(self, key):
        return key in self._modules

    def clear(self):
        self._modules.clear()

    def pop(self, key):
        return self._modules.pop(key)

    def keys(self):
        return self._modules.keys()

    def items(self):
        return self._modules.items()

    def values(self):
        return self._modules.values()

    def update(self, modules):
        """Adds the modules of a mapping or of an iterable of pairs."""
        for name, module in _pairs(modules, "ModuleDict"):
            self[name] = module


def _pairs(values, owner):
    if not isinstance(values, Iterable):
        raise TypeError(
            f"{owner}.update should be called with an iterable of key/value pairs, but got "
            + type(values).__name__
        )
    if isinstance(values, (OrderedDict, ModuleDict, ParameterDict, Mapping)):
        return list(values.items())
    pairs = []
    for i, pair in enumerate(values):
        is_iterable = isinstance(pair, Iterable)
        if not is_iterable:
            raise TypeError(
                f"{owner} update sequence element #{i} should be Iterable; is" + type(pair).__name__
            )
        if len(pair) != 2:
            raise ValueError(f"{owner} update sequence element #{i} has length {len(pair)}; 2 is required")
        pairs.append(pair)
    return pairs


def _as_parameter(value):
    is_plain = isinstance(value, _C.Tensor) and not isinstance(value, Parameter)
    return Parameter(value) if is_plain else value


def _describe_tensor(value, element_type):
    size = "x".join(str(n) for n in value.size())
    kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
    where = f" (GPU {value.get_device()})" if value.device.type == "cuda" else ""
    return f"{kind} containing: [{element_type} of size {size}{where}]"


class ParameterList(Module):
    """A list whose tensors are parameters."""

    def __init__(self, values=None):
        super().__init__()
        self._size = 0
        if values is not None:
            self += values

    def _index(self, index):
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range")
        return index % len(self)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.__class__([self[i] for i in range(len(self))[index]])
        return getattr(self, str(self._index(index)))

    def __setitem__(self, index, value):
        setattr(self, str(self._index(index)), _as_parameter(value))

    def __len__(self):
        return self._size

    def __iter__(self):
        return iter([self[i] for i in range(len(self))])

    def __iadd__(self, values):
        return self.extend(values)

    def __dir__(self):
        return [name for name in super().__dir__() if not name.isdigit()]

    def append(self, value):
        """Adds a value at the end; a tensor becomes a parameter."""
        self._size += 1
        self[self._size - 1] = value
        return self

    def extend(self, values):
        """Adds all values of an iterable at the end."""
        is_container = isinstance(values, Container) and not isinstance(values, _C.Tensor)
        if not is_container:
            raise TypeError(
                "ParameterList.extend should be called with an iterable, but got " + type(values).__name__
            )
        for value in values:
            self.append(value)
        return self

    def extra_repr(self):
        lines = []
        for i, value in enumerate(self):
            text = (
                _describe_tensor(value, value.dtype)
                if isinstance(value, _C.Tensor)
                else f"Object of type: {type(value).__name__}"
            )
            lines.append(f"  ({i}): {text}")
        return "\n".join(lines)

    def __call__(self, *args, **kwargs):
        raise RuntimeError("ParameterList should not be called.")


class ParameterDict(Module):
    """A dict whose tensors are parameters."""

    def __init__(self, parameters=None):
        super().__init__()
        self._keys = {}
        if parameters is not None:
            self.update(parameters)

    def _key_to_attr(self, key):
        if not isinstance(key, str):
            raise TypeError(
                "Index given to ParameterDict cannot be used as a key as it is not a string (type is "
                f"'{type(key).__name__}'). Open an issue on github if you need non-string keys."
            )
        return key

    def __getitem__(self, key):
        return getattr(self, self._key_to_attr(key))

    def __setitem__(self, key, value):
        self._keys[key] = None
        setattr(self, self._key_to_attr(key), _as_parameter(value))

    def __delitem__(self, key):
        del self._keys[key]
        delattr(self, self._key_to_attr(key))

    def __len__(self):
        return len(self._keys)

    def __iter__(self):
        return iter(self._keys)

    def __reversed__(self):
        return reversed(list(self._keys))

    def __contains__(self, key):
        return key in self._keys

    def copy(self):
        return ParameterDict(OrderedDict(self.items()))

    def setdefault(self, key, default=None):
        if key not in self:
            self[key] = default
        return self[key]

    def clear(self):
        for key in list(self._keys):
            del self[key]

    def pop(self, key):
        value = self[key]
        del self[key]
        return value

    def popitem(self):
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def get(self, key, default=None):
        return self[key] if key in self else default  # noqa: SIM401 -- this is get itself

    def fromkeys(self, keys, default=None):
        return ParameterDict((key, default) for key in keys)

    def keys(self):
        return self._keys.keys()

    def items(self):
        return ((key, self[key]) for key in self._keys)

    def values(self):
        return (self[key] for key in self._keys)

    def update(self, parameters):
        """Adds the values of a mapping or of an iterable of pairs."""
        pairs = _pairs(parameters, "ParameterDict")
        if isinstance(parameters, Mapping) and not isinstance(parameters, OrderedDict):
            pairs = sorted(pairs)
        for key, value in pairs:
            self[key] = value

    def extra_repr(self):
        lines = []
        for key, value in self.items():
            text = (
                _describe_tensor(value, value.type())
                if isinstance(value, _C.Tensor)
                else f"Object of type: {type(value).__name__}"
            )
            lines.append(f"  ({key}): {text}")
        return "\n".join(lines)

    def __or__(self, other):
        return ParameterDict(OrderedDict([*self.items(), *other.items()]))

    def __ror__(self, other):
        return ParameterDict(OrderedDict([*other.items(), *self.items()]))

    def __ior__(self, other):
        self.update(other)
        return self

    def __call__(self, input):
        raise RuntimeError("ParameterDict should not be called.")
