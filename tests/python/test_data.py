"""Datasets, samplers, collation and loaders, in one process and in several."""

import collections
import json
from pathlib import Path

import pytest
from rushlight.utils import data

import rushlight

GOLDEN = Path(__file__).parents[1] / "golden"


def recorder():
    """The script behind loaders.json, without the import of PyTorch at its top."""
    source = (GOLDEN / "record_loaders.py").read_text().replace("import torch\n", "")
    space = {"__name__": "record_loaders"}
    exec(compile(source, "record_loaders.py", "exec"), space)
    return space


@pytest.fixture(scope="module")
def drawn():
    # Through JSON, as the recorded ones have been.
    return json.loads(json.dumps(recorder()["draws"](rushlight)))


EXPECTED = json.loads((GOLDEN / "loaders.json").read_text())["draws"]


@pytest.mark.parametrize("name", EXPECTED)
def test_draws_are_pytorchs(name, drawn):
    assert drawn[name] == EXPECTED[name]


class Squares(data.Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if i == 100:
            raise ValueError("no square here")
        return rushlight.tensor([i, i * i]), i


class Stream(data.IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        info = data.get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(range(first, self.n, step))


class Noise(data.Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, i):
        return rushlight.rand(1)


def rows(loader):
    return [[part.tolist() for part in batch] for batch in loader]


def test_rows_equal_stacked_samples():
    x, y = rushlight.rand(10, 3, 2), rushlight.arange(10)
    fast = rows(data.DataLoader(data.TensorDataset(x, y), batch_size=4))
    slow = rows(
        data.DataLoader(data.TensorDataset(x, y), batch_size=4, collate_fn=lambda b: data.default_collate(b))
    )
    assert fast == slow
    assert len(fast) == 3
    part = data.Subset(data.TensorDataset(x.transpose(1, 2), y), [3, 1, -1])
    assert rows(data.DataLoader(part, batch_size=2)) == [
        [x.transpose(1, 2)[[3, 1]].tolist(), [3, 1]],
        [x.transpose(1, 2)[[9]].tolist(), [9]],
    ]


def test_batches_do_not_share_memory_with_the_dataset():
    x = rushlight.zeros(4, 2)
    (batch,) = next(iter(data.DataLoader(data.TensorDataset(x), batch_size=4)))
    batch.fill_(1)
    assert x.tolist() == [[0.0, 0.0]] * 4


def test_index_outside_a_tensor():
    loader = data.DataLoader(data.TensorDataset(rushlight.zeros(3)), batch_sampler=[[0, 5]])
    with pytest.raises(IndexError, match="index 5 is out of bounds for dimension 0 with size 3"):
        next(iter(loader))


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_give_the_same_batches(workers):
    loader = data.DataLoader(Squares(11), batch_size=3, num_workers=workers)
    assert rows(loader) == rows(data.DataLoader(Squares(11), batch_size=3))


def test_workers_share_a_stream():
    batches = data.DataLoader(Stream(10), batch_size=2, num_workers=2)
    values = sorted(v for batch in batches for v in batch.tolist())
    assert values == list(range(10))
    assert [b.tolist() for b in data.DataLoader(Stream(3), batch_size=2)] == [[0, 1], [2]]


def test_workers_have_seeds_of_their_own():
    def epoch():
        rushlight.manual_seed(5)
        return [b.flatten().tolist() for b in data.DataLoader(Noise(), batch_size=4, num_workers=2)]

    first, second = epoch(), epoch()
    assert first == second
    assert first[0] != first[1]


def test_errors_of_workers_reach_us():
    loader = data.DataLoader(Squares(101), batch_size=50, num_workers=1, sampler=[0, 100])
    with pytest.raises(
        ValueError, match=r"Caught ValueError in DataLoader worker process 0.\nOriginal Traceback"
    ) as error:
        list(loader)
    assert "no square here" in str(error.value)


def test_persistent_workers_start_again():
    loader = data.DataLoader(Squares(6), batch_size=2, num_workers=2, persistent_workers=True)
    assert rows(loader) == rows(loader)


def test_worker_init_fn_is_called():
    def fail(worker):
        raise RuntimeError(f"worker {worker} will not start")

    with pytest.raises(RuntimeError, match="worker 0 will not start"):
        list(data.DataLoader(Squares(4), num_workers=1, worker_init_fn=fail))


def test_collation():
    Point = collections.namedtuple("Point", "x y")
    batch = data.default_collate([{"a": 1, "b": [1.5, "p"]}, {"a": 2, "b": [2.5, "q"]}])
    assert batch["a"].tolist() == [1, 2]
    assert batch["b"][0].dtype == rushlight.float64
    assert batch["b"][1] == ("p", "q")
    point = data.default_collate([Point(1, True), Point(3, False)])
    assert isinstance(point, Point)
    assert point.y.tolist() == [True, False]
    with pytest.raises(RuntimeError, match="each element in list of batch should be of equal size"):
        data.default_collate([[1], [1, 2]])
    with pytest.raises(
        TypeError, match="default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists"
    ):
        data.default_collate([object()])


def test_collation_of_numpy():
    np = pytest.importorskip("numpy", reason="the package works without NumPy")
    batch = data.default_collate([(np.float32(1), np.ones(2)), (np.float32(2), np.zeros(2))])
    assert batch[0].tolist() == [1.0, 2.0]
    assert batch[1].tolist() == [[1.0, 1.0], [0.0, 0.0]]


def test_datasets():
    one, two = data.TensorDataset(rushlight.arange(3)), data.TensorDataset(rushlight.arange(4))
    both = one + two
    assert len(both) == 7
    assert both[-1][0].item() == 3
    stack = data.StackDataset(a=range(3), b=range(3, 6))
    assert stack[1] == {"a": 1, "b": 4}
    assert stack.__getitems__([0, 2]) == [{"a": 0, "b": 3}, {"a": 2, "b": 5}]
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        data.TensorDataset(rushlight.zeros(2), rushlight.zeros(3))
    with pytest.raises(
        ValueError, match="Sum of input lengths does not equal the length of the input dataset!"
    ):
        data.random_split(range(5), [2, 2])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"num_workers": -1}, "num_workers option should be non-negative"),
        ({"batch_size": 0}, "batch_size should be a positive integer value, but got batch_size=0"),
        ({"shuffle": True, "sampler": [0]}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "batch_size=None option disables auto-batching"),
        ({"prefetch_factor": 2}, "prefetch_factor option could only be specified in multiprocessing"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
    ],
)
def test_errors_are_pytorchs(options, text):
    with pytest.raises(ValueError, match=text):
        data.DataLoader(Squares(3), **options)


def test_options_stay():
    loader = data.DataLoader(Squares(3))
    with pytest.raises(
        ValueError, match="batch_size attribute should not be set after DataLoader is initialized"
    ):
        loader.batch_size = 2
