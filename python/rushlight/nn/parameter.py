"""Parameters and buffers."""

from typing import Any

from rushlight import _C

Parameter = _C.Parameter


class _BufferMeta(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, _C.Tensor) and getattr(instance, "_is_buffer", False)


class Buffer(_C.Tensor, metaclass=_BufferMeta):
    """Buffer(data=None, *, persistent=True): a tensor that becomes a buffer of the module it is assigned
    to."""

    def __new__(cls, data=None, *, persistent=True):
        from rushlight import empty

        tensor: Any = (
            (empty(0) if data is None else data)
            .detach()
            .requires_grad_(data is not None and data.requires_grad)
        )
        tensor.persistent = persistent
        tensor._is_buffer = True
        return tensor
