"""Initial values of parameters. The functions fill their tensor in place, outside of autograd, and return
it."""

import warnings
from functools import wraps
from typing import TYPE_CHECKING

from rushlight import _C

if TYPE_CHECKING:
    from rushlight._C._init import *  # noqa: F403

globals().update({name: value for name, value in vars(_C._init).items() if not name.startswith("__")})

# The names of before 0.4, without the underscore that says "in place".
_OLDER = (
    *("constant", "dirac", "eye", "kaiming_normal", "kaiming_uniform", "normal", "orthogonal", "sparse"),
    *("uniform", "xavier_normal", "xavier_uniform"),
)


def _older(name):
    function = globals()[f"{name}_"]

    @wraps(function)
    def renamed(*args, **kwargs):
        warnings.warn(
            f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`.", FutureWarning, stacklevel=2
        )
        return function(*args, **kwargs)

    renamed.__name__ = renamed.__qualname__ = name
    return renamed


globals().update({name: _older(name) for name in _OLDER})
