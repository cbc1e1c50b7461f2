__version__ = "0.1.0"
from rushlight._C import *
from rushlight import optim
from rushlight.serialization import load, save
