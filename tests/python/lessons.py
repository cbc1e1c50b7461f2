"""Lessons: small programs in cells, whose printed text must be PyTorch's.

A lesson is a file of the folder lessons/, its cells divided by lines "# %%". Cells run in one namespace, as
in a notebook: the value of a closing expression is shown, an exception is printed as "Type: message", and the
next cell goes on.

    python tests/python/lessons.py lessons/*.py             prints what each cell shows, as JSON
    python -m rushlight tests/python/lessons.py ...         the same by Rushlight
    python tests/python/lessons.py --record                 writes tests/golden/lessons.json, by PyTorch
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import pathlib
import re
import sys
import warnings

FOLDER = pathlib.Path(__file__).parent
GOLDEN = FOLDER.parent / "golden" / "lessons.json"
LESSONS = sorted((FOLDER / "lessons").glob("*.py"))


def cells(path):
    """The texts between the dividers."""
    return [cell.strip("\n") for cell in re.split(r"^# %%\n", pathlib.Path(path).read_text(), flags=re.M)]


def show(cell, names):
    """What one cell prints."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        try:
            tree = ast.parse(cell)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "<cell>", "exec"), names)
            value = (
                None if last is None else eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
            )
            if value is not None:
                print(repr(value))
        except Exception as error:
            print(f"{type(error).__name__}: {error}")
    return normal(text.getvalue())


def normal(text):
    """Without what cannot be the same: addresses, our name, the place in PyTorch's sources."""
    text = re.sub(r" ?\(?Triggered internally.*", "", text)
    text = re.sub(r"0x[0-9a-f]+", "0x", text).replace("Rushlight not compiled", "Torch not compiled")
    return text.replace("rushlight", "torch")


def run(path):
    """What each cell of a lesson prints."""
    names = {"__name__": "__main__"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [show(cell, names) for cell in cells(path)]


if __name__ == "__main__":
    if sys.argv[1:] == ["--record"]:
        GOLDEN.write_text(
            json.dumps({path.stem: run(path) for path in LESSONS}, indent=0, ensure_ascii=False) + "\n"
        )
    else:
        print(json.dumps({pathlib.Path(path).stem: run(path) for path in sys.argv[1:]}))
