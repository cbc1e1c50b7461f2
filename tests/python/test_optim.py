"""Optimizers: trajectories, state, checkpoints, hooks and errors."""

import copy
import io
import json
import pickle
import sys
from pathlib import Path

import pytest

import rushlight

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = json.loads((GOLDEN / "optim.json").read_text())["cases"]


def recorder():
    """The script behind optim.json, without the import of PyTorch at its top."""
    source = (GOLDEN / "record_optim.py").read_text().replace("import torch\n", "")
    space = {"__name__": "record_optim"}
    exec(compile(source, "record_optim.py", "exec"), space)
    return space


RECORDER = recorder()


def parameter(*values):
    return rushlight.nn.Parameter(rushlight.tensor(list(values) or [1.0, -2.0, 3.0]))


def stepped(optimizer, params, steps=3):
    for k in range(steps):
        for i, p in enumerate(params):
            p.grad = rushlight.ones_like(p) * (0.1 * (k + 1) + i)
        optimizer.step()


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"] + str(c["options"]))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_trajectory_is_pytorchs(case, dtype):
    optimizer, param = RECORDER["run"](rushlight, case["name"], case["options"], getattr(rushlight, dtype))
    # PyTorch's square root is one unit in the last place off now and then; nothing else may differ.
    assert param.tolist() == pytest.approx(case[dtype], rel=3e-6 if dtype == "float32" else 1e-14, abs=1e-7)
    assert repr(optimizer) == case["repr"]
    assert list(optimizer.state_dict()["state"].get(0, {})) == case["state"]


def test_half_precision_follows_float():
    p = rushlight.nn.Parameter(rushlight.tensor([1.0, 2.0], dtype=rushlight.bfloat16))
    optimizer = rushlight.optim.SGD([p], lr=0.5)
    p.grad = rushlight.tensor([1.0, -1.0], dtype=rushlight.bfloat16)
    optimizer.step()
    assert p.tolist() == [0.5, 2.5]


def test_groups_are_plain_dicts():
    a, b = parameter(), parameter(4.0)
    optimizer = rushlight.optim.SGD([{"params": [a], "lr": 1.0}, {"params": b}], lr=0.5)
    assert [g["lr"] for g in optimizer.param_groups] == [1.0, 0.5]
    optimizer.param_groups[1]["lr"] = 2.0
    a.grad, b.grad = rushlight.ones_like(a), rushlight.ones_like(b)
    optimizer.step()
    assert a.tolist() == [0.0, -3.0, 2.0]
    assert b.tolist() == [2.0]
    optimizer.zero_grad()
    assert a.grad is None
    a.grad = rushlight.ones_like(a)
    optimizer.zero_grad(set_to_none=False)
    assert a.grad.tolist() == [0.0, 0.0, 0.0]


def test_parameters_without_gradient_are_skipped():
    a, b = parameter(), parameter()
    optimizer = rushlight.optim.Adam([a, b])
    a.grad = rushlight.ones_like(a)
    optimizer.step()
    assert b.tolist() == [1.0, -2.0, 3.0]
    assert list(optimizer.state) == [a]


def test_closure_and_tensor_lr():
    p = parameter(1.0)
    optimizer = rushlight.optim.SGD([p], lr=rushlight.tensor(0.5))

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1.0
    assert p.tolist() == [0.0]


def test_hooks_run_in_order_and_may_be_removed():
    p = parameter()
    optimizer = rushlight.optim.SGD([p], lr=0.1)
    calls = []
    first = optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append("pre"))
    optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append("post"))
    stepped(optimizer, [p], 1)
    first.remove()
    stepped(optimizer, [p], 1)
    assert calls == ["pre", "post", "post"]


def test_users_write_optimizers():
    class SignDescent(rushlight.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        def step(self, closure=None):
            with rushlight.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        self.state[p]["steps"] = self.state[p].get("steps", 0) + 1
                        p.sub_(p.grad.sign(), alpha=group["lr"])

    p = parameter()
    optimizer = SignDescent([p], 0.5)
    calls = []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append(len(args)))
    stepped(optimizer, [p], 2)
    assert p.tolist() == [0.0, -3.0, 2.0]
    assert optimizer.state[p]["steps"] == 2
    assert calls == [1, 1]


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "NAdam", "ASGD"])
def test_state_dict_round_trip(name):
    options = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
    a, b = parameter(), parameter()
    one = getattr(rushlight.optim, name)([a], lr=0.01, **options)
    stepped(one, [a])
    file = io.BytesIO()
    rushlight.save(one.state_dict(), file)
    file.seek(0)
    two = getattr(rushlight.optim, name)([b], lr=0.5)
    b.data.copy_(a.data)
    two.load_state_dict(rushlight.load(file))
    stepped(one, [a])
    stepped(two, [b])
    assert a.tolist() == b.tolist()
    assert one.state_dict()["param_groups"] == two.state_dict()["param_groups"]


def test_copies_and_pickles():
    p = parameter()
    optimizer = rushlight.optim.Adam([p], lr=0.5)
    stepped(optimizer, [p])
    for twin in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        (q,) = twin.param_groups[0]["params"]
        assert q is not p
        assert q.tolist() == p.tolist()
        assert twin.state[q]["exp_avg"].tolist() == optimizer.state[p]["exp_avg"].tolist()
        stepped(twin, [q])


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (lambda p: rushlight.optim.Adam([p], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda p: rushlight.optim.Adam([p], eps=-1.0), ValueError, "Invalid epsilon value: -1.0"),
        (
            lambda p: rushlight.optim.Adam([p], betas=(1.0, 0.9)),
            ValueError,
            "Invalid beta parameter at index 0: 1.0",
        ),
        (lambda p: rushlight.optim.SGD([p], momentum=-1), ValueError, "Invalid momentum value: -1"),
        (
            lambda p: rushlight.optim.SGD([p], nesterov=True),
            ValueError,
            "Nesterov momentum requires a momentum and zero dampening",
        ),
        (lambda p: rushlight.optim.SGD([]), ValueError, "optimizer got an empty parameter list"),
        (
            lambda p: rushlight.optim.SGD(p),
            TypeError,
            "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
            "torch.FloatTensor",
        ),
        (
            lambda p: rushlight.optim.SGD(["x"]),
            TypeError,
            "optimizer can only optimize Tensors, but one of the params is str",
        ),
        (lambda p: rushlight.optim.SGD([p * 2]), ValueError, "can't optimize a non-leaf Tensor"),
        (
            lambda p: rushlight.optim.SGD([{"params": [p]}, {"params": [p]}]),
            ValueError,
            "some parameters appear in more than one parameter group",
        ),
        (
            lambda p: rushlight.optim.SGD([p]).add_param_group([p]),
            TypeError,
            "param_group must be a dict, but got <class 'list'>",
        ),
        (
            lambda p: rushlight.optim.SGD([p]).load_state_dict({"state": {}, "param_groups": []}),
            ValueError,
            "loaded state dict has a different number of parameter groups",
        ),
    ],
)
def test_errors_are_pytorchs(make, kind, text):
    with pytest.raises(kind) as error:
        make(parameter())
    assert str(error.value) == text


def test_views_and_other_layouts_are_updated():
    base = rushlight.zeros(4, 6)
    param = rushlight.nn.Parameter(base.t()[1:4])  # neither dense nor row-major
    grad = rushlight.ones(3, 4)
    plain = rushlight.nn.Parameter(rushlight.zeros(3, 4))
    one, two = rushlight.optim.Adam([param], lr=0.1), rushlight.optim.Adam([plain], lr=0.1)
    for _ in range(3):
        param.grad, plain.grad = grad, grad
        one.step()
        two.step()
    assert param.tolist() == plain.tolist()
    assert base[:, 0].tolist() == [0.0] * 4
    assert base[:, 1].tolist() == [plain[0, 0].item()] * 4


def test_state_goes_to_pytorch_and_back(torch):
    ours, theirs = parameter(), torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
    one, two = rushlight.optim.Adam([ours], lr=0.1), torch.optim.Adam([theirs], lr=0.5)
    stepped(one, [ours])
    file = io.BytesIO()
    rushlight.save(one.state_dict(), file)
    two.load_state_dict(torch.load(io.BytesIO(file.getvalue())))
    assert two.param_groups[0]["lr"] == 0.1
    assert two.state[theirs]["exp_avg"].tolist() == one.state[ours]["exp_avg"].tolist()
    file = io.BytesIO()
    torch.save(two.state_dict(), file)
    file.seek(0)
    one.load_state_dict(rushlight.load(file))
    assert one.state[ours]["step"].item() == 3.0
    assert "torch" in sys.modules
