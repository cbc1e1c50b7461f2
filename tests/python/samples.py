"""Sample calls of the operation table, for any library that has PyTorch's names.

A declaration's samples are calls written as Python arguments, `x(2, 3), 1; x(0, 3), dim=0`. The makers in
them draw fixed numbers, so that two libraries get the same inputs:

    x(*shape, lo=-3, hi=3, dtype=None)   floating, in [lo, hi); rounded to 1/64 so that every dtype holds them
    i(*shape, hi=4, lo=0)                int64 in [lo, hi)
    b(*shape)                            bool

The samples of a unary operation may be just the interval of its input: `(-0.9, 0.9)`.
"""

from __future__ import annotations

import math
import random
import re


def split(samples: str) -> list[str]:
    """The calls of a samples column; an interval becomes the four shapes that every unary operation is tried
    on."""
    interval = re.fullmatch(r"\((-?[\d.]+), (-?[\d.]+)\)", samples.strip())
    if interval:
        lo, hi = interval.groups()
        return [f"x({shape}lo={lo}, hi={hi})" for shape in ("2, 3, ", "", "0, 3, ", "5, 7, ")]
    return [s.strip() for s in samples.split(";") if s.strip()]


MAKER = re.compile(r"\b([xib]\()((?:\d+(?:, )?)*)")  # and its sizes, in a sample

# The size of their results is the product of their operands' sizes, or its power: not for large operands.
PRODUCTS = (
    *("block_diag", "cartesian_prod", "combinations", "diag", "diag_embed", "diagflat", "ger", "kron"),
    *("meshgrid", "outer", "tensordot", "vander"),
)


def resized(sample: str, size) -> str:
    """The sample with other sizes in its makers: in `x(2, 3, hi=9)`, `size(2)` stands where 2 did."""

    def maker(call: re.Match) -> str:
        return call[1] + re.sub(r"\d+", lambda number: str(size(int(number[0]))), call[2])

    return MAKER.sub(maker, sample)


def enlarged(sample: str, elements: int) -> str:
    """The sample with all sizes above 1 multiplied alike: its largest input has about so many elements."""
    shapes = [[int(n) for n in re.findall(r"\d+", call[2]) if int(n) > 1] for call in MAKER.finditer(sample)]
    factors = [(elements / math.prod(shape)) ** (1 / len(shape)) for shape in shapes if shape]
    factor = max(1, round(min(factors, default=1)))
    return resized(sample, lambda n: n * factor if n > 1 else n)


def has_empty(sample: str) -> bool:
    """Is one of its tensors without elements?"""
    return any("0" in re.findall(r"\d+", call[2]) for call in MAKER.finditer(sample))


class Makers:
    """The makers for one call: `lib` is torch or rushlight; `transform` sees every tensor that is made."""

    def __init__(self, lib, seed: str, dtype=None, transform=lambda t: t):
        self.lib, self.random, self.dtype, self.transform = lib, random.Random(seed), dtype, transform
        self.inputs: list = []

    def _tensor(self, shape, values, dtype):
        t = self.transform(self.lib.tensor(values, dtype=dtype).reshape(shape))
        self.inputs.append(t)
        return t

    def x(self, *shape, lo=-3.0, hi=3.0, dtype=None):
        values = [round(self.random.uniform(lo, hi) * 64) / 64 for _ in range(math.prod(shape))]
        values = [min(max(v, lo), hi) for v in values]
        dtype = dtype or self.dtype or self.lib.float32
        if not (dtype.is_floating_point or dtype.is_complex):
            values = [int(v) for v in values]
        return self._tensor(shape, values, dtype)

    def i(self, *shape, hi=4, lo=0):
        return self._tensor(
            shape, [self.random.randrange(lo, hi) for _ in range(math.prod(shape))], self.lib.int64
        )

    def b(self, *shape):
        return self._tensor(
            shape, [self.random.random() < 0.5 for _ in range(math.prod(shape))], self.lib.bool
        )

    def arguments(self, sample: str):
        names = {
            "torch": self.lib,
            "x": self.x,
            "i": self.i,
            "b": self.b,
            "inf": float("inf"),
            "nan": float("nan"),
        }
        return eval(f"(lambda *args, **kwargs: (args, kwargs))({sample})", names)


class LargeMakers(Makers):
    """The same makers for large tensors: the library's own generator draws. Seed it first."""

    def _made(self, t):
        self.inputs.append(self.transform(t))
        return self.inputs[-1]

    def x(self, *shape, lo=-3.0, hi=3.0, dtype=None):
        values = self.lib.rand(shape, dtype=self.lib.float64) * (hi - lo) + lo
        return self._made(values.to(dtype or self.dtype or self.lib.float32))

    def i(self, *shape, hi=4, lo=0):
        return self._made(self.lib.randint(lo, hi, shape))

    def b(self, *shape):
        return self._made(self.lib.rand(shape) < 0.5)


def function(lib, entry: dict):
    """The callable of a table entry in `lib`, or None."""
    name = entry["name"]
    if entry["module"] != "torch":
        module = lib
        for part in entry["module"].split(".")[1:]:
            module = getattr(module, part, None)
        return getattr(module, name, None)
    return getattr(lib, name, None) if entry["function"] else getattr(lib.Tensor, name, None)


def flatten(result) -> list:
    """The tensors and numbers of a result, in order."""
    if isinstance(result, (tuple, list)):
        return [leaf for item in result for leaf in flatten(item)]
    return [result]


def is_tensor(value) -> bool:
    return hasattr(value, "requires_grad_")


def plain(value):
    """A tensor as nested lists with its dtype and shape; complex numbers as pairs."""
    if not is_tensor(value):
        return {"value": repr(value)}
    t = value.detach().clone()  # PyTorch's gradients of zero may have no memory
    dtype = str(t.dtype).split(".")[-1]
    flat = t.reshape(-1).tolist()
    if "complex" in dtype:
        flat = [[v.real, v.imag] for v in flat]
    return {"dtype": dtype, "shape": list(t.shape), "data": flat}


def weights(lib, t):
    """Fixed uneven weights, so that a gradient that is wrong anywhere shows."""
    n = t.numel()
    unit = 1 - 0.5j if t.dtype.is_complex else 1
    return lib.tensor([((7 * k) % 11 - 5) / 4 * unit for k in range(n)], dtype=t.dtype).reshape(t.shape)


def total(lib, tensors):
    """Their weighted sum, a real number: what a gradient is asked of."""
    return sum(lib.real((t * weights(lib, t)).sum()) for t in tensors)


def run(lib, entry: dict, sample: str, dtype=None, transform=lambda t: t, gradients: int = 0) -> dict:
    """What a call gives: outputs, gradients of first and second order, or the error's type and text;
    "refused" is the type of the error that the backward pass ends in."""
    makers = Makers(lib, f"{entry['name']} {sample}", dtype, transform)
    try:
        args, kwargs = makers.arguments(sample)
        inputs = [t for t in makers.inputs if t.dtype.is_floating_point] if gradients else []
        for t in inputs:
            t.requires_grad_()
        outputs = flatten(function(lib, entry)(*args, **kwargs))
    except Exception as e:
        return {"error": type(e).__name__, "text": str(e)}
    result = {"outputs": [plain(o) for o in outputs]}
    wanted = [o for o in outputs if is_tensor(o) and o.requires_grad]
    if not gradients or not wanted:
        return result
    try:
        firsts = lib.autograd.grad(total(lib, wanted), inputs, create_graph=gradients > 1, allow_unused=True)
    except RuntimeError as e:
        return {**result, "refused": type(e).__name__}
    result["gradients"] = [None if g is None else plain(g) for g in firsts]
    tracked = [g for g in firsts if g is not None and g.requires_grad]
    if gradients > 1 and tracked:
        try:
            seconds = lib.autograd.grad(total(lib, tracked), inputs, allow_unused=True)
        except RuntimeError:  # PyTorch has no second derivative of some fused operations
            return result
        result["second"] = [None if g is None else plain(g) for g in seconds]
    return result
