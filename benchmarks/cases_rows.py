"""Group 3: operations on rows and columns, and those that move data.

A row of REDUCTIONS names an operation: its cases are its own samples of two and three dimensions, made
larger, so that every dimension is reduced. MOVES are templates in which R and C stand for the sizes.
"""

from __future__ import annotations

import table
from cases import Case
from table import samples

REDUCTIONS = (
    "sum",
    "mean",
    "prod",
    "var",
    "amax",
    "max",
    "argmax",
    "all",
    "logsumexp",
    "softmax",
    "log_softmax",
    "cumsum",
    "cumprod",
    "cummax",
    "sort",
    "argsort",
    "topk",
    "median",
    "norm",
    "count_nonzero",
)

# NumPy's way, where the function's name and arguments are other ones.
NUMPY = {
    "amax": "max",
    "max": "max",
    "argmax": "argmax",
    "sum": "sum",
    "mean": "mean",
    "prod": "prod",
    "cumsum": "cumsum",
    "cumprod": "cumprod",
    "sort": "sort",
    "argsort": "argsort",
    "median": "median",
    "var": "var",
}

# name: (set-up, timed, NumPy's way)
MOVES = {
    "layer_norm": ("a = x(R, C); w = x(C); v = x(C)", "F.layer_norm(a, (C,), w, v)", ""),
    "rms_norm": ("a = x(R, C); w = x(C)", "F.rms_norm(a, (C,), w)", ""),
    "transposed copy": ("a = x(R, C)", "a.t().contiguous()", "np.ascontiguousarray(a.T)"),
    "permuted copy": (
        "a = x(8, R, C // 8)",
        "a.permute(2, 0, 1).contiguous()",
        "np.ascontiguousarray(a.transpose(2, 0, 1))",
    ),
    "clone": ("a = x(R, C)", "a.clone()", "np.array(a)"),
    "copy_": ("a = x(R, C); c = x(R, C)", "a.copy_(c)", ""),
    "fill_": ("a = x(R, C)", "a.fill_(2)", ""),
    "cat, rows": ("a = x(R, C); c = x(R, C)", "torch.cat([a, c])", "np.concatenate([a, c])"),
    "cat, columns": ("a = x(R, C); c = x(R, C)", "torch.cat([a, c], 1)", "np.concatenate([a, c], 1)"),
    "stack": ("a = x(R, C); c = x(R, C)", "torch.stack([a, c], 1)", "np.stack([a, c], 1)"),
    "flip": ("a = x(R, C)", "a.flip(1)", "np.ascontiguousarray(np.flip(a, 1))"),
    "roll": ("a = x(R, C)", "a.roll(1, 1)", "np.roll(a, 1, 1)"),
    "index_select, rows": ("a = x(R, C); k = i(R, hi=R)", "a.index_select(0, k)", "a[k]"),
    "index_select, columns": ("a = x(R, C); k = i(C, hi=C)", "a.index_select(1, k)", "a[:, k]"),
    "a[k]": ("a = x(R, C); k = i(R, hi=R)", "a[k]", "a[k]"),
    "a[k, m]": ("a = x(R, C); k = i(R, C, hi=R); m = i(R, C, hi=C)", "a[k, m]", "a[k, m]"),
    "a[k] = c": ("a = x(R, C); k = torch.randperm(R); c = x(R, C)", "a.__setitem__(k, c)", ""),
    "gather": ("a = x(R, C); k = i(R, C, hi=C)", "a.gather(1, k)", "np.take_along_axis(a, k, 1)"),
    "take": ("a = x(R, C); k = i(R * C, hi=R * C)", "a.take(k)", "np.take(a, k)"),
    "masked_select": ("a = x(R, C); m = b(R, C)", "a.masked_select(m)", ""),
    "nonzero": ("m = b(R, C)", "m.nonzero()", ""),
    "masked_fill": ("a = x(R, C); m = b(R, C)", "a.masked_fill(m, 0.5)", "np.where(m, np.float32(0.5), a)"),
    "scatter_add": ("a = x(R, C); k = i(R, C, hi=R); c = x(R, C)", "a.scatter_add(0, k, c)", ""),
    "index_add": ("a = x(R, C); k = i(R, hi=R); c = x(R, C)", "a.index_add(0, k, c)", ""),
    "add, one row to all": ("a = x(R, C); c = x(C)", "a + c", "a + c"),
    "add, one column to all": ("a = x(R, C); c = x(R, 1)", "a + c", "a + c"),
    "add, row and column": ("a = x(R, 1); c = x(1, C)", "a + c", "a + c"),
    "add, one number": ("a = x(R, C); c = x(1, 1)", "a + c", "a + c"),
    "expanded copy": ("a = x(R, 1)", "a.expand(R, C).contiguous()", "np.array(np.broadcast_to(a, (R, C)))"),
    "repeat": ("a = x(R, C)", "a.repeat(2, 2)", "np.tile(a, (2, 2))"),
    "repeat_interleave": ("a = x(R, C)", "a.repeat_interleave(2, 1)", "np.repeat(a, 2, 1)"),
    "tril": ("a = x(R, C)", "a.tril()", "np.tril(a)"),
    "unique": ("a = i(R * C, hi=100)", "a.unique()", "np.unique(a)"),
    "bincount": ("a = i(R * C, hi=100)", "a.bincount()", "np.bincount(a)"),
    "searchsorted": ("a = x(R * C).sort()[0]; c = x(R * C)", "torch.searchsorted(a, c)", ""),
    "one_hot": ("a = i(R, hi=C)", "F.one_hot(a, C)", ""),
    "cross_entropy": ("a = x(R, C); k = i(R, hi=C)", "F.cross_entropy(a, k)", ""),
    "softmax, backward": (
        "a = x(R, C).requires_grad_(); y = torch.softmax(a, 1); g = x(R, C)",
        "torch.autograd.grad(y, a, g, retain_graph=True)",
        "",
    ),
    "layer_norm, backward": (
        "a = x(R, C).requires_grad_(); w = x(C).requires_grad_(); v = x(C).requires_grad_(); "
        "y = F.layer_norm(a, (C,), w, v); g = x(R, C)",
        "torch.autograd.grad(y, (a, w, v), g, retain_graph=True)",
        "",
    ),
}

QUICK = (
    "sum",
    "softmax",
    "argmax",
    "sort",
    "cumsum",
    "layer_norm",
    "transposed copy",
    "cat, columns",
    "a[k]",
    "masked_select",
    "scatter_add",
    "add, one row to all",
    "gather",
    "var",
)
# Ties are broken as each library likes, and so are the orders of unstable sorts.
ORDER_IS_OPEN = ("argsort", "sort", "topk", "median", "cummax", "max")


def _sizes(dims: int):
    """(column, sizes of the dimensions, what differs from the base case)."""
    if dims == 2:
        yield "8 x 8", (8, 8), {}
        yield "256 x 256", (256, 256), {}
        yield "64 x 4096", (64, 4096), {}
        yield "strided", (256, 256), {"layout": "strided"}
        yield "transposed", (256, 256), {"layout": "transposed"}
        yield "float64", (256, 256), {"dtype": "float64"}
        yield "bfloat16", (256, 256), {"dtype": "bfloat16"}
        yield "int64", (256, 256), {"dtype": "int64"}
        yield "2048 x 2048", (2048, 2048), {}
        yield "2048 x 2048, 2 threads", (2048, 2048), {"threads": 2}
    else:
        yield "256 x 256", (32, 64, 32), {}
        yield "2048 x 2048, 2 threads", (128, 256, 128), {"threads": 2}


def _dimensions(sample: str) -> tuple[int, ...] | None:
    """The sizes of a sample's only maker, if these are (2, 3) or (2, 3, 4)."""
    if len(samples.MAKER.findall(sample)) != 1:
        return None
    for shape in ((2, 3), (2, 3, 4)):
        if sample.startswith((f"x{shape}, ", f"x{shape};", f"b{shape}, ")) or sample in (
            f"x{shape}",
            f"b{shape}",
        ):
            return shape
    return None


def _reductions() -> list[Case]:
    out, seen, varied = [], set(), set()
    for name in REDUCTIONS:
        for entry in table.entries(name):
            for sample in samples.split(entry["samples"]):
                shape = _dimensions(sample)
                if entry["module"] != "torch" or shape is None:
                    continue
                letters = "(a, c)" if len(shape) == 2 else "(a, c, d)"
                label = name + sample.replace(str(shape), letters, 1)[1:]
                if label in seen or (name != "topk" and is_same_work(sample, shape)):
                    continue
                seen.add(label)
                first = label.startswith(f"{name}(a, c), ") and name not in varied
                if first:
                    varied.add(name)
                out += _reduction(name, label, entry, sample, shape, first)
    return out


def is_same_work(sample: str, shape: tuple[int, ...]) -> bool:
    """Does the sample ask for more than the dimension: a dtype, a correction, in two dimensions keepdim?"""
    more = ("dtype", "correction", *(("True", "False", "None", "-1") if len(shape) == 2 else ()))
    return any(word in sample for word in more)


def _reduction(
    name: str, label: str, entry: dict, sample: str, shape: tuple[int, ...], first: bool
) -> list[Case]:
    """Layouts and dtypes are varied along the rows (`first`) alone; the other dimensions only in size."""
    out = []
    for column, sizes, changes in _sizes(len(shape)):
        if not first and column not in ("8 x 8", "256 x 256", "2048 x 2048, 2 threads"):
            continue
        dtype = changes.get("dtype", "float32")
        if not table.works(entry, sample, dtype) or (name == "prod" and dtype == "int64"):
            continue
        setup, arguments = table.bind(samples.resized(sample, dict(zip(shape, sizes, strict=True)).get))
        numpy = (
            f"np.{NUMPY[name]}({arguments})"
            if name in NUMPY and column in ("256 x 256", "2048 x 2048")
            else ""
        )
        check = name not in ORDER_IS_OPEN or dtype == "float32" and "max" not in name
        quick = name in QUICK and column in ("256 x 256", "2048 x 2048, 2 threads")
        run = f"{table.callee(entry)}({arguments})"
        check = check and name not in ("prod", "cumprod")  # products of thousands of numbers run out of range
        out.append(Case(3, label, column, run, setup, numpy=numpy, check=check, quick=quick, **changes))
    return out


def _moves() -> list[Case]:
    out = []
    for name, (setup, run, numpy) in MOVES.items():
        for column, (rows, columns), changes in _sizes(2):
            if (
                "norm" in name + run
                and changes.get("dtype") == "int64"
                or "softmax" in name
                and changes.get("dtype") == "int64"
            ):
                continue
            if (
                name == "cross_entropy"
                and changes.get("dtype") == "int64"
                or name == "fill_"
                and "x" not in column
            ):
                continue
            text = f"R = {rows}; C = {columns}; {setup}"
            quick = name in QUICK and column in ("256 x 256", "2048 x 2048, 2 threads")
            stream = "2048" in column and "copy" in name
            asked = numpy if column in ("256 x 256", "2048 x 2048") else ""
            out.append(Case(3, name, column, run, text, numpy=asked, stream=stream, quick=quick, **changes))
    return out


def cases() -> list[Case]:
    return [*_reductions(), *_moves()]
