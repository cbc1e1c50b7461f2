"""Lessons print what PyTorch prints: as a program, in a notebook after as_torch(), and typed at the prompt.

The lessons and the way in which they run are in lessons.py; tests/golden/lessons.json holds PyTorch's text,
which is also compared with a live PyTorch where one is installed.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import json
import os
import re
import subprocess
import sys

import lessons
import pytest
from programs import PACKAGE_PARENT, output

EXPECTED = json.loads(lessons.GOLDEN.read_text())
CELLS = {path.stem: lessons.cells(path) for path in lessons.LESSONS}
ALL = [(name, i) for name, cells in CELLS.items() for i in range(len(cells))]
DRIVER = lessons.FOLDER / "lessons.py"


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """Every lesson as `python -m rushlight` runs it, in one process."""
    arguments = ["-m", "rushlight", str(DRIVER), *map(str, lessons.LESSONS)]
    return json.loads(output(*arguments, folder=tmp_path_factory.mktemp("lessons")))


@pytest.mark.parametrize("name, i", ALL)
def test_program(printed, name, i):
    assert printed[name][i] == EXPECTED[name][i], CELLS[name][i]


def test_every_cell_is_recorded():
    assert {name: len(cells) for name, cells in CELLS.items()} == {
        name: len(e) for name, e in EXPECTED.items()
    }


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_the_record_is_what_pytorch_prints(tmp_path):
    done = subprocess.run(
        [sys.executable, DRIVER, *lessons.LESSONS], capture_output=True, text=True, cwd=tmp_path
    )
    assert json.loads(done.stdout) == EXPECTED


NOTEBOOK = """
import json, sys
sys.path.insert(0, {folder!r})
import lessons
import rushlight
rushlight.as_torch()
print(json.dumps({{path.stem: lessons.run(path) for path in lessons.LESSONS}}))
"""


def test_notebook(printed, tmp_path):
    """Cells of a process in which as_torch() was called print the same as the program."""
    code = NOTEBOOK.format(folder=str(lessons.FOLDER))
    assert json.loads(output("-c", code, folder=tmp_path)) == printed


def typed(cell):
    """The lines of a cell as one types them: a block ends with an empty line and has none inside."""
    lines, out = cell.splitlines(), []
    for statement in ast.parse(cell).body:
        decorators = getattr(statement, "decorator_list", [])
        first = min([statement.lineno, *(d.lineno for d in decorators)])
        out += [line for line in lines[first - 1 : statement.end_lineno] if line.strip()]
        out += [""] if hasattr(statement, "body") else []
    return out


def at_the_prompt(lines, folder):
    """What `python -m rushlight` prints for these lines on a terminal, without its prompts."""
    import pty
    import termios

    ours, theirs = pty.openpty()
    attributes = termios.tcgetattr(theirs)
    attributes[3] &= ~(termios.ECHO | termios.ICANON)  # as long as it takes, and not shown again
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    variables = {**os.environ, "PYTHONPATH": PACKAGE_PARENT, "TERM": "dumb", "PYTHONWARNINGS": "ignore"}
    with open(folder / "printed", "w+") as printed:
        command = [sys.executable, "-u", "-m", "rushlight"]
        process = subprocess.Popen(
            command, stdin=theirs, stdout=printed, stderr=printed, cwd=folder, env=variables
        )
        os.close(theirs)
        with os.fdopen(ours, "w") as keyboard:
            keyboard.write("\n".join([*lines, "exit()", ""]))
            keyboard.flush()
            assert process.wait(timeout=120) == 0
        printed.seek(0)
        return [re.sub(r"^(>>> |\.\.\. )+", "", line) for line in lessons.normal(printed.read()).splitlines()]


def is_shown(line, answer):
    """The prompt also proposes names that a module does have."""
    return answer == line or (
        line.startswith("AttributeError: ") and answer.startswith(f"{line}. Did you mean")
    )


@pytest.mark.parametrize("name", CELLS)
def test_prompt(printed, name, tmp_path):
    """Each line that the program prints is printed at the prompt, with the values of other statements."""
    pytest.importorskip("pty", reason="terminals are POSIX")
    lines = []
    for i, cell in enumerate(CELLS[name]):
        lines += [f"print('<{i}>')", *typed(cell)]
    shown = iter(at_the_prompt([*lines, f"print('<{len(CELLS[name])}>')"], tmp_path))
    assert "<0>" in shown
    for i, text in enumerate(printed[name]):
        answer = list(iter(functools.partial(next, shown), f"<{i + 1}>"))
        rest = iter(answer)
        missing = [line for line in text.splitlines() if not any(is_shown(line, a) for a in rest)]
        assert not missing, (CELLS[name][i], answer)
