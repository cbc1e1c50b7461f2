"""How samples become a batch."""

import copy
import sys
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence

from rushlight import _C
from rushlight._C import Tensor

_UNKNOWN = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def _is_named_tuple(value):
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _rebuilt_mapping(original, items):
    """The items in a mapping of the original's type, if that can be made."""
    try:
        if isinstance(original, MutableMapping):
            clone = copy.copy(original)  # keeps what a defaultdict or a subclass holds besides
            clone.update(items)
            return clone
        return type(original)(items)
    except TypeError:
        return items


def _rebuilt_sequence(original, items):
    try:
        if isinstance(original, MutableSequence):
            clone = copy.copy(original)
            for i, item in enumerate(items):
                clone[i] = item
            return clone
        return type(original)(items)
    except TypeError:
        return items


def _as_tensor(value):
    import rushlight

    return rushlight.as_tensor(value)


def default_convert(data):
    """NumPy arrays and numbers of NumPy as tensors, inside containers too; everything else as it is."""
    if isinstance(data, Tensor):
        return data
    cls = type(data)
    if cls.__module__ == "numpy" and cls.__name__ not in ("str_", "bytes_", "string_"):
        return data if cls.__name__ == "ndarray" and data.dtype.kind in "SUO" else _as_tensor(data)
    if isinstance(data, Mapping):
        return _rebuilt_mapping(data, {key: default_convert(data[key]) for key in data})
    if _is_named_tuple(data):
        return cls(*(default_convert(item) for item in data))
    if isinstance(data, tuple):
        return [default_convert(item) for item in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _rebuilt_sequence(data, [default_convert(item) for item in data])
    return data


def collate_tensor_fn(batch, *, collate_fn_map=None):
    """Stacks tensors."""
    return _C.stack(list(batch), 0)


def collate_numpy_array_fn(batch, *, collate_fn_map=None):
    """Stacks arrays as tensors."""
    if batch[0].dtype.kind in "SUO":
        raise TypeError(_UNKNOWN.format(batch[0].dtype))
    return collate([_as_tensor(array) for array in batch], collate_fn_map=collate_fn_map)


def collate_numpy_scalar_fn(batch, *, collate_fn_map=None):
    """A tensor of NumPy numbers."""
    return _as_tensor(batch)


def collate_float_fn(batch, *, collate_fn_map=None):
    """A float64 tensor."""
    import rushlight

    return rushlight.tensor(batch, dtype=_C.float64)


def collate_int_fn(batch, *, collate_fn_map=None):
    """An int64 tensor; bools give bools."""
    import rushlight

    return rushlight.tensor(batch)


def collate_str_fn(batch, *, collate_fn_map=None):
    """Text stays as it is."""
    return batch


default_collate_fn_map: dict[type | tuple[type, ...], Callable] = {
    Tensor: collate_tensor_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}


def _add_numpy():
    """NumPy's types join the map once somebody has imported it."""
    np = sys.modules.get("numpy")
    if np is not None and np.ndarray not in default_collate_fn_map:
        default_collate_fn_map[np.ndarray] = collate_numpy_array_fn
        default_collate_fn_map[(np.bool_, np.number, np.object_)] = collate_numpy_scalar_fn


def collate(batch, *, collate_fn_map=None):
    """A batch of samples of one kind, by the functions given for types."""
    first = batch[0]
    cls = type(first)
    functions = collate_fn_map or {}
    function = functions.get(cls)
    if function is None:
        function = next((f for kind, f in functions.items() if isinstance(first, kind)), None)
    if function is not None:
        return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        items = {
            key: collate([sample[key] for sample in batch], collate_fn_map=collate_fn_map) for key in first
        }
        return _rebuilt_mapping(first, items)
    if _is_named_tuple(first):
        return cls(*(collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch, strict=False)))
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch, strict=False)]
        return columns if isinstance(first, tuple) else _rebuilt_sequence(first, columns)
    raise TypeError(_UNKNOWN.format(cls))


def default_collate(batch):
    """Tensors, numbers and arrays stacked into tensors, inside containers too; text in lists."""
    _add_numpy()
    return collate(batch, collate_fn_map=default_collate_fn_map)
