"""Initial values of parameters. The functions fill their tensor in place, outside of autograd, and return
it."""

from typing import TYPE_CHECKING

from rushlight import _C

if TYPE_CHECKING:
    from rushlight._C._init import *  # noqa: F403

globals().update({name: value for name, value in vars(_C._init).items() if not name.startswith("__")})
