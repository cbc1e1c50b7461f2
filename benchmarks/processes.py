"""Worker processes and the rounds that they are measured in.

In a round one process of each library is alive. All prepare a case, then they measure it in turns of a few
short samples, so that what the machine does meanwhile meets all. Every round has new processes.
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from cases import Case

HERE = pathlib.Path(__file__).parent
SCRIPT = str(HERE / "worker.py")
COMMANDS = {
    "torch": [sys.executable, SCRIPT, "torch"],
    "rushlight": [sys.executable, "-m", "rushlight", SCRIPT, "torch"],
    "numpy": [sys.executable, SCRIPT, "numpy"],
    "jax": [sys.executable, SCRIPT, "jax"],
}
PAIR = ("torch", "rushlight")
OTHERS = ("numpy", "jax")  # for the cases that say how these would do the same
TIME_LIMIT = 120.0  # seconds for one request
OPENBLAS_SPINS = 0.03  # seconds for which its threads wait at full speed after their work (THREAD_TIMEOUT)

# How far apart the results of the two libraries may be, relative to the sum of magnitudes.
TOLERANCE = {"float64": 1e-6, "float32": 2e-3, "bfloat16": 4e-2, "float16": 1e-2}


@dataclass
class Record:
    """What was measured of a case: seconds a call by library, one entry a round."""

    case: Case
    best: dict[str, list[float]] = field(default_factory=dict)
    median: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    digests: dict[str, list] = field(default_factory=dict)
    bytes: int = 0

    def add(self, library: str, answer: dict) -> None:
        if "error" in answer:
            self.errors[library] = answer["error"]
            return
        self.best.setdefault(library, []).append(min(answer["seconds"]))
        self.median.setdefault(library, []).append(statistics.median(answer["seconds"]))
        self.bytes = answer.get("bytes") or self.bytes
        if "digest" in answer:
            self.digests[library] = answer["digest"]

    @property
    def failed(self) -> bool:
        """Whether one of the pair did; without another library a column of the report stays empty."""
        return any(name not in OTHERS for name in self.errors)

    def compare(self) -> None:
        """The two libraries' results must agree, or the case says nothing."""
        if all(name in self.digests for name in PAIR):
            theirs, ours = (self.digests[name] for name in PAIR)
            if not agree(theirs, ours, TOLERANCE.get(self.case.dtype, 1e-6)):
                self.errors["comparison"] = f"results differ: PyTorch {theirs}, Rushlight {ours}"

    def seconds(self, library: str) -> float | None:
        return min(self.best[library]) if library in self.best and not self.errors.get(library) else None

    @property
    def ratio(self) -> float | None:
        theirs, ours = self.seconds("torch"), self.seconds("rushlight")
        return theirs / ours if theirs and ours and not self.failed else None

    def data(self) -> dict:
        return {
            **self.case.data(),
            "ratio": self.ratio,
            "best": self.best,
            "median": self.median,
            "errors": self.errors,
        }


def agree(theirs: list, ours: list, tolerance: float) -> bool:
    if len(theirs) != len(ours):
        return False
    for a, b in zip(theirs, ours, strict=True):
        if not isinstance(a, list):
            same = a == b or (
                a is not None and b is not None and abs(a - b) <= tolerance * max(abs(a), abs(b))
            )
        elif not isinstance(b, list) or a[0] != b[0]:
            return False
        else:
            scale = max(a[2], b[2], 1e-6)
            same = abs(a[1] - b[1]) <= tolerance * scale and abs(a[2] - b[2]) <= tolerance * scale
        if not same:
            return False
    return True


@dataclass(frozen=True)
class Effort:
    """How much is measured of each case."""

    rounds: int
    turns: int  # of each library, in a round
    samples: int = 3  # in a turn
    seconds: float = 0.005  # of a sample, at least
    limit: float = 2.0  # seconds of a case in a round after which no further turn is begun
    repeats: int = 4  # more rounds for cases below 1.0


class Worker:
    """A process that measures; it is started anew when it dies."""

    def __init__(self, library: str, threads: int = 0):
        self.library, self.threads = library, threads
        self.process: subprocess.Popen | None = None

    def _start(self) -> subprocess.Popen:
        environment = dict(os.environ)
        limit = None
        if self.threads:  # NumPy and JAX take as many threads as they find processors
            environment["OPENBLAS_NUM_THREADS"] = str(self.threads)
            chosen = set(sorted(os.sched_getaffinity(0))[: self.threads])

            def limit():
                os.sched_setaffinity(0, chosen)

        return subprocess.Popen(
            COMMANDS[self.library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
            preexec_fn=limit,
            cwd=HERE.parent,
        )

    def begin(self, case: Case, effort: Effort, check: bool = False) -> dict:
        """Prepares a case and takes its first samples."""
        request = {"case": case.data(), "seconds": effort.seconds, "samples": effort.samples, "check": check}
        return self._ask(request)

    def go_on(self, effort: Effort) -> dict:
        """More samples of the case that was begun last."""
        return self._ask({"samples": effort.samples})

    def _ask(self, request: dict) -> dict:
        if self.process is None:
            self.process = self._start()
        process = self.process
        assert process.stdin and process.stdout
        alarm = threading.Timer(TIME_LIMIT, process.kill)
        alarm.start()
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            alarm.cancel()
        if line:
            return json.loads(line)
        self.process = None
        return {"error": f"the process ended with status {process.wait()} (time limit {TIME_LIMIT:.0f} s)"}

    def close(self) -> None:
        if self.process is not None and self.process.stdin:
            self.process.stdin.close()
            self.process.wait()
            self.process = None


class Team:
    """The processes of a round: one for each library, of NumPy and JAX one for each number of threads."""

    def __init__(self, others: Sequence[str]):
        self.others = others
        self.workers: dict[tuple[str, int], Worker] = {}

    def of(self, case: Case) -> dict[str, Worker]:
        names = [*PAIR, *(self.others if case.numpy else ())]
        return {name: self._worker(name, case.threads if name in OTHERS else 0) for name in names}

    def _worker(self, name: str, threads: int) -> Worker:
        return self.workers.setdefault((name, threads), Worker(name, threads))

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()


def measure_case(record: Record, workers: dict[str, Worker], effort: Effort, check: bool) -> None:
    end = time.monotonic() + effort.limit
    for turn in range(effort.turns):
        if record.failed or (turn and time.monotonic() > end):
            break
        for name, worker in workers.items():
            if turn == 0:
                record.add(name, worker.begin(record.case, effort, check and name in PAIR))
            elif name not in record.errors:
                record.add(name, worker.go_on(effort))
            if name == "numpy" and record.case.threads > 1:
                time.sleep(OPENBLAS_SPINS)
    if check:
        record.compare()


def one_round(records: list[Record], others: Sequence[str], effort: Effort, number: int) -> None:
    """Every case once. Who begins changes from case to case, and for a case from round to round."""
    team = Team(others)
    for k, record in enumerate(records):
        workers = team.of(record.case)
        if (k + number) % 2:
            workers = dict(reversed(workers.items()))
        measure_case(record, workers, effort, check=number == 0)
    team.close()


def measure_all(cases: list[Case], others: Sequence[str], effort: Effort) -> list[Record]:
    """All libraries, round after round; cases below 1.0 some rounds more before they count."""
    records = [Record(case) for case in cases]
    for number in range(effort.rounds):
        one_round([r for r in records if not r.failed], others, effort, number)
    slow = [r for r in records if r.ratio is not None and r.ratio < 1]
    for number in range(effort.rounds, effort.rounds + effort.repeats):
        one_round(slow, others, effort, number)
    return records
