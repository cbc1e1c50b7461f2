"""Records what PyTorch's optimizers make of a fixed sequence of gradients: tests/golden/optim.json.

Run with a Python that has PyTorch: python tests/golden/record_optim.py
"""

import json
import math
from pathlib import Path

import torch

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"weight_decay": 0.1, "amsgrad": True}),
    ("AdamW", {"weight_decay": 0.3}),
    ("Adagrad", {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.2}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.9, "centered": True, "weight_decay": 0.01}),
    ("Adadelta", {"weight_decay": 0.1}),
    ("Adamax", {"weight_decay": 0.1}),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"weight_decay": 0.1}),
    ("Rprop", {}),
    ("ASGD", {"weight_decay": 0.1, "t0": 10}),
]
STEPS = 40
SIZE = 19  # not a multiple of any vector's length


def start():
    """The parameter before the first step."""
    return [math.sin(3 * i) for i in range(SIZE)]


def gradient(step):
    """The gradient of a step; every seventh is zero."""
    return [math.cos(step * 1.7 + i) / 8 if step % 7 else 0.0 for i in range(SIZE)]


def run(lib, name, options, dtype):
    """The parameter after STEPS steps of an optimizer of `lib`."""
    param = lib.nn.Parameter(lib.tensor(start(), dtype=dtype))
    optimizer = getattr(lib.optim, name)([param], **options)
    for step in range(STEPS):
        param.grad = lib.tensor(gradient(step), dtype=dtype)
        optimizer.step()
    return optimizer, param


def main():
    records = []
    for name, options in CASES:
        record = {"name": name, "options": options}
        for dtype in ("float32", "float64"):
            optimizer, param = run(torch, name, options, getattr(torch, dtype))
            record[dtype] = param.tolist()
        record["repr"] = repr(optimizer)
        record["state"] = list(optimizer.state_dict()["state"].get(0, {}))
        records.append(record)
    path = Path(__file__).with_name("optim.json")
    path.write_text(json.dumps({"torch": torch.__version__, "cases": records}, indent=1) + "\n")


if __name__ == "__main__":
    main()
