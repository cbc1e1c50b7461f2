"""The memory under tensors: its bytes, and its elements of one type."""

import warnings

from rushlight import _C
from rushlight._C import UntypedStorage

__all__ = ["TypedStorage", "UntypedStorage"]

# dtype: its name in that of a storage, and the method that converts to it.
_NAMES = {
    "float64": ("Double", "double"),
    "float32": ("Float", "float"),
    "float16": ("Half", "half"),
    "bfloat16": ("BFloat16", "bfloat16"),
    "int64": ("Long", "long"),
    "int32": ("Int", "int"),
    "int16": ("Short", "short"),
    "int8": ("Char", "char"),
    "uint8": ("Byte", "byte"),
    "bool": ("Bool", "bool"),
    "complex64": ("ComplexFloat", "complex_float"),
    "complex128": ("ComplexDouble", "complex_double"),
}
_DEPRECATED = (
    "TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the only "
    "storage class. This should only matter to you if you are using storages directly.  To access "
    "UntypedStorage directly, use tensor.untyped_storage() instead of tensor.storage()"
)
_warned = False


def _warn():
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(_DEPRECATED, UserWarning, stacklevel=3)


class TypedStorage:
    """The elements of one dtype that a storage holds.

    >>> torch.tensor([1., 2.]).storage().tolist()
    [1.0, 2.0]
    """

    dtype: _C.dtype

    def __init__(self, *args, wrap_storage=None, dtype=None, device=None, _internal=False):
        if not _internal:
            _warn()
        if dtype is not None:
            self.dtype = dtype
        elif not hasattr(type(self), "dtype"):
            self.dtype = _C.get_default_dtype()
        if wrap_storage is None:
            data = args[0] if args else 0
            make = _C.empty if isinstance(data, int) else _C.tensor
            wrap_storage = make(data, dtype=self.dtype).untyped_storage()
        self._untyped_storage = wrap_storage

    def _elements(self):
        """A tensor on this memory."""
        return _C.empty(0, dtype=self.dtype).set_(self._untyped_storage)

    def _like(self, tensor):
        return TypedStorage(wrap_storage=tensor.untyped_storage(), dtype=tensor.dtype, _internal=True)

    def untyped(self):
        return self._untyped_storage

    def __len__(self):
        return self._untyped_storage.nbytes() // self.element_size()

    size = __len__

    def __getitem__(self, index):
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        return self._elements()[index].item()

    def __setitem__(self, index, value):
        self._elements()[index] = value

    def tolist(self):
        return self._elements().tolist()

    def fill_(self, value):
        self._elements().fill_(value)
        return self

    def copy_(self, source, non_blocking=None):
        self._elements().copy_(source._elements())
        return self

    def clone(self):
        return self._like(self._elements().clone())

    def resize_(self, size):
        self._untyped_storage.resize_(size * self.element_size())
        return self

    def cpu(self):
        return self

    def element_size(self):
        return self.dtype.itemsize

    def nbytes(self):
        return self._untyped_storage.nbytes()

    def data_ptr(self):
        return self._untyped_storage.data_ptr()

    @property
    def device(self):
        return self._untyped_storage.device

    @property
    def is_cuda(self):
        return self._untyped_storage.is_cuda

    @property
    def _cdata(self):
        return self._untyped_storage._cdata

    def is_shared(self):
        return False

    def share_memory_(self):
        return self

    def is_pinned(self, device="cuda"):
        return False

    def type(self, dtype=None):
        if dtype is None:
            return f"torch.{self.pickle_storage_type()}"
        return self._like(self._elements().to(dtype.dtype))

    def pickle_storage_type(self):
        return f"{_NAMES[str(self.dtype).removeprefix('torch.')][0]}Storage"

    def __repr__(self):
        rows = "".join(f" {value}\n" for value in self.tolist())
        about = f"dtype={self.dtype}, device={self.device}"
        return f"{rows}[torch.storage.TypedStorage({about}) of size {len(self)}]"

    def __reduce__(self):
        return _rebuild, (self._untyped_storage, self.dtype)

    def __eq__(self, other):
        return (
            isinstance(other, TypedStorage)
            and self._untyped_storage is other._untyped_storage
            and self.dtype == other.dtype
        )

    __hash__ = None  # type: ignore[assignment]


def _rebuild(untyped, dtype):
    return TypedStorage(wrap_storage=untyped, dtype=dtype, _internal=True)


class _LegacyType(type):
    dtype: _C.dtype

    """Of torch.FloatStorage and its kin: every typed storage of the dtype is an instance."""

    def __instancecheck__(cls, instance):
        return isinstance(instance, TypedStorage) and instance.dtype == cls.dtype


def _legacy_type(name, dtype):
    return _LegacyType(name, (TypedStorage,), {"dtype": getattr(_C, dtype), "__module__": "torch"})


LEGACY = {f"{name}Storage": _legacy_type(f"{name}Storage", dtype) for dtype, (name, _) in _NAMES.items()}


def _converter(dtype):
    def convert(self):
        return self._like(self._elements().to(dtype))

    convert.__doc__ = f"A copy with elements of {dtype}."
    return convert


for _dtype, (_, _method) in _NAMES.items():
    setattr(TypedStorage, _method, _converter(getattr(_C, _dtype)))


def of_tensor(tensor):
    """What Tensor.storage() returns."""
    _warn()
    return TypedStorage(wrap_storage=tensor.untyped_storage(), dtype=tensor.dtype, _internal=True)
