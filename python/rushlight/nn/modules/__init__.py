"""Every layer. Those made in C++ are found in modules of PyTorch's names:
rushlight.nn.modules.linear.Linear."""

import sys
import types
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING

from rushlight import _C

# The modules that the layers say they are from, before anyone gives these PyTorch's names (rushlight._alias).
_homes = {cls: cls.__module__ for cls in vars(_C._modules).values() if isinstance(cls, type)}

# isort: split
from rushlight.nn.modules import container as container  # noqa: E402, PLC0414
from rushlight.nn.modules import rnn as rnn  # noqa: E402, PLC0414
from rushlight.nn.modules.container import ModuleDict, ModuleList, ParameterDict, ParameterList  # noqa: E402
from rushlight.nn.modules.module import Module  # noqa: E402

if TYPE_CHECKING:
    from rushlight._C._modules import *  # noqa: F403
    from rushlight.nn.modules.container import Sequential as Sequential

__all__ = ["Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList"]


def _place(cls, home):
    """Makes the class an attribute of this module and of its home."""
    if home not in sys.modules:
        sys.modules[home] = types.ModuleType(home, f"The layers of {home.rpartition('.')[2]}.")
        sys.modules[home].__spec__ = ModuleSpec(home, None)
        globals()[home.rpartition(".")[2]] = sys.modules[home]
    setattr(sys.modules[home], cls.__name__, cls)
    globals()[cls.__name__] = cls
    __all__.append(cls.__name__)


for _cls, _home in _homes.items():
    _place(_cls, _home)

from rushlight.nn.modules import _layers as _layers  # noqa: E402, PLC0414
from rushlight.nn.modules.transformer import (  # noqa: E402
    Transformer,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)

__all__ += [
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]
