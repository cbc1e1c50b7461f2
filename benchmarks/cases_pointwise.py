"""Group 2: every pointwise operation of the table, casts, and random numbers."""

from __future__ import annotations

import table
from cases import Case
from table import samples

SHAPES = {"64": (8, 8), "4K": (64, 64), "64K": (256, 256), "1M": (1024, 1024), "8M": (2048, 4096)}
BASE = "64K"

# These are measured on data larger than cache too; the others would only repeat what these show there.
STREAMED = ("exp", "add", "mul", "div", "relu", "gelu", "sigmoid", "tanh", "where", "gt", "clamp", "sqrt")
QUICK = (*STREAMED, "log", "sin", "pow", "lt", "silu", "atan2", "addcmul")

# (name, timed; N stands for the number of elements, `a` for the input)
CASTS = [
    (f"{source} to {target}", source, f"a.to(torch.{target})")
    for source, targets in {
        "float32": ("float64", "bfloat16", "float16", "int64", "uint8", "bool"),
        "float64": ("float32",),
        "bfloat16": ("float32",),
        "float16": ("float32",),
        "int64": ("float32", "int32"),
        "uint8": ("float32",),
    }.items()
    for target in targets
]
RANDOM = {
    "rand": "torch.rand(N)",
    "randn": "torch.randn(N)",
    "randint": "torch.randint(0, 10, (N,))",
    "randperm": "torch.randperm(N)",
    "bernoulli": "torch.bernoulli(p)",
    "uniform_": "a.uniform_()",
    "normal_": "a.normal_()",
    "exponential_": "a.exponential_()",
    "dropout": "F.dropout(a, 0.1)",
    "dropout, backward": "torch.autograd.grad(F.dropout(t, 0.1).sum(), t)",
}


def operations() -> dict[str, tuple[dict, str]]:
    """Name to (entry, sample in two dimensions) of every pointwise operation; aliases and second forms are
    left out.
    """
    found: dict[str, tuple[dict, str]] = {}
    documented = set()
    for entry in table.TABLE:
        first = next((s for s in samples.split(entry["samples"]) if "(2, 3" in s), None)
        if first is None or entry["name"] in found or entry["doc"] in documented:
            continue
        if entry["module"].endswith(".init") or not table.is_pointwise(entry, first):
            continue
        documented.add(entry["doc"])
        found[entry["name"]] = (entry, first)
    return found


def _variants(name: str, entry: dict, sample: str):
    """(column, size, what differs from the base case)."""
    yield "64", "64", {}
    yield "4K", "4K", {}
    yield "64K", "64K", {}
    yield "strided", BASE, {"layout": "strided"}
    for dtype in ("float64", "bfloat16", "int64"):
        if table.works(entry, sample, dtype) and "x(" in sample:
            if dtype == "int64" and "float" in table.result_dtype(entry, sample, dtype):
                continue
            yield dtype, BASE, {"dtype": dtype}
    yield "1M, 2 threads", "1M", {"threads": 2}
    if name in STREAMED:
        yield "8M", "8M", {"stream": True}
        yield "8M, 2 threads", "8M", {"stream": True, "threads": 2}


def _pointwise() -> list[Case]:
    out = []
    for name, (entry, sample) in operations().items():
        for column, size, changes in _variants(name, entry, sample):
            rows, columns = SHAPES[size]
            setup, arguments = table.bind(samples.resized(sample, {2: rows, 3: columns}.get))
            # PyTorch's own formulas on 8 by 8 and on 256 by 256 are the same comparison for NumPy.
            numpy = table.numpy_call(name, arguments) if column in ("64K", "8M") else ""
            quick = name in QUICK and column in ("64K", "strided", "1M, 2 threads")
            out.append(
                Case(
                    2,
                    name,
                    column,
                    f"{table.callee(entry)}({arguments})",
                    setup,
                    numpy=numpy,
                    quick=quick,
                    **changes,
                )
            )
    return out


def _casts() -> list[Case]:
    out = []
    for name, dtype, run in CASTS:
        for column, size, layout in (
            ("64", "64", "contiguous"),
            ("64K", "64K", "contiguous"),
            ("strided", "64K", "strided"),
        ):
            setup = f"a = x{SHAPES[size]}"
            out.append(Case(2, name, column, run, setup, dtype=dtype, layout=layout, quick=column == "64K"))
    return out


def _random() -> list[Case]:
    out = []
    for name, run in RANDOM.items():
        for column, count, threads in (("64", 64, 1), ("64K", 1 << 16, 1), ("1M, 2 threads", 1 << 20, 2)):
            setup = f"N = {count}; a = x(N); p = x(N, lo=0, hi=1); t = x(N).requires_grad_()"
            # The first call draws the same numbers in both libraries: the makers leave the generator alike.
            out.append(Case(2, name, column, run, setup, threads=threads, quick=column == "64K"))
    return out


def cases() -> list[Case]:
    return [*_pointwise(), *_casts(), *_random()]
