"""The functions behind the layers: those declared in declarations/nn*.def, and two operations of the same
meaning."""

from typing import TYPE_CHECKING

from rushlight import _C
from rushlight._C import one_hot as one_hot
from rushlight._C import pad as pad

if TYPE_CHECKING:
    from rushlight._C._nn import *  # noqa: F403

globals().update({name: value for name, value in vars(_C._nn).items() if not name.startswith("__")})
