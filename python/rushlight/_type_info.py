"""torch.finfo and torch.iinfo: the limits of dtypes."""

from rushlight import _C

# mantissa bits (stored), exponent bits, decimal resolution
_FLOATS = {
    "float16": (10, 5, 1e-3),
    "bfloat16": (7, 8, 1e-2),
    "float32": (23, 8, 1e-6),
    "float64": (52, 11, 1e-15),
}


def _check_dtype(function, dtype):
    if not isinstance(dtype, _C.dtype):
        raise TypeError(
            f"{function}(): argument 'type' (position 1) must be torch.dtype, not {type(dtype).__name__}"
        )


class _Info:
    __slots__ = ("_dtype", "bits", "dtype", "max", "min")
    _dtype: _C.dtype

    def __eq__(self, other):
        return type(self) is type(other) and self._dtype is other._dtype

    def __hash__(self):
        return hash(self._dtype)


class finfo(_Info):
    """finfo(type=None): the limits of a floating dtype or of a complex one's parts."""

    __slots__ = ("eps", "resolution", "smallest_normal", "tiny")
    __module__ = "torch"

    def __init__(self, type=None):
        dtype = _C.get_default_dtype() if type is None else type
        _check_dtype("finfo", dtype)
        if not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'"
            )
        self._dtype = dtype.to_real()
        self.dtype = str(self._dtype).removeprefix("torch.")
        mantissa, exponent, self.resolution = _FLOATS[self.dtype]
        bias = 2 ** (exponent - 1) - 1
        self.bits = mantissa + exponent + 1
        self.eps = 2.0**-mantissa
        self.max = (2 - self.eps) * 2.0**bias
        self.min = -self.max
        self.tiny = self.smallest_normal = 2.0 ** (1 - bias)

    def __repr__(self):
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        values = ", ".join(f"{name}={getattr(self, name):g}" for name in names)
        return f"finfo({values}, dtype={self.dtype})"


class iinfo(_Info):
    """iinfo(type): the limits of an integer dtype."""

    __slots__ = ()
    __module__ = "torch"

    def __init__(self, type):
        _check_dtype("iinfo", type)
        if type.is_floating_point or type.is_complex:
            raise TypeError(
                "torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'"
            )
        if type is _C.bool:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        self._dtype = type
        self.dtype = str(type).removeprefix("torch.")
        self.bits = 8 * type.itemsize
        self.min = -(2 ** (self.bits - 1)) if type.is_signed else 0
        self.max = 2 ** (self.bits - type.is_signed) - 1

    def __repr__(self):
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
