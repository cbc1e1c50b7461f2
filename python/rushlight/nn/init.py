"""Initial values of parameters. The functions fill their tensor in place, outside of autograd, and return
it."""

from rushlight import _C

globals().update({name: value for name, value in vars(_C._init).items() if not name.startswith("__")})
