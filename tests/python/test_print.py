"""Tensors are printed as PyTorch prints them, character by character."""

import ctypes
import importlib.util
import json
import random
from pathlib import Path

import pytest

import rushlight
from rushlight import _C

GOLDEN = Path(__file__).parents[1] / "golden"


def build(case):
    _, _, dtype, shape, data, form = case[:6]
    data = bytes.fromhex(data)
    tensor = rushlight.zeros(tuple(shape), dtype=getattr(rushlight, dtype))
    ctypes.memmove(tensor.data_ptr(), data, len(data))
    if form == "parameter":
        return _C.Parameter(tensor)
    if form == "transposed":
        return tensor.transpose(0, 1)
    if form:
        tensor.requires_grad_()
    return tensor + 1 if form == "history" else tensor


def printed(case):
    rushlight.set_printoptions(profile="default")
    rushlight.set_printoptions(**case[0])
    rushlight.set_default_dtype(getattr(rushlight, case[1]))
    try:
        return repr(build(case))
    finally:
        rushlight.set_printoptions(profile="default")
        rushlight.set_default_dtype(rushlight.float32)


def test_recorded_texts():
    cases = json.loads((GOLDEN / "print.json").read_text())
    assert len(cases) > 100
    for case in cases:
        assert printed(case) == case[-1], case[:6]


@pytest.mark.parametrize("seed", range(3))
def test_texts_of_a_live_pytorch(seed):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    spec = importlib.util.spec_from_file_location("record_print", GOLDEN / "record_print.py")
    record = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(record)
    rng = random.Random(seed)
    for _ in range(700):
        case = record.random_case(rng)
        assert printed(case) == record.printed(case), case


def test_str_and_format():
    x = rushlight.zeros(()) + 2.5
    assert str(x) == repr(x) == "tensor(2.5000)"
    assert f"{x:.3f}|{x:8}|{x}" == "2.500|     2.5|2.5"
    assert f"{rushlight.zeros(2)}" == "tensor([0., 0.])"
    with pytest.raises(TypeError, match=r"unsupported format string passed to Tensor\.__format__"):
        format(rushlight.zeros(2), ".3f")
    with pytest.raises(TypeError, match=r"unsupported format string passed to Parameter\.__format__"):
        format(_C.Parameter(x), ".3f")


def test_parameters_and_their_subclasses():
    class Own(_C.Parameter):
        pass

    expected = "Parameter containing:\nParameter(Own([0., 0.], requires_grad=True))"
    assert repr(Own(rushlight.zeros(2))) == expected
    assert repr(_C.Parameter(rushlight.zeros(1))) == "Parameter containing:\ntensor([0.], requires_grad=True)"


def test_options():
    default = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}
    assert rushlight.get_printoptions() == default
    try:
        rushlight.set_printoptions(profile="full", sci_mode=True)
        full = {**default, "threshold": float("inf"), "sci_mode": True}
        assert rushlight.get_printoptions() == full
        rushlight.set_printoptions(**full)
        assert rushlight.get_printoptions() == full
        rushlight.set_printoptions(precision=2)
        assert rushlight.get_printoptions()["sci_mode"] is None
    finally:
        rushlight.set_printoptions(profile="default")
    for bad in ({"precision": -1}, {"precision": 10**9}, {"edgeitems": -1}):
        with pytest.raises(ValueError):
            rushlight.set_printoptions(**bad)
    with pytest.raises(TypeError):
        rushlight.set_printoptions(linewidth="80")
    assert rushlight.get_printoptions() == default
