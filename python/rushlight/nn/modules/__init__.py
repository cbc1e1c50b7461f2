"""Every layer. Those made in C++ are found in modules of PyTorch's names:
rushlight.nn.modules.linear.Linear."""

import sys
import types
from typing import TYPE_CHECKING

from rushlight import _C
from rushlight.nn.modules import container as container  # noqa: PLC0414
from rushlight.nn.modules import rnn as rnn
from rushlight.nn.modules.container import ModuleDict, ModuleList, ParameterDict, ParameterList
from rushlight.nn.modules.module import Module

if TYPE_CHECKING:
    from rushlight._C._modules import *  # noqa: F403
    from rushlight.nn.modules.container import Sequential as Sequential

__all__ = ["Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList"]


def _place(cls):
    """Makes the class an attribute of this module and of the one it says it is from."""
    home = cls.__module__
    if home not in sys.modules:
        sys.modules[home] = types.ModuleType(home, f"The layers of {home.rpartition('.')[2]}.")
        globals()[home.rpartition(".")[2]] = sys.modules[home]
    setattr(sys.modules[home], cls.__name__, cls)
    globals()[cls.__name__] = cls
    __all__.append(cls.__name__)


for _cls in [c for c in vars(_C._modules).values() if isinstance(c, type)]:
    _place(_cls)

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
