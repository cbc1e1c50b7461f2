# See the torch package beside this one.
import importlib
import sys

import torch  # noqa: F401

del sys.modules["torchvision"]
sys.modules["torchvision"] = importlib.import_module("torchvision")
