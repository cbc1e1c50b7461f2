"""What the figures were measured on: processor, versions, and the limits that the probe finds."""

from __future__ import annotations

import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess

import rushlight


def processor() -> str:
    with open("/proc/cpuinfo") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


def version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def revision(root: pathlib.Path) -> str:
    """The commit, marked where the working tree differs from it."""
    try:
        return subprocess.check_output(
            ["git", "-C", str(root), "describe", "--always", "--dirty"], text=True
        ).strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def describe(root: pathlib.Path) -> dict:
    return {
        "processor": processor(),
        "cpus": len(os.sched_getaffinity(0)),
        "simd": rushlight._C._simd_target(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "rushlight": f"{rushlight.__version__} ({revision(root)})",
        "torch": version("torch"),
        "numpy": version("numpy"),
        "jax": version("jax"),
    }


def limits(probe: str, threads=(1, 2)) -> dict[int, dict]:
    """By number of threads: float32 and float64 operations a second, bytes of memory a second."""
    text = subprocess.check_output([probe, *map(str, threads)], text=True)
    return {line["threads"]: line for line in map(json.loads, text.splitlines())}
