"""The report, in Markdown: tables of ratios, geometric means, the goals, and every case that falls short."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cases import GROUPS
from processes import OTHERS, Record
from startup import Figure

WHAT_IT_IS = """\
This page is written by `make bench`; do not edit it. A ratio is PyTorch's time divided by Rushlight's:
2.00 means that Rushlight takes half the time."""
HOW_IT_IS_MEASURED = """\
In each round one process of every library is alive: of PyTorch and Rushlight, and of NumPy and JAX for the
cases that they can do alike. All prepare a case and then measure it in turns of a few samples, each of
which repeats the call until 5 ms have passed; the best sample counts. Every round has new processes. A
case that comes out below 1.00 is measured in further rounds before it counts. Results of PyTorch and
Rushlight are compared; a case whose results differ is not counted."""
WHAT_THE_LIMITS_ARE = """\
The machine's limits, measured in this run (`benchmarks/probe.cpp`). Multiply-adds are the best of short
runs that keep their factors in registers. Fed from the first cache, as every product of matrices must
be, is the average over half a second: what the machine grants to a call of that length."""
BUSY = """\
**The machine was busy with other work when this run began.** Ratios on two threads say little then: a
library whose threads wait for each other loses most."""
MEMORY_NOTE = """\
Installed size counts the package's own files; memory is what the process's peak rises above its size
after the import."""
WHAT_OTHERS_SHOW = """\
The time of PyTorch, NumPy (whose products are OpenBLAS's) and JAX (jitted) divided by Rushlight's; and
Rushlight's share of the processor's multiply-adds, or of the memory's bandwidth where the operands are
larger than the cache."""


def geometric_mean(values: Iterable[float]) -> float | None:
    logs = [math.log(v) for v in values]
    return math.exp(sum(logs) / len(logs)) if logs else None


def ratio_text(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio:.2f}" if ratio < 9.95 else f"{ratio:.0f}"


def seconds_text(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def bytes_text(count: float) -> str:
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count:.0f} B"


def value_text(value: float, unit: str) -> str:
    return seconds_text(value) if unit == "s" else bytes_text(value)


def markdown(header: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]


@dataclass
class Results:
    machine: dict
    limits: dict[int, dict]
    records: list[Record]
    figures: list[Figure]
    command: str
    date: str
    seconds: float  # the whole run
    effort: str

    def group(self, number: int) -> list[Record]:
        return [r for r in self.records if r.case.group == number]

    @property
    def groups(self) -> list[int]:
        return sorted({r.case.group for r in self.records} | ({8} if self.figures else set()))


def mean_of(records: Iterable[Record], only: Callable[[Record], bool] = lambda r: True) -> float | None:
    return geometric_mean(r.ratio for r in records if r.ratio is not None and only(r))


def share_of_limit(record: Record, limits: dict[int, dict], of: str = "") -> float | None:
    """Of the memory's bandwidth where the case streams, else of the processor's multiply-adds where the case
    has a count of them; `of` names another limit than that of the case's dtype.
    """
    seconds, limit = record.seconds("rushlight"), limits.get(record.case.threads)
    if not seconds or not limit:
        return None
    if record.case.stream:
        return record.bytes / seconds / limit["memory"]
    peak = limit.get(of or record.case.dtype)
    return record.case.flops / seconds / peak if record.case.flops and isinstance(peak, float) else None


# ---- sections


def heading(results: Results) -> list[str]:
    m = results.machine
    others = f"NumPy {m['numpy']} with its OpenBLAS, " + (
        f"JAX {m['jax']}" if m["jax"] else "no JAX (not installed)"
    )
    about = (
        f"{m['processor']}, {m['cpus']} processors, kernels for {m['simd']}; "
        f"load {m['load']:.1f} before the run"
    )
    busy = ["", BUSY] if m["load"] > 0.5 else []
    return [
        "# Performance",
        "",
        WHAT_IT_IS,
        "",
        *markdown(
            ["", ""],
            [
                ["date", results.date],
                ["command", f"`{results.command}`, {results.seconds / 60:.0f} minutes"],
                ["machine", about],
                ["Rushlight", f"{m['rushlight']}, Python {m['python']}"],
                ["compared with", f"PyTorch {m['torch']}, {others}"],
                ["effort", results.effort],
            ],
        ),
        "",
        HOW_IT_IS_MEASURED,
        *busy,
    ]


def limits_table(results: Results) -> list[str]:
    rows = [
        [
            str(n),
            f"{v['float32'] / 1e9:.1f} Gflop/s",
            f"{v['float64'] / 1e9:.1f} Gflop/s",
            f"{v['fed'] / 1e9:.1f} Gflop/s",
            f"{v['memory'] / 1e9:.1f} GB/s",
        ]
        for n, v in results.limits.items()
    ]
    columns = ["float32 multiply-adds", "float64 multiply-adds", "fed from the first cache", "memory"]
    return ["", WHAT_THE_LIMITS_ARE, "", *markdown(["threads", *columns], rows)]


def summary(results: Results) -> list[str]:
    rows = []
    for number in results.groups:
        if number == 8:
            ratios = [f.ratio for f in results.figures if f.ratio is not None]
            failed = sum(bool(f.error) for f in results.figures)
        else:
            ratios = [r.ratio for r in results.group(number) if r.ratio is not None]
            failed = sum(r.failed for r in results.group(number))
        below = sum(r < 1 for r in ratios)
        mean, worst = geometric_mean(ratios), min(ratios, default=None)
        rows.append(
            [
                f"{number}. {GROUPS[number]}",
                str(len(ratios)),
                ratio_text(mean),
                ratio_text(worst),
                str(below),
                str(failed),
            ]
        )
    header = ["group", "cases", "geometric mean", "least", "below 1.00", "not measured"]
    return ["", "## Summary", "", *markdown(header, rows)]


def goals(results: Results) -> list[str]:
    """The project's goals for this page, each with what was measured; only those whose cases were run."""

    def least(values: list[float | None]) -> float | None:
        return min((v for v in values if v is not None), default=None)

    squares = [
        r
        for r in results.group(4)
        if r.case.name in ("512 x 512", "1024 x 1024", "2048 x 2048", "4096 x 4096")
        and r.case.dtype == "float32"
    ]
    blas = [
        r.seconds("numpy") / r.seconds("rushlight")
        for r in squares
        if r.seconds("numpy") and r.seconds("rushlight")
    ]
    memory = [f.ratio for f in results.figures if f.name.startswith("memory")]
    measured = [
        ("small operations, geometric mean", 5.0, mean_of(results.group(1))),
        ("group 2, geometric mean", 2.5, mean_of(results.group(2))),
        ("group 3, geometric mean", 2.5, mean_of(results.group(3))),
        ("group 6, geometric mean", 2.5, mean_of(results.group(6))),
        (
            "square float32 products from 512: least share of the multiply-adds",
            0.9,
            least([share_of_limit(r, results.limits) for r in squares]),
        ),
        (
            "the same: least share of multiply-adds fed from the first cache",
            0.9,
            least([share_of_limit(r, results.limits, "fed") for r in squares]),
        ),
        ("the same: OpenBLAS's time / ours, least", 1.0, least(blas)),
        (
            "3x3 convolutions of stride 1, 64 channels and more, forward: geometric mean",
            1.4,
            mean_of(results.group(5), is_winograd_case),
        ),
        (
            "tiny training steps (2-16-16-1), geometric mean",
            8.0,
            mean_of(results.group(7), lambda r: "2-16-16-1" in r.case.name),
        ),
        (
            "training steps, geometric mean",
            1.5,
            mean_of(results.group(7), lambda r: "training" in r.case.variant),
        ),
        ("memory that training adds: PyTorch's / ours, least", 1.0, least(memory)),
    ]
    rows = [
        [name, f"{goal:g}", ratio_text(value), "yes" if value >= goal else "no"]
        for name, goal, value in measured
        if value is not None
    ]
    if not rows:
        return []
    return ["", "## Goals", "", *markdown(["what", "at least", "measured", "reached"], rows)]


def is_winograd_case(record: Record) -> bool:
    """A forward 3x3 convolution of stride 1 with 64 channels and more (cases_conv.py names them "VGG16: 3x3
    64-128 at 112").
    """
    layer = re.search(r": 3x3 (\d+)-(\d+) at \d+$", record.case.name)
    return bool(layer) and min(map(int, layer.groups())) >= 64 and "forward" in record.case.variant


def below_one(results: Results) -> list[str]:
    slow = sorted(
        (r for r in results.records if r.ratio is not None and r.ratio < 1),
        key=lambda r: (r.case.group, r.ratio),
    )
    lines = ["", "## Cases below 1.00", ""]
    if not slow and not any((f.ratio or 1) < 1 for f in results.figures):
        return [*lines, "None."]
    rows = [
        [
            str(r.case.group),
            r.case.name,
            r.case.variant,
            f"{r.ratio:.2f}",
            seconds_text(r.seconds("torch") or 0),
            seconds_text(r.seconds("rushlight") or 0),
        ]
        for r in slow
    ]
    rows += [
        [
            "8",
            f.name,
            "",
            f"{f.ratio:.2f}",
            value_text(f.values["torch"], f.unit),
            value_text(f.values["rushlight"], f.unit),
        ]
        for f in results.figures
        if f.ratio is not None and f.ratio < 1
    ]
    return [*lines, *markdown(["group", "case", "variant", "ratio", "PyTorch", "Rushlight"], rows)]


def not_measured(results: Results) -> list[str]:
    """Errors, by what they say: one operation fails in all its variants alike."""
    found: dict[tuple[int, str, str], list[str]] = {}
    names = {"torch": "PyTorch", "rushlight": "Rushlight", "comparison": "both"}
    for r in results.records:
        for who, text in r.errors.items():
            if who in OTHERS:
                continue
            first = text.splitlines()[0] if text else ""
            found.setdefault((r.case.group, r.case.name, f"{names.get(who, who)}: {first[:160]}"), []).append(
                r.case.variant
            )
    rows = [[str(g), name, ", ".join(variants), text] for (g, name, text), variants in found.items()]
    rows += [["8", f.name, "", f.error] for f in results.figures if f.error]
    if not rows:
        return []
    return [
        "",
        "## Cases that could not be measured",
        "",
        *markdown(["group", "case", "variants", "why"], rows),
    ]


def group_table(results: Results, number: int) -> list[str]:
    """A row for each operation, a column for each variant; with our time where there are few columns."""
    records = results.group(number)
    rows = list(dict.fromkeys(r.case.name for r in records))
    columns = list(dict.fromkeys(r.case.variant for r in records))
    cells = {(r.case.name, r.case.variant): r for r in records}
    with_time = number in (1, 4, 6, 7)

    def cell(record: Record | None) -> str:
        if record is None or record.ratio is None:
            return "" if record is None else "–"
        text = ratio_text(record.ratio)
        return f"{text} ({seconds_text(record.seconds('rushlight') or 0)})" if with_time else text

    body = [[name, *(cell(cells.get((name, column))) for column in columns)] for name in rows]
    mean = [
        "**geometric mean**",
        *(ratio_text(mean_of(records, lambda r, c=column: r.case.variant == c)) for column in columns),
    ]
    note = "The ratio, and Rushlight's time for one call." if with_time else "The ratios."
    return ["", f"## {number}. {GROUPS[number]}", "", note, "", *markdown(["case", *columns], [*body, mean])]


def startup_table(results: Results) -> list[str]:
    rows = [
        [
            f.name,
            ratio_text(f.ratio),
            *(value_text(f.values[n], f.unit) if n in f.values else "–" for n in ("torch", "rushlight")),
        ]
        for f in results.figures
    ]
    return [
        "",
        f"## 8. {GROUPS[8]}",
        "",
        MEMORY_NOTE,
        "",
        *markdown(["what", "ratio", "PyTorch", "Rushlight"], rows),
    ]


def others_table(results: Results) -> list[str]:
    rows = []
    for r in results.records:
        share, ours = share_of_limit(r, results.limits), r.seconds("rushlight")
        others = [r.seconds(name) for name in ("numpy", "jax")]
        if ours is None or r.ratio is None or (share is None and not any(others)):
            continue
        rows.append(
            [
                str(r.case.group),
                r.case.name,
                r.case.variant,
                ratio_text(r.ratio),
                *(ratio_text(t / ours) if t else "" for t in others),
                f"{share:.0%}" if share is not None else "",
            ]
        )
    if not rows:
        return []
    lines = [
        "",
        "## Other libraries and the machine's limit",
        "",
        WHAT_OTHERS_SHOW,
    ]
    if not results.machine["jax"]:
        lines.append("JAX was not installed when this was measured.")
    return [
        *lines,
        "",
        *markdown(["group", "case", "variant", "PyTorch", "NumPy", "JAX", "of the limit"], rows),
    ]


def write(results: Results) -> str:
    lines = [
        *heading(results),
        *limits_table(results),
        *summary(results),
        *goals(results),
        *below_one(results),
        *not_measured(results),
    ]
    for number in results.groups:
        lines += startup_table(results) if number == 8 else group_table(results, number)
    return "\n".join([*lines, *others_table(results)]) + "\n"
