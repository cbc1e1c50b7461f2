"""save and load: values, tensors, objects, files, errors; and the exchange with PyTorch where it is
installed."""

import collections
import io
import pickle

import pytest

import rushlight


def round_trip(obj, **options):
    file = io.BytesIO()
    rushlight.save(obj, file)
    file.seek(0)
    return rushlight.load(file, **options)


class Plain:
    """An object that only pickle can take."""

    def __init__(self, weight):
        self.weight = weight
        self.names = ["a", "b"]


def test_plain_values():
    values = {
        "int": [0, -1, 2**40, 2**70, -(2**70)],
        "float": (1.5, float("inf")),
        "text": "gr\u00fc\u00df\u00e9 \U0001f600",
        "bytes": b"\x00\xff",
        "none": None,
        "bool": True,
        "complex": 1 + 2j,
        "set": {1, 2},
        "ordered": collections.OrderedDict(a=1, b=2),
        "counter": collections.Counter("aab"),
        "array": bytearray(b"xy"),
        1: frozenset([3]),
        (1, 2): rushlight.Size([2, 3]),
        "dtype": rushlight.bfloat16,
        "device": rushlight.device("cpu"),
    }
    loaded = round_trip(values)
    assert loaded == values
    assert [type(v) for v in loaded.values()] == [type(v) for v in values.values()]


def test_identity_and_cycles_survive():
    shared = [1]
    loop = [shared, shared]
    loop.append(loop)
    loaded = round_trip(loop)
    assert loaded[0] is loaded[1]
    assert loaded[2] is loaded


@pytest.mark.parametrize(
    "dtype",
    ["float32", "float64", "float16", "bfloat16", "int64", "int8", "uint8", "bool", "complex64", "uint16"],
)
def test_dtypes(dtype):
    x = rushlight.tensor([[0, 1], [2, 3]]).to(getattr(rushlight, dtype))
    loaded = round_trip(x)
    assert loaded.dtype == x.dtype
    assert loaded.tolist() == x.tolist()


def test_views_share_their_storage():
    base = rushlight.arange(12).to(rushlight.float32)
    loaded = round_trip([base, base[3:], base.reshape(3, 4).t()])
    loaded[0][3] = 50.0
    assert loaded[1][0].item() == 50.0
    assert loaded[2].stride() == (1, 4)
    assert loaded[2][3, 0].item() == 50.0


def test_parameters_and_attributes():
    p = rushlight.nn.Parameter(rushlight.ones(2))
    p.note = "hello"
    q = round_trip({"p": p})["p"]
    assert type(q) is rushlight.nn.Parameter
    assert q.requires_grad
    assert q.note == "hello"
    assert round_trip(rushlight.ones(2, requires_grad=True)).requires_grad


def test_state_dict_keeps_its_metadata():
    state = rushlight.nn.Linear(2, 3).state_dict()
    loaded = round_trip(state)
    assert list(loaded) == ["weight", "bias"]
    assert loaded._metadata == state._metadata
    assert loaded["weight"].tolist() == state["weight"].tolist()


def test_files(tmp_path):
    path = tmp_path / "x.pt"
    rushlight.save({"a": rushlight.ones(2)}, path)
    assert rushlight.load(path)["a"].tolist() == [1.0, 1.0]
    with open(path, "rb") as file:
        assert rushlight.load(file)["a"].tolist() == [1.0, 1.0]
    with pytest.raises(FileNotFoundError, match="No such file or directory") as error:
        rushlight.load(tmp_path / "missing.pt")
    assert error.value.filename == str(tmp_path / "missing.pt")
    with pytest.raises(RuntimeError, match="Parent directory .* does not exist."):
        rushlight.save(1, tmp_path / "no" / "x.pt")
    with pytest.raises(
        AttributeError, match="expected 'f' to be string, path, or a file-like object with a 'write'"
    ):
        rushlight.save(1, 3)
    with pytest.raises(AttributeError, match="'int' object has no attribute 'seek'"):
        rushlight.load(3)
    with pytest.raises(EOFError):
        rushlight.load(io.BytesIO())


def test_map_location():
    x = rushlight.ones(2)
    seen = []
    for where in (
        "cpu",
        rushlight.device("cpu"),
        {"cpu": "cpu"},
        lambda storage, location: seen.append(location) or storage,
    ):
        assert round_trip(x, map_location=where).tolist() == [1.0, 1.0]
    assert seen == ["cpu"]
    with pytest.raises(RuntimeError, match="Attempting to deserialize object on a CUDA device"):
        round_trip(x, map_location="cuda")


def test_objects_need_trust():
    obj = Plain(rushlight.arange(4))
    with pytest.raises(pickle.UnpicklingError, match=r"GLOBAL \S*Plain was not an allowed global by default"):
        round_trip(obj)
    loaded = round_trip(obj, weights_only=False)
    assert type(loaded) is Plain
    assert loaded.weight.tolist() == [0, 1, 2, 3]
    with rushlight.serialization.safe_globals([Plain]):
        assert round_trip(obj).names == ["a", "b"]
    with pytest.raises(pickle.UnpicklingError):
        round_trip(obj)


def test_whole_modules():
    model = rushlight.nn.Sequential(rushlight.nn.Linear(2, 3), rushlight.nn.ReLU())
    loaded = round_trip(model, weights_only=False)
    assert repr(loaded) == repr(model)
    x = rushlight.ones(1, 2)
    assert loaded(x).tolist() == model(x).tolist()


def test_what_pickle_refuses_is_refused():
    with pytest.raises((pickle.PicklingError, AttributeError)):
        rushlight.save(lambda: 0, io.BytesIO())


@pytest.mark.parametrize("cut", [1, 100, 300])
def test_damaged_files_are_errors(cut):
    file = io.BytesIO()
    rushlight.save(rushlight.ones(4), file)
    with pytest.raises(RuntimeError, match="PytorchStreamReader failed"):
        rushlight.load(io.BytesIO(file.getvalue()[:-cut]))


def test_bytes_are_pytorchs(torch):
    def made(lib):
        weight = lib.arange(6).to(lib.float32).reshape(2, 3)
        obj = collections.OrderedDict(
            weight=weight, view=weight[1], step=3, group=[{"lr": 0.5, "params": [0, 1]}]
        )
        obj["parameter"] = lib.nn.Parameter(lib.ones(2))
        file = io.BytesIO()
        lib.save(obj, file)
        return file.getvalue()

    assert made(rushlight) == made(torch)


def test_exchange_with_pytorch(torch):
    file = io.BytesIO()
    torch.save({"x": torch.arange(5), "p": torch.nn.Parameter(torch.ones(2))}, file)
    file.seek(0)
    ours = rushlight.load(file)
    assert ours["x"].tolist() == [0, 1, 2, 3, 4]
    assert type(ours["p"]) is rushlight.nn.Parameter
    file = io.BytesIO()
    rushlight.save(ours, file)
    file.seek(0)
    theirs = torch.load(file)
    assert theirs["x"].tolist() == [0, 1, 2, 3, 4]
    assert isinstance(theirs["p"], torch.nn.Parameter)


def test_whole_objects_go_to_pytorch(torch):
    file = io.BytesIO()
    rushlight.save(Plain(rushlight.arange(3)), file)
    file.seek(0)
    assert torch.load(file, weights_only=False).weight.tolist() == [0, 1, 2]
    file = io.BytesIO()
    torch.save(Plain(torch.arange(3)), file)
    file.seek(0)
    assert rushlight.load(file, weights_only=False).weight.tolist() == [0, 1, 2]


CONSTANTS = [
    rushlight.float32,
    rushlight.strided,
    rushlight.channels_last,
    rushlight.Size([2, 3]),
    rushlight.device("cuda", 1),
    rushlight.add,
    rushlight.nn.functional.relu,
]


@pytest.mark.parametrize("value", [*CONSTANTS, rushlight.Tensor.add], ids=repr)
def test_constants_pickle_without_the_alias(value):
    """Also where `torch` is another library, or none."""
    loaded = pickle.loads(pickle.dumps(value))
    assert loaded == value
    assert type(loaded) is type(value)


@pytest.mark.parametrize("value", CONSTANTS, ids=repr)
def test_constants_beside_an_object(value):
    loaded = round_trip(Plain(value), weights_only=False)
    assert loaded.weight == value
