"""Group 7: whole training steps, and inference. The result that is compared before a case is timed is the
loss of the third step, which shows forward, backward and update.
"""

from __future__ import annotations

import ast
import pathlib

from cases import Case, threads_text

QUICK = ("perceptron", "MNIST", "LSTM", "transformer, 2")


def training_names() -> list[str]:
    """The keys of models.TRAINING, read without importing a library."""
    tree = ast.parse((pathlib.Path(__file__).parent / "models.py").read_text())
    table = next(
        n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "TRAINING"
    )
    assert isinstance(table, ast.Dict)
    return [ast.literal_eval(key) for key in table.keys if key is not None]


def cases() -> list[Case]:
    out = []
    for name in training_names():
        for threads in (1, 2):
            setup = f"step = models.training({name!r}); step(); step()"
            quick = name.startswith(QUICK) and threads == 1
            out.append(
                Case(
                    7,
                    name,
                    f"training, {threads_text(threads)}",
                    "step()",
                    setup,
                    threads=threads,
                    quick=quick,
                )
            )
    for name in ("VGG16", "ResNet-50"):
        for batch in (1, 8):
            for threads in (1, 2):
                setup = f"step = models.inference({name!r}, {batch})"
                row, column = f"{name} at 224, batch {batch}", f"inference, {threads_text(threads)}"
                quick = name == "ResNet-50" and batch == 1 and threads == 2
                out.append(Case(7, row, column, "step()", setup, threads=threads, quick=quick))
    return out
