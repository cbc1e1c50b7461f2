__version__ = "0.1.0"
from rushlight._C import *
