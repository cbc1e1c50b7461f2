__version__ = "0.1.0"
from rushlight._C import *
from rushlight import optim, utils
from rushlight.serialization import load, save
