"""The benchmark: `make bench`, or a part of it by `make bench GROUPS="1 4" QUICK=1`.

Prints the tables and writes them with all figures to build/bench; a full run also writes docs/performance.md.
"""

from __future__ import annotations

import argparse
import datetime
import json
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import cases_attention
import cases_conv
import cases_matmul
import cases_pointwise
import cases_rows
import cases_small
import cases_training
import machine
import report
import startup
from cases import GROUPS, Case
from processes import OTHERS, Effort, Record, measure_all

ROOT = pathlib.Path(__file__).parents[1]
ROOMS = (cases_small, cases_pointwise, cases_rows, cases_matmul, cases_conv, cases_attention, cases_training)
FULL = Effort(rounds=2, turns=3)
QUICK = Effort(rounds=2, turns=2, repeats=1)


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def chosen_cases(groups: list[int], quick: bool, only: str) -> list[Case]:
    cases = [
        c
        for room in ROOMS
        for c in room.cases()
        if c.group in groups and (c.quick or not quick) and only in c.key
    ]
    keys = [c.key for c in cases]
    assert len(keys) == len(set(keys)), "two cases of one name: " + ", ".join(
        sorted({k for k in keys if keys.count(k) > 1})
    )
    return cases


def measure(cases: list[Case], effort: Effort, keep: Callable[[list[Record]], object]) -> list[Record]:
    """The records of all cases; `keep` gets those so far after each group, should the rest be cut off."""
    records: list[Record] = []
    others = [library for library in OTHERS if machine.version(library)]
    for group in sorted({c.group for c in cases}):
        start = time.monotonic()
        found = measure_all([c for c in cases if c.group == group], others, effort)
        records += found
        mean = report.ratio_text(report.mean_of(found))
        say(
            f"group {group}, {GROUPS[group]}: {len(found)} cases in {time.monotonic() - start:.0f} s, "
            f"geometric mean {mean}"
        )
        keep(records)
    return records


def save(results: report.Results, out: pathlib.Path) -> str:
    out.mkdir(parents=True, exist_ok=True)
    data = {
        "machine": results.machine,
        "limits": results.limits,
        "cases": [r.data() for r in results.records],
        "figures": [vars(f) for f in results.figures],
    }
    (out / "results.json").write_text(json.dumps(data, indent=1))
    text = report.write(results)
    (out / "performance.md").write_text(text)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", type=int, nargs="+", choices=sorted(GROUPS), default=sorted(GROUPS))
    parser.add_argument("--quick", action="store_true", help="a few cases of each group, fewer rounds")
    parser.add_argument("--only", default="", help="cases whose name contains this text")
    parser.add_argument("--probe", default=str(ROOT / "build/release/benchmarks/rushlight_probe"))
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "bench")
    options = parser.parse_args()
    if not machine.version("torch"):
        raise SystemExit("PyTorch is what the benchmark compares with: scripts/setup.sh torch")

    start = time.monotonic()
    described = machine.describe(ROOT)
    say("measuring the machine")
    limits = machine.limits(options.probe)
    effort = QUICK if options.quick else FULL
    cases = chosen_cases(options.groups, options.quick, options.only)
    parts = ["make bench"]
    if len(options.groups) < len(GROUPS):
        parts.append(f'GROUPS="{" ".join(map(str, options.groups))}"')
    parts += ["QUICK=1"] if options.quick else []
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    depth = (
        f"{effort.rounds} rounds of {effort.turns} turns of {effort.samples} samples, "
        f"{effort.repeats} more rounds for cases below 1.00"
    )

    def keep(records: list[Record], figures: Sequence[startup.Figure] = ()) -> str:
        elapsed = time.monotonic() - start
        return save(
            report.Results(described, limits, records, list(figures), " ".join(parts), date, elapsed, depth),
            options.out,
        )

    records = measure(cases, effort, keep)
    figures = []
    if 8 in options.groups and not options.only:
        say(f"group 8, {GROUPS[8]}")
        figures = startup.measure(options.quick)
    print(keep(records, figures))
    if len(parts) == 1 and not options.only:
        shutil.copy(options.out / "performance.md", ROOT / "docs" / "performance.md")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as e:
        raise SystemExit(f"{e.cmd}: {e}") from e
