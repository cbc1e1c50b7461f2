"""RUSHLIGHT_SIMD, and the same results from every instruction set compiled in that this processor has."""

from __future__ import annotations

import json
import math
import os
import pathlib
import subprocess
import sys

import pytest
import test_operations

import rushlight

pytestmark = pytest.mark.slow  # runs the whole table once for each instruction set

HERE = pathlib.Path(__file__).parent
TARGETS = rushlight._C._simd_targets()
ELEMENTS = 300  # of the larger samples: several vectors of every target, and a rest

# Every sample of the table, as it is and larger, with gradients, as one line of JSON each.
TABLE_RUN = f"""
import json, sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, {str(HERE)!r})
import samples, rushlight
for entry in rushlight._C._operations():
    if samples.function(rushlight, entry) is None:
        continue
    for sample in samples.split(entry["samples"]):
        large = sample if entry["name"] in samples.PRODUCTS else samples.enlarged(sample, {ELEMENTS})
        for call in dict.fromkeys([sample, large]):
            for dtype in (None, rushlight.float64):
                rushlight.manual_seed(0)
                what = f"{{entry['module']}}.{{entry['name']}}({{call}}) {{dtype}}"
                print(json.dumps([what, samples.run(rushlight, entry, call, dtype=dtype, gradients=1)]))
"""


def run_with(target: str | None, program: str) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if k != "RUSHLIGHT_SIMD"}
    if target is not None:
        environment["RUSHLIGHT_SIMD"] = target
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)


def test_best_target_is_taken():
    done = run_with(None, "import rushlight; print(rushlight._C._simd_target())")
    assert done.stdout.strip() == TARGETS[0]


@pytest.mark.parametrize("target", TARGETS)
def test_environment_chooses(target):
    names = "rushlight._C._simd_target(), rushlight.backends.cpu.get_cpu_capability()"
    done = run_with(target, f"import rushlight; print({names})")
    assert done.stdout.split() == [target, {"avx512": "AVX512", "avx2": "AVX2"}.get(target, "DEFAULT")]


def test_unknown_target_is_an_error_of_the_import():
    done = run_with("mmx", "import rushlight")
    assert done.returncode == 1
    assert f"ValueError: RUSHLIGHT_SIMD=mmx: this build and processor have {' '.join(TARGETS)}" in done.stderr


def numbers(value) -> list[float]:
    if isinstance(value, list):
        return [n for item in value for n in numbers(item)]
    return [float(value)]


def largest(results) -> float:
    """The largest finite number of all results of a call."""
    if isinstance(results, dict) and "data" in results:
        return max((abs(n) for n in numbers(results["data"]) if math.isfinite(n)), default=0.0)
    inside = results.values() if isinstance(results, dict) else results if isinstance(results, list) else ()
    return max(map(largest, inside), default=0.0)


def near(got, want, scale=0.0) -> bool:
    scale = scale or largest(want)
    if isinstance(want, dict) and "data" in want:
        if (got["dtype"], got["shape"]) != (want["dtype"], want["shape"]):
            return False
        a, b = numbers(got["data"]), numbers(want["data"])
        tolerance, _ = test_operations.TOLERANCE.get(want["dtype"], (0, 0))
        return all(
            m == n or abs(m - n) <= tolerance * scale or m != m and n != n for m, n in zip(a, b, strict=True)
        )
    if isinstance(want, dict):
        return got.keys() == want.keys() and all(near(got[key], want[key], scale) for key in want)
    if isinstance(want, list):
        return len(got) == len(want) and all(near(g, w, scale) for g, w in zip(got, want, strict=True))
    return got == want


def test_near():
    def result(*data):
        return {"outputs": [{"dtype": "float32", "shape": [2], "data": [*data]}]}

    assert near(result(1.0, 1e-6), result(1.00001, 0.0))
    assert near(result(1.0, math.nan), result(1.0, math.nan))
    assert not near(result(1.0, 1e-3), result(1.0, 0.0))
    assert not near(result(1.0, 1.0), result(1.0, math.nan))
    assert not near(result(1.0, 1.0), {"error": "RuntimeError", "text": ""})


@pytest.fixture(scope="module")
def best_results():
    return run_with(TARGETS[0], TABLE_RUN).stdout.splitlines()


@pytest.mark.parametrize("target", TARGETS[1:])
def test_same_results_as_the_best(target, best_results):
    """Targets round differently where one has fused multiply-adds or longer vectors, by no more than PyTorch
    may differ; where terms cancel, relative to the largest number among the results and gradients.
    """
    done = run_with(target, TABLE_RUN)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert len(lines) == len(best_results) > 1000
    wrong = []
    for line, best in zip(lines, best_results, strict=True):
        (what, got), (_, want) = json.loads(line), json.loads(best)
        if not near(got, want):
            wrong.append(f"{what}: {str(got)[:200]}, expected {str(want)[:200]}")
    assert not wrong, f"{len(wrong)} results of {target} differ:\n" + "\n".join(wrong[:20])
