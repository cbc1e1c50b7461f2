"""Runs programs in processes of their own, as users do."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import rushlight

PACKAGE_PARENT = str(Path(rushlight.__file__).parents[1])


def python(*arguments, folder, stdin=None, **environment):
    """Runs Python with these arguments in a folder; the finished process with its output as text."""
    variables = {**os.environ, "PYTHONPATH": PACKAGE_PARENT, **environment}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=variables,
        input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def output(*arguments, folder, **options):
    """What a program that must succeed prints."""
    done = python(*arguments, folder=folder, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout
