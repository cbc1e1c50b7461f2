"""Special functions, all in C++ (rushlight/declarations/special.def and alias.def)."""

from rushlight import _C

globals().update({name: value for name, value in vars(_C._special).items() if not name.startswith("_")})
