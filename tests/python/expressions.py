"""Expressions whose outcome must be PyTorch's: the text of the value, or the type and message of the error,
and warnings.

tests/golden/expressions.json holds what PyTorch 2.13 answers (python tests/python/expressions.py records it,
with PyTorch installed); test_tensor.py, test_numpy.py, test_indexing.py, test_autograd.py and
test_mistakes.py compare.
"""

from __future__ import annotations

import copy
import json
import pathlib
import pickle
import warnings

FOLDER = pathlib.Path(__file__).parent
GOLDEN = FOLDER.parent / "golden" / "expressions.json"


def outcome(torch, text, numpy=None, extra=None):
    """What `text` gives: [value or error, categories of warnings]. Statements before the last ';' are
    executed first."""
    names = {
        "torch": torch,
        "np": numpy,
        "copy": copy,
        "pickle": pickle,
        "x": torch.arange(4.0).view(2, 2),
        **(extra or {}),
    }
    *statements, expression = text.split("; ")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            for statement in statements:
                exec(statement, names)
            value = repr(eval(expression, names))
        except Exception as error:
            value = f"{type(error).__name__}: {error}"
    return [normal(value), sorted({w.category.__name__ for w in caught})]


def normal(text):
    """Without what cannot be the same: addresses, our name, the second class of a FloatTensor."""
    import re

    text = text.split("(Triggered internally", 1)[0].strip()
    text = re.sub(r"0x[0-9a-f]+", "0x", text)
    return text.replace("Rushlight not compiled", "Torch not compiled").replace(
        "'torch._C.TensorBase'", "'torch.Tensor'"
    )


def lines(name):
    """The expressions of one file, tests/python/<name>_expressions.txt."""
    text = (FOLDER / f"{name}_expressions.txt").read_text()
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def record():
    import numpy
    import torch

    answers = {}
    for name in ("tensor", "numpy", "indexing", "autograd", "mistakes"):
        for line in lines(name):
            torch.set_grad_enabled(True)  # as it is before each test
            answers[line] = outcome(torch, line, numpy, definitions(torch))
    GOLDEN.write_text(json.dumps(answers, indent=0, ensure_ascii=False) + "\n")


def definitions(torch):
    """The functions that the autograd expressions use."""
    names = {"torch": torch, "p": lambda *size: torch.ones(*size, requires_grad=True)}
    exec((FOLDER / "autograd_definitions.py").read_text(), names)
    return names


if __name__ == "__main__":
    record()
