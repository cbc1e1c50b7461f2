"""Names for annotations."""

import builtins
import os
from collections.abc import Sequence
from typing import Any, TypeAlias, Union

from rushlight._C import Size, Tensor
from rushlight._C import device as _device
from rushlight._C import dtype as _dtype

__all__ = ["Device", "FileLike", "Number", "Storage"]

_bool: TypeAlias = builtins.bool
_int: TypeAlias = builtins.int
_float: TypeAlias = builtins.float
_complex: TypeAlias = builtins.complex
_size: TypeAlias = Union[Size, list[builtins.int], tuple[builtins.int, ...]]
_TensorOrTensors: TypeAlias = Union[Tensor, Sequence[Tensor]]
Number: TypeAlias = Union[builtins.int, builtins.float, builtins.bool]
Device: TypeAlias = Union[_device, str, builtins.int, None]
FileLike: TypeAlias = Union[str, os.PathLike, Any]
Storage: TypeAlias = Any
