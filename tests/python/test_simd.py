"""RUSHLIGHT_SIMD, and the same results from every instruction set that is compiled in and that this processor has."""

from __future__ import annotations

import json
import math
import os
import pathlib
import subprocess
import sys

import pytest
import samples

import rushlight

HERE = pathlib.Path(__file__).parent
TABLE = rushlight._C._operations()
TARGETS = rushlight._C._simd_targets()

# The run of one target: every sample of the table, printed as JSON.
WORKER = """
import json, sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, {here!r})
import samples, rushlight
results = []
for entry in rushlight._C._operations():
    for sample in samples.split(entry["samples"]):
        rushlight.manual_seed(0)
        for dtype in (None, rushlight.float64):
            results.append(samples.run(rushlight, entry, samples.resized(sample, {{2: 9, 3: 35}}.get) if {large} else sample,
                                       dtype=dtype, gradients=1))
print(json.dumps([rushlight._C._simd_target(), results]))
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
    done = run_with(target, "import rushlight; print(rushlight._C._simd_target(), rushlight.backends.cpu.get_cpu_capability())")
    assert done.stdout.split() == [target, {"avx512": "AVX512", "avx2": "AVX2"}.get(target, "DEFAULT")]


def test_unknown_target_is_an_error_of_the_import():
    done = run_with("mmx", "import rushlight")
    assert done.returncode == 1
    assert f"ValueError: RUSHLIGHT_SIMD=mmx: this build and processor have {' '.join(TARGETS)}" in done.stderr
