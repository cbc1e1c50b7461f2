"""Modules, their parameters, and the functions that they are made of."""

from typing import TYPE_CHECKING

from rushlight.nn import functional, init, utils
from rushlight.nn.modules import *  # noqa: F403
from rushlight.nn.parameter import Buffer, Parameter

if TYPE_CHECKING:
    from rushlight._C._modules import *  # noqa: F403
    from rushlight.nn.modules.container import Sequential as Sequential

__all__ = ["Buffer", "Parameter", "functional", "init", "utils"]
