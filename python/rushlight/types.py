"""Names for annotations."""

import builtins
import os
from collections.abc import Sequence
from typing import Any, TypeAlias

from rushlight._C import Size, Tensor
from rushlight._C import device as _device

__all__ = ["Device", "FileLike", "Number", "Storage"]

_bool: TypeAlias = builtins.bool
_int: TypeAlias = builtins.int
_float: TypeAlias = builtins.float
_complex: TypeAlias = builtins.complex
_size: TypeAlias = Size | list[builtins.int] | tuple[builtins.int, ...]
_TensorOrTensors: TypeAlias = Tensor | Sequence[Tensor]
Number: TypeAlias = builtins.int | builtins.float | builtins.bool
Device: TypeAlias = _device | str | builtins.int | None
FileLike: TypeAlias = str | os.PathLike | Any
Storage: TypeAlias = Any
