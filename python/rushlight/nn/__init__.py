"""Modules, their parameters, and the functions that they are made of."""

from rushlight.nn import functional, init, utils
from rushlight.nn.modules import *  # noqa: F403
from rushlight.nn.parameter import Buffer, Parameter

__all__ = ["Buffer", "Parameter", "functional", "init", "utils"]
