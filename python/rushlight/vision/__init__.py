"""torchvision under PyTorch's name for it: image transforms and classification models.

`python -m rushlight` and `rushlight.as_torch()` resolve `torchvision` to this package. Behaviour follows the
documentation of torchvision 0.28. Submodules are imported when used; `transforms` needs Pillow and NumPy.
"""

import importlib

from rushlight._missing import attribute_error, prepare

__version__ = "0.28.0"  # the release that goes with PyTorch 2.13
__all__ = ["models", "transforms"]


def __getattr__(name):
    if name not in __all__:
        raise attribute_error(__name__, name)
    return prepare(importlib.import_module(f"{__name__}.{name}"))


def __dir__():
    return sorted({*globals(), *__all__})
