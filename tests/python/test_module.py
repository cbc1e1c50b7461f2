"""Module as a Python class: mixins, attributes, calls, copies, cycles, hooks, state dicts, text."""

import abc
import copy
import gc
import pickle
import sys
import threading
import typing
import weakref
from collections import OrderedDict

import pytest

import rushlight as torch
from rushlight import nn


def linear(weight=2.0, bias=0.5, cls=nn.Linear):
    """y = 2 x + 0.5 on one number."""
    layer = cls(1, 1)
    nn.init.constant_(layer.weight, weight)
    nn.init.constant_(layer.bias, bias)
    return layer


def x(value=1.0):
    return torch.full((1,), value)


def value(t):
    return float(t.item())


class Net(nn.Module):
    def __init__(self, k=1):
        super().__init__()
        self.fc = linear()
        self.act = nn.Identity()
        self.k = k

    def forward(self, x):
        return self.act(self.fc(x))


class Plus100(nn.Linear):
    def __init__(self, n_in=1, n_out=1):
        super().__init__(n_in, n_out)

    def reset_parameters(self):
        nn.init.constant_(self.weight, 2)
        nn.init.constant_(self.bias, 0.5)

    def forward(self, x):
        return super().forward(x) + 100


# ---- The class


def test_state_lives_in_the_dict():
    n = Net()
    assert value(n(x())) == 2.5
    assert list(vars(n)) == [
        "training",
        "_parameters",
        "_buffers",
        "_non_persistent_buffers_set",
        "_modules",
        "k",
    ]
    assert n.fc is n._modules["fc"] and n.fc.weight is n.fc._parameters["weight"]
    assert vars(n.fc)["out_features"] == 1 and "k" in dir(n) and "fc" in dir(n)
    assert nn.Module.__bases__ == (object,) and type(nn.Module) is type
    with pytest.raises(AttributeError, match="^'Net' object has no attribute 'zz'$"):
        n.zz  # noqa: B018
    with pytest.raises(
        NotImplementedError, match=r'Module \[Module\] is missing the required "forward" function'
    ):
        nn.Module()(1)


def test_mixins_in_any_order():
    class Mixin:
        def hello(self):
            return self.k

    class Slots:
        __slots__ = ("a", "b")

    class First(Mixin, Net):
        pass

    class Abstract(nn.Module, abc.ABC):
        @abc.abstractmethod
        def forward(self, x): ...

    class Concrete(Abstract):
        def forward(self, x):
            return x

    T = typing.TypeVar("T")

    class Generic(nn.Linear, typing.Generic[T]):
        pass

    class WithSlots(nn.Module, Slots):
        def __init__(self):
            super().__init__()
            self.a = 1

    assert First(7).hello() == 7
    with pytest.raises(TypeError, match="abstract"):
        Abstract()
    assert Concrete()(3) == 3
    assert isinstance(Generic[int](1, 1), nn.Linear)
    m = WithSlots()
    assert m.a == 1 and "a" not in vars(m)
    for base in (dict, list, tuple, Exception):
        made = type(
            "D",
            (nn.Module, base),
            {"__init__": lambda self: nn.Module.__init__(self), "forward": lambda self, x: x},
        )()
        assert made(5) == 5


def test_init_arguments():
    class A(nn.Module):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)

    class B(nn.Module):
        def __init__(self):
            super().__init__(1)

    with pytest.raises(TypeError, match=r"^A\.__init__\(\) got an unexpected keyword argument 'z'$"):
        A(z=1)
    with pytest.raises(TypeError, match=r"^B\.__init__\(\) takes 1 positional argument but 2 were given$"):
        B()
    with pytest.raises(
        TypeError, match=r"Linear.__init__\(\) missing 1 required positional argument: 'out_features'"
    ):
        nn.Linear(2)
    with pytest.raises(
        TypeError, match=r"Linear.__init__\(\) takes from 3 to 6 positional arguments but 8 were given"
    ):
        nn.Linear(1, 2, 3, None, None, 6, 7)
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'nope'"):
        nn.Linear(1, 2, nope=3)


def test_setattr_rules():
    class Early(nn.Module):
        def __init__(self):
            self.p = nn.Parameter(torch.zeros(1))

    with pytest.raises(AttributeError, match=r"^cannot assign parameters before Module.__init__\(\) call$"):
        Early()
    n = Net()
    with pytest.raises(
        TypeError, match=r"cannot assign 'int' as child module 'fc' \(torch.nn.Module or None expected\)"
    ):
        n.fc = 3
    with pytest.raises(
        TypeError,
        match=r"cannot assign 'torch.FloatTensor' as parameter 'weight' \(torch.nn.Parameter or None "
        r"expected\)",
    ):
        n.fc.weight = x()
    n.fc = None
    assert n.fc is None and n._modules["fc"] is None
    n.k = nn.Parameter(x())
    assert "k" in n._parameters and "k" not in vars(n)
    del n.k
    n.k = nn.Identity()
    assert "k" in n._modules
    del n.k
    assert not hasattr(n, "k")
    object.__setattr__(n, "sneaky", n.act)
    assert "sneaky" in vars(n)
    n.b = nn.Buffer(x(), persistent=False)
    assert "b" in n._buffers and "b" in n._non_persistent_buffers_set
    with pytest.raises(
        TypeError,
        match=r"cannot assign 'int' as buffer 'b' \(torch.nn.Buffer, torch.Tensor or None expected\)",
    ):
        n.b = 3


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda n: n.register_parameter("a.b", None), KeyError, 'parameter name can\'t contain "."'),
        (lambda n: n.register_parameter("", None), KeyError, 'parameter name can\'t be empty string ""'),
        (lambda n: n.register_parameter("k", None), KeyError, "attribute 'k' already exists"),
        (lambda n: n.register_parameter(3, None), TypeError, "parameter name should be a string. Got int"),
        (lambda n: n.register_buffer("k", None), KeyError, "attribute 'k' already exists"),
        (
            lambda n: n.register_buffer("q", 3),
            TypeError,
            "cannot assign 'int' object to buffer 'q' (torch Tensor or None required)",
        ),
        (lambda n: n.add_module("q", 3), TypeError, "int is not a Module subclass"),
        (lambda n: n.add_module("a.b", None), KeyError, 'module name can\'t contain ".", got: a.b'),
        (lambda n: n.train(3), ValueError, "training mode is expected to be boolean"),
        (lambda n: n.get_submodule("fc.zz"), AttributeError, "Linear has no attribute `zz`"),
        (lambda n: n.get_parameter("fc"), AttributeError, "`fc` is not an nn.Parameter"),
        (
            lambda n: n.to(torch.int64),
            TypeError,
            "nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.int64",
        ),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error) as info:
        call(Net())
    assert (info.value.args[0] if error is KeyError else str(info.value)) == text


# ---- Calls


def test_options_are_read_at_each_call():
    f = nn.Flatten()
    assert f(torch.zeros(2, 3, 4)).shape == (2, 12)
    f.start_dim = 0
    assert f(torch.zeros(2, 3, 4)).shape == (24,)
    f.start_dim = "x"
    with pytest.raises(TypeError):
        f(torch.zeros(2))


def test_forward_is_found_where_python_finds_it():
    layer = linear()
    layer.forward = lambda x: "patched"
    assert layer(x()) == "patched"
    del layer.forward
    assert value(layer(x())) == 2.5
    original = nn.Linear.forward
    nn.Linear.forward = lambda self, x: original(self, x) + 1
    try:
        assert value(nn.Sequential(linear())(x())) == 3.5
    finally:
        del nn.Linear.forward
    assert value(linear()(x())) == 2.5
    assert value(nn.Sequential(linear(), Plus100(), Net())(x())) == ((2.5 * 2 + 0.5) + 100) * 2 + 0.5


def test_weight_may_be_a_plain_tensor_or_a_property():
    layer = linear()
    del layer._parameters["weight"]
    layer.weight = torch.full((1, 1), 10.0)
    assert value(layer(x())) == 10.5

    class Param(nn.Linear):
        weight = property(lambda self: torch.full((1, 1), 50.0))

    layer = linear()
    del layer._parameters["weight"]
    layer.__class__ = Param
    assert value(layer(x())) == 50.5


def test_call_errors():
    layer = nn.Linear(2, 3)
    for call, text in [
        (lambda: layer("x"), "linear(): argument 'input' (position 1) must be Tensor, not str"),
        (lambda: layer(), "Linear.forward() missing 1 required positional argument: 'input'"),
        (lambda: layer(x(), z=1), "Linear.forward() got an unexpected keyword argument 'z'"),
    ]:
        with pytest.raises(TypeError) as info:
            call()
        assert str(info.value) == text

    class Deep(nn.Module):
        def forward(self, x):
            return self(x)

    with pytest.raises(RecursionError):
        Deep()(1)
    s = nn.Sequential()
    s._modules["0"] = s
    with pytest.raises(RecursionError):
        s(x())


def test_user_dunders():
    class A(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = linear()

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(self.fc, name)

        def __call__(self, x):
            return "call", super().__call__(x)

        def forward(self, x):
            return x

    a = A()
    assert a.in_features == 1 and a(1) == ("call", 1)
    with pytest.raises(AttributeError):
        a.nope  # noqa: B018

    class L(nn.Linear):
        pass

    late = L(1, 1)
    L.__call__ = lambda self, x: "late"
    assert late(1) == "late"


# ---- Hooks


def test_forward_hooks_in_order():
    log = []
    n = linear()
    n.register_forward_pre_hook(lambda m, a: log.append("pre"))
    n.register_forward_pre_hook(lambda m, a: log.append("first") or (x(10.0),), prepend=True)
    handle = n.register_forward_hook(lambda m, a, out: out + 1)
    assert value(n(x())) == 21.5 and log == ["first", "pre"]
    handle.remove()
    assert value(nn.Sequential(n)(x())) == 20.5
    with torch.nn.modules.module.register_module_forward_hook(lambda m, a, out: log.append(type(m).__name__)):
        n(x())
    assert log[-1] == "Linear"


def test_hooks_with_kwargs_and_always_call():
    class Fails(nn.Module):
        def forward(self, x, scale=1):
            if scale == 0:
                raise ValueError("zero")
            return x * scale

    m, seen = Fails(), []
    m.register_forward_pre_hook(lambda m, a, k: (a, {"scale": k["scale"] * 2}), with_kwargs=True)
    m.register_forward_hook(
        lambda m, a, k, out: seen.append((k, out is None)), with_kwargs=True, always_call=True
    )
    assert value(m(x(), scale=3)) == 6
    with pytest.raises(ValueError, match="zero"):
        m(x(), scale=0)
    assert seen == [({"scale": 6}, False), ({"scale": 0}, True)]


def test_full_backward_hooks():
    n, seen = linear(), []
    n.register_full_backward_pre_hook(lambda m, g: seen.append(("pre", value(g[0]))))
    n.register_full_backward_hook(
        lambda m, gi, go: seen.append((value(gi[0]), value(go[0]))) or (gi[0] * 10,)
    )
    a = torch.ones(1, requires_grad=True)
    n(a).sum().backward()
    assert seen == [("pre", 1.0), (2.0, 1.0)] and value(a.grad) == 20


# ---- Copies and life


class State(nn.Linear):
    def __init__(self):
        super().__init__(1, 1)
        self.cache = lambda: 0

    def __getstate__(self):
        state = self.__dict__.copy()
        del state["cache"]
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.cache = "restored"


def test_copy_and_pickle():
    for m in (Net(), linear(), nn.Sequential(linear(), Net()), Plus100(), State()):
        for c in (copy.deepcopy(m), copy.copy(m), pickle.loads(pickle.dumps(m))):
            assert type(c) is type(m) and value(c(x())) == value(m(x()))
    shared = linear()
    d = copy.deepcopy(nn.Sequential(shared, shared))
    assert d[0] is d[1] and d[0].weight is not shared.weight
    assert pickle.loads(pickle.dumps(State())).cache == "restored"


def test_cycles_are_collected():
    for make in (Net, linear, lambda: nn.Sequential(linear()), Plus100):
        m = make()
        m.list = [m]
        m.function = lambda m=m: m
        reference = weakref.ref(m)
        del m
        assert reference() is not None
        gc.collect()
        assert reference() is None


def test_reference_counts():
    layer = linear()
    assert sys.getrefcount(layer) == 2
    s = nn.Sequential(layer)
    s(x())
    assert sys.getrefcount(layer) == 3


def test_threads():
    errors = []
    root = nn.Sequential(*[nn.Sequential(linear(), Net(), Plus100()) for _ in range(3)])

    def work():
        try:
            for _ in range(200):
                root(x())
                n = Net()
                n.up = [n]
                n(x())
        except BaseException as e:  # noqa: BLE001
            errors.append(e)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors


def test_deep_nests_are_released():
    m = nn.Module()
    for _ in range(100_000):
        outer = nn.Module()
        outer.inner = m
        m = outer
    del m, outer


# ---- State dicts


def test_state_dict():
    n = nn.Sequential(OrderedDict(a=nn.Linear(2, 3), b=nn.Linear(3, 1, bias=False)))
    n.register_buffer("kept", torch.ones(2))
    n.register_buffer("dropped", torch.ones(2), persistent=False)
    state = n.state_dict()
    assert list(state) == ["kept", "a.weight", "a.bias", "b.weight"]
    assert state._metadata == {"": {"version": 1}, "a": {"version": 1}, "b": {"version": 1}}
    assert not state["a.weight"].requires_grad and n.state_dict(keep_vars=True)["a.weight"] is n.a.weight
    other = copy.deepcopy(n)
    nn.init.zeros_(other.a.weight)
    assert str(other.load_state_dict(state)) == "<All keys matched successfully>"
    assert other.a.weight.tolist() == n.a.weight.tolist()
    state["a.weight"] = torch.zeros(5)
    del state["a.bias"]
    state["zzz"] = torch.zeros(1)
    with pytest.raises(RuntimeError) as info:
        n.load_state_dict(state)
    assert str(info.value) == (
        'Error(s) in loading state_dict for Sequential:\n\tMissing key(s) in state_dict: "a.bias". \n\t'
        'Unexpected key(s) in state_dict: "zzz". \n\tsize mismatch for a.weight: copying a param with shape '
        "torch.Size([5]) from "
        "checkpoint, the shape in current model is torch.Size([3, 2])."
    )
    del state["a.weight"]
    keys = n.load_state_dict(state, strict=False)
    assert keys.missing_keys == ["a.weight", "a.bias"] and keys.unexpected_keys == ["zzz"]


def test_extra_state_and_assign():
    class Extra(nn.Linear):
        def get_extra_state(self):
            return {"step": 3}

        def set_extra_state(self, state):
            self.step = state["step"]

    a, b = Extra(1, 1), Extra(1, 1)
    assert list(a.state_dict()) == ["weight", "bias", "_extra_state"]
    weight = a.weight.detach()
    state = a.state_dict()
    b.load_state_dict(state, assign=True)
    assert b.step == 3 and b.weight.data_ptr() == weight.data_ptr()


# ---- Everything below, and text


def test_conversions_keep_identity():
    n = Net()
    p = n.fc.weight
    assert n.double() is n and n.fc.weight is p and p.dtype == torch.float64
    n.to(torch.float32)
    assert p.dtype == torch.float32
    n.requires_grad_(False)
    assert not p.requires_grad
    n.eval()
    assert not n.fc.training
    order = []
    n.apply(lambda m: order.append(type(m).__name__))
    assert order == ["Linear", "Identity", "Net"]


def test_walks():
    shared = nn.Linear(1, 1)
    n = nn.ModuleDict({"a": shared, "b": nn.Sequential(shared, nn.ReLU())})
    assert [name for name, _ in n.named_parameters()] == ["a.weight", "a.bias"]
    assert [name for name, _ in n.named_parameters(remove_duplicate=False)] == [
        "a.weight",
        "a.bias",
        "b.0.weight",
        "b.0.bias",
    ]
    assert [name for name, _ in n.named_modules()] == ["", "a", "b", "b.1"]
    assert n.get_submodule("b.1") is n["b"][1]


def test_text():
    n = nn.Sequential(
        nn.Linear(2, 3),
        nn.Sequential(nn.ReLU(), nn.Flatten()),
        nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()]),
    )
    assert repr(n) == (
        "Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=True)\n  (1): Sequential(\n    (0): "
        "ReLU()\n    (1): Flatten(start_dim=1, end_dim=-1)\n  )\n  (2): ModuleList(\n    (0-1): 2 x ReLU()\n "
        "   (2): Tanh()\n  )\n)"
    )


def test_containers():
    s = nn.Sequential(nn.ReLU(), nn.Tanh())
    s.append(nn.Sigmoid()).insert(0, nn.Identity())
    assert [type(m).__name__ for m in s] == ["Identity", "ReLU", "Tanh", "Sigmoid"]
    assert len(s[1:3]) == 2 and type(s[-1]) is nn.Sigmoid and type(s.pop(0)) is nn.Identity
    del s[0]
    assert list(s._modules) == ["0", "1"] and len(s + s) == 4 and len(s * 2) == 4
    with pytest.raises(IndexError, match="index 9 is out of range"):
        s[9]
    items = nn.ParameterList([torch.zeros(2), nn.Parameter(torch.ones(1))])
    assert len(list(items.parameters())) == 2 and isinstance(items[0], nn.Parameter)
    table = nn.ParameterDict({"b": torch.zeros(2), "a": torch.ones(1)})
    assert set(table.keys()) == {"a", "b"} and len(list(table.parameters())) == 2
    assert "(0): Parameter containing: [torch.float32 of size 2]" in repr(items)
    assert "(a): Parameter containing: [torch.FloatTensor of size 1]" in repr(table)
