"""Learning rate schedules against recorded rates, their state and their warnings."""

import io
import json
import warnings
from pathlib import Path

import pytest

import rushlight
from rushlight.optim import lr_scheduler

GOLDEN = Path(__file__).parents[1] / "golden"
RECORDS = json.loads((GOLDEN / "schedules.json").read_text())["cases"]


def recorder():
    """The script behind schedules.json, without the import of PyTorch at its top."""
    source = (GOLDEN / "record_schedules.py").read_text().replace("import torch\n", "")
    space = {"__name__": "record_schedules"}
    exec(compile(source, "record_schedules.py", "exec"), space)
    return space


RECORDER = recorder()


def optimizer(lr=0.1):
    return rushlight.optim.SGD([rushlight.nn.Parameter(rushlight.zeros(2))], lr=lr)


@pytest.mark.parametrize("name", RECORDS)
def test_rates_are_pytorchs(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log, state = RECORDER["run"](rushlight, RECORDER["CASES"][name])
    expected_log, expected_state = RECORDS[name]
    assert log == expected_log
    # One of CyclicLR's is a bound method in PyTorch, which its own state_dict leaves out.
    assert state == expected_state


def test_resumes_from_state():
    one, two = optimizer(), optimizer()
    first, second = lr_scheduler.CosineAnnealingLR(one, 10), lr_scheduler.CosineAnnealingLR(two, 10)
    for _ in range(4):
        one.step()
        first.step()
    file = io.BytesIO()
    rushlight.save({"optimizer": one.state_dict(), "schedule": first.state_dict()}, file)
    file.seek(0)
    loaded = rushlight.load(file)
    two.load_state_dict(loaded["optimizer"])
    second.load_state_dict(loaded["schedule"])
    for _ in range(3):
        one.step(), first.step(), two.step(), second.step()
    assert first.get_last_lr() == second.get_last_lr()
    assert first.last_epoch == second.last_epoch == 7


def test_warns_of_the_wrong_order():
    schedule = lr_scheduler.StepLR(optimizer(), 3)
    with pytest.warns(
        UserWarning, match=r"Detected call of `lr_scheduler.step\(\)` before `optimizer.step\(\)`"
    ):
        schedule.step()


def test_warns_of_get_lr():
    schedule = lr_scheduler.StepLR(optimizer(), 3)
    with pytest.warns(UserWarning, match=r"please use `get_last_lr\(\)`"):
        schedule.get_lr()


def test_given_epoch_takes_the_closed_form():
    o = optimizer(1.0)
    schedule = lr_scheduler.ExponentialLR(o, 0.5)
    o.step()
    with pytest.warns(UserWarning, match="The epoch parameter in `scheduler.step"):
        schedule.step(3)
    assert schedule.get_last_lr() == [0.125]


def test_tensor_rates_change_in_place():
    lr = rushlight.tensor(1.0)
    o = optimizer(lr)
    schedule = lr_scheduler.ExponentialLR(o, 0.5)
    o.step()
    schedule.step()
    assert o.param_groups[0]["lr"] is lr
    assert lr.item() == 0.5


def test_users_write_schedules():
    class Halving(lr_scheduler.LRScheduler):
        def get_lr(self):
            return [base / 2**self.last_epoch for base in self.base_lrs]

    o = optimizer(1.0)
    schedule = Halving(o)
    for _ in range(3):
        o.step()
        schedule.step()
    assert schedule.get_last_lr() == [0.125]


def test_errors_are_pytorchs():
    with pytest.raises(TypeError, match="int is not an Optimizer"):
        lr_scheduler.StepLR(3, 1)
    with pytest.raises(ValueError, match="Expected 1 lr_lambdas, but got 2"):
        lr_scheduler.LambdaLR(optimizer(), [abs, abs])
    with pytest.raises(ValueError, match="Factor should be < 1.0."):
        lr_scheduler.ReduceLROnPlateau(optimizer(), factor=2.0)
    with pytest.raises(KeyError, match="param 'initial_lr' is not specified in param_groups"):
        lr_scheduler.StepLR(optimizer(), 1, last_epoch=2)
