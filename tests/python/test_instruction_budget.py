"""What a call of a small operation costs, in instructions: the same on every run, unlike time.

    python tests/python/test_instruction_budget.py     # records tests/golden/instruction_budget.json anew

One process runs every operation of small_operations.py under callgrind, which writes down what happened
between two calls of getppid. Counted is what our libraries and libc execute; the interpreter's own
instructions belong to its version. Kernels and libc take the instruction sets that every x86-64 processor has
(PINNED), so that all of them give the same counts.
"""

from __future__ import annotations

import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys

import pytest
import small_operations
from programs import PACKAGE_PARENT

pytestmark = pytest.mark.slow  # runs under valgrind

BUDGET = pathlib.Path(__file__).parents[1] / "golden" / "instruction_budget.json"
CALLS = 200
ALLOWED = 1.10  # compilers differ by a few percent
PINNED = {
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX,-AVX2,-FMA,-BMI2,-ERMS,-FSRM",
    "PYTHONHASHSEED": "0",
    "RUSHLIGHT_NUM_THREADS": "1",
    "RUSHLIGHT_SIMD": "sse4",
}


def count(folder):
    """Instructions a call, by operation."""
    command = ["valgrind", "--tool=callgrind", "--dump-before=getppid", f"--callgrind-out-file={folder}/out"]
    variables = {**os.environ, **PINNED, "PYTHONPATH": PACKAGE_PARENT}
    program = [sys.executable, small_operations.__file__, str(CALLS)]
    subprocess.run([*command, *program], check=True, env=variables, capture_output=True, timeout=600)
    # The first file ends at the first mark; then operation and what lies between two operations take turns.
    files = [pathlib.Path(folder, f"out.{2 * k + 2}") for k in range(len(small_operations.OPERATIONS))]
    return {
        name: round(outside_the_interpreter(f) / CALLS)
        for name, f in zip(small_operations.OPERATIONS, files, strict=True)
    }


def outside_the_interpreter(file):
    """The instructions of one dump (https://valgrind.org/docs/manual/cl-format.html)."""
    total, objects, counted, is_call = 0, {}, False, False
    for line in file.read_text().splitlines():
        place = re.match(r"ob=\((\d+)\)(?: (.*))?", line)
        if place:
            number, name = place.groups()
            name = objects.setdefault(number, name)
            counted = re.search(r"/(libpython|python)[^/]*$", name) is None
        elif re.match(r"cob=\(\d+\) ", line):
            number, name = re.match(r"cob=\((\d+)\) (.*)", line).groups()
            objects.setdefault(number, name)
        elif line.startswith("calls="):
            is_call = True  # the next line is the callee's cost
        elif re.match(r"[+*\d-]", line):
            total += 0 if is_call or not counted else int(line.split()[1])
            is_call = False
    return total


def over_budget(counts, budget):
    """What costs more than its budget allows; a few instructions more are nothing in the cheapest calls."""
    return {
        name: f"{n} instead of {budget[name]}"
        for name, n in counts.items()
        if n > ALLOWED * budget[name] + 10
    }


@pytest.mark.skipif(
    shutil.which("valgrind") is None, reason="valgrind, which counts the instructions, is not installed"
)
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the budget was recorded in x86-64 instructions")
def test_calls_stay_within_the_budget(tmp_path):
    budget, counts = json.loads(BUDGET.read_text()), count(tmp_path)
    assert list(budget) == list(counts), "small_operations.py has changed: record the budget anew"
    assert not over_budget(counts, budget)


def test_growth_is_noticed():
    budget = json.loads(BUDGET.read_text())
    assert all(cost > 0 for name, cost in budget.items() if name != "pass")
    grown = {name: round(1.15 * cost) + 10 for name, cost in budget.items() if name != "pass"}
    assert not over_budget(budget, budget)
    assert list(over_budget(grown, budget)) == list(grown)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        BUDGET.write_text(json.dumps(count(folder), indent=1) + "\n")
