"""Records the learning rates of PyTorch's schedules: tests/golden/schedules.json.

Run with a Python that has PyTorch: python tests/golden/record_schedules.py
"""

import json
import warnings
from pathlib import Path

import torch

METRICS = [3, 2, 2, 2, 1, 2, 2, 2, 2, 2]
CASES = {
    "StepLR": lambda s, o: s.StepLR(o, 3, 0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [2, 5, 5], 0.5),
    "ConstantLR": lambda s, o: s.ConstantLR(o),
    "LinearLR": lambda s, o: s.LinearLR(o, total_iters=7),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 10, 2.0),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 7, 0.001),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2),
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda epoch: 0.95**epoch),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda epoch: 0.95),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=31),
    "OneCycleLR linear": lambda s, o: s.OneCycleLR(
        o, [0.5, 0.2], epochs=3, steps_per_epoch=11, three_phase=True, anneal_strategy="linear"
    ),
    "CyclicLR": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 5, 3, mode="triangular2"),
    "CyclicLR exp": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 5, mode="exp_range", gamma=0.9),
    "SequentialLR": lambda s, o: s.SequentialLR(o, [s.ConstantLR(o, 0.1, 4), s.ExponentialLR(o, 0.9)], [6]),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 4), s.ExponentialLR(o, 0.9)]),
    "ReduceLROnPlateau": lambda s, o: s.ReduceLROnPlateau(o, patience=1, factor=0.5),
}


def run(lib, make):
    """Rates and momenta of two groups over 30 epochs, and the names in the state."""
    params = [lib.nn.Parameter(lib.zeros(2)) for _ in range(2)]
    groups = [{"params": [params[0]], "lr": 0.3}, {"params": [params[1]]}]
    optimizer = lib.optim.SGD(groups, lr=0.1, momentum=0.9)
    schedule = make(lib.optim.lr_scheduler, optimizer)
    log = []
    for epoch in range(30):
        log.append([[group["lr"], group["momentum"]] for group in optimizer.param_groups])
        optimizer.step()
        if isinstance(schedule, lib.optim.lr_scheduler.ReduceLROnPlateau):
            schedule.step(METRICS[epoch % 10])
        else:
            schedule.step()
    return log, sorted(schedule.state_dict())


def main():
    warnings.simplefilter("ignore")
    records = {name: run(torch, make) for name, make in CASES.items()}
    path = Path(__file__).with_name("schedules.json")
    path.write_text(json.dumps({"torch": torch.__version__, "cases": records}) + "\n")


if __name__ == "__main__":
    main()
