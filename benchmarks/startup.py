"""Group 8: import time, memory and size. Each number comes from processes of its own, the two libraries in
turns.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

import cases_training

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent
MODULES = {"torch": "torch", "rushlight": "rushlight"}
DEMO = ROOT / "examples" / "python" / "mnist.py"

IMPORT = """
import json, time
start = time.perf_counter()
import {module}
seconds = time.perf_counter() - start
lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({{"seconds": seconds, "bytes": 1024 * int(lines["VmRSS"].split()[0])}}))
"""

# The peak above what the process held before the model was made: the import is a row of its own.
STEPS = """
import json, sys
sys.path.insert(0, {here!r})
import torch
import models
torch.set_num_threads(2)
def status(name):
    return 1024 * next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))
before = status("VmRSS:")
step = models.training({name!r})
for _ in range(3):
    step()
print(json.dumps({{"peak": status("VmHWM:"), "growth": status("VmHWM:") - before}}))
"""


@dataclass
class Figure:
    """One line of the group's table; smaller is better."""

    name: str
    unit: str  # "s" or "bytes"
    values: dict[str, float] = field(default_factory=dict)
    error: str = ""

    def add(self, library: str, value: float) -> None:
        self.values[library] = min(value, self.values.get(library, value))

    @property
    def ratio(self) -> float | None:
        return self.values["torch"] / self.values["rushlight"] if len(self.values) == 2 else None


def _program(library: str, text: str) -> list[str]:
    """A command that runs the text as a program whose `import torch` is the library."""
    with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as file:
        file.write(text)
    return [sys.executable, *(["-m", "rushlight"] if library == "rushlight" else []), file.name]


def _run(command: list[str]) -> dict:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    if done.returncode:
        raise RuntimeError(
            done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"status {done.returncode}"
        )
    return json.loads(done.stdout.splitlines()[-1])


def imports(rounds: int) -> list[Figure]:
    seconds, memory = Figure("import", "s"), Figure("resident after import", "bytes")
    for _ in range(rounds):
        for library, module in MODULES.items():
            answer = _run([sys.executable, "-c", IMPORT.format(module=module)])
            seconds.add(library, answer["seconds"])
            memory.add(library, answer["bytes"])
    return [seconds, memory]


def _tree_size(path: pathlib.Path) -> int:
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file() and "__pycache__" not in f.parts)


def installed_size() -> Figure:
    """The packages as they lie on disk, with the shared libraries that they bring along; compiled Python is
    not counted.
    """
    figure = Figure("installed size", "bytes")
    for library in MODULES:
        find = f"import {library}, pathlib; print(pathlib.Path({library}.__file__).parent)"
        package = pathlib.Path(
            subprocess.check_output([sys.executable, "-c", find], text=True, cwd=ROOT).strip()
        )
        beside = package.with_name(package.name + ".libs")
        figure.add(library, _tree_size(package) + (_tree_size(beside) if beside.exists() else 0))
    return figure


def demo() -> Figure:
    """From the start of the process to the end of the demo's first epoch."""
    figure = Figure("the demo's first epoch, from the start of Python", "s")
    for library in MODULES:
        with tempfile.TemporaryDirectory() as out:
            prefix = ["-m", "rushlight"] if library == "rushlight" else []
            command = [sys.executable, "-u", *prefix, str(DEMO), "--epochs", "1", "--out", out]
            start = time.perf_counter()
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
            ) as process:
                assert process.stdout
                for line in process.stdout:
                    if line.startswith("trained in"):
                        figure.add(library, time.perf_counter() - start)
                        process.kill()
        if library not in figure.values:
            figure.error = f"{library}: the demo did not reach the end of its first epoch"
    return figure


def step_memory(names: list[str], rounds: int) -> list[Figure]:
    out = []
    for name in names:
        figure = Figure(f"memory that three steps add: {name}", "bytes")
        try:
            for _ in range(rounds):
                for library in MODULES:
                    command = _program(library, STEPS.format(here=str(HERE), name=name))
                    figure.add(library, _run(command)["growth"])
                    os.unlink(command[-1])
        except RuntimeError as e:
            figure.error = str(e)
        out.append(figure)
    return out


def measure(quick: bool) -> list[Figure]:
    names = cases_training.training_names()
    if quick:
        names = [n for n in names if n.startswith(cases_training.QUICK)]
    rounds = 1 if quick else 3
    return [*imports(2 * rounds + 1), installed_size(), demo(), *step_memory(names, rounds)]
