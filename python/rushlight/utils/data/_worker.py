"""The processes behind a DataLoader."""

import os
import queue
import random
import sys
import traceback
from collections.abc import Callable

import rushlight
from rushlight import _C
from rushlight.utils.data._fetch import make_fetcher
from rushlight.utils.data.dataset import IterableDataset

CHECK_INTERVAL = 5.0  # seconds between looks at whether the other side is alive

_worker_info = None


class WorkerInfo:
    """What a dataset may ask in a worker: ``id``, ``num_workers``, ``seed`` and ``dataset``."""

    def __init__(self, id, num_workers, seed, dataset):
        self.__dict__.update(id=id, num_workers=num_workers, seed=seed, dataset=dataset)

    def __setattr__(self, key, value):
        raise RuntimeError(f"Cannot assign attributes to {type(self).__name__} objects")

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in self.__dict__.items())})"


def get_worker_info():
    """The WorkerInfo of this process, or None in the main process."""
    return _worker_info


class StreamEnded:
    """A worker's stream has no more batches."""


class Resume:
    """Tells a persistent worker to start again; it answers with the same."""


class WorkerError:
    """An exception on its way to the main process."""

    def __init__(self, worker_id):
        kind, value, trace = sys.exc_info()
        assert kind is not None and value is not None, "made where an exception is handled"
        self.where = f"in DataLoader worker process {worker_id}"
        self.kind: Callable = kind
        self.key = value.args[0] if kind is KeyError and value.args else None
        self.text = "".join(traceback.format_exception(kind, value, trace))

    def reraise(self):
        """Raises an exception of the same type, with the worker's traceback in its text."""
        message = f"Caught {self.kind.__name__} {self.where}.\nOriginal {self.text}"
        if self.kind is KeyError:
            raise KeyError(_Verbatim(message))
        try:
            exception = self.kind(message)
        except Exception:  # a constructor that wants something else
            raise RuntimeError(message) from None
        raise exception


class _Verbatim(str):
    """KeyError shows the repr of its argument."""

    def __repr__(self):
        return str(self)


def _numpy_seed(base_seed, worker_id):
    """Four words of entropy from the seed and the worker (the pool of O'Neill's seed_seq_fe, as NumPy's
    SeedSequence)."""
    mask = 0xFFFFFFFF
    multiplier = 0x43B0D7E5

    def hashed(value):
        nonlocal multiplier
        value ^= multiplier
        multiplier = multiplier * 0x931E8875 & mask
        value = value * multiplier & mask
        return value ^ value >> 16

    pool = [hashed(word) for word in (worker_id, base_seed & mask, base_seed >> 32, 0)]
    for source in range(4):
        for target in range(4):
            if source != target:
                mixed = (0xCA01F9DD * pool[target] - 0x4973F715 * hashed(pool[source])) & mask
                pool[target] = mixed ^ mixed >> 16
    multiplier = 0x8B51F9DD
    words = []
    for word in pool:
        word ^= multiplier
        multiplier = multiplier * 0x58F38DED & mask
        word = word * multiplier & mask
        words.append(word ^ word >> 16)
    return words


def _seed_everything(base_seed, worker_id):
    seed = base_seed + worker_id
    random.seed(seed)
    _C.default_generator.manual_seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(_numpy_seed(base_seed, worker_id))
    return seed


def worker_loop(dataset, index_queue, data_queue, done, options, base_seed, init_fn, worker_id, num_workers):
    """Reads keys, answers with batches, until told to stop or left alone."""
    global _worker_info
    parent = os.getppid()
    rushlight.set_num_threads(1)
    try:
        seed = _seed_everything(base_seed, worker_id)
        _worker_info = WorkerInfo(worker_id, num_workers, seed, dataset)
        failure = fetcher = None
        try:
            if init_fn is not None:
                init_fn(worker_id)
            fetcher = make_fetcher(dataset, *options)
        except Exception:
            failure = WorkerError(worker_id)
        ended = False
        while os.getppid() == parent:
            try:
                task = index_queue.get(timeout=CHECK_INTERVAL)
            except queue.Empty:
                continue
            if task is None:
                break
            if isinstance(task, Resume):
                data_queue.put((task, None))
                ended = False
                fetcher = make_fetcher(dataset, *options)
                continue
            if done.is_set() or ended:
                continue
            number, index = task
            if failure is not None:
                data, failure = failure, None
            else:
                data, ended = _fetch(fetcher, index, dataset, worker_id)
            data_queue.put((number, data))
            del data, task
    except KeyboardInterrupt:
        pass  # the main process reports it
    if done.is_set():
        data_queue.cancel_join_thread()
        data_queue.close()


def _fetch(fetcher, index, dataset, worker_id):
    """The batch, or what stands for it, and whether the stream has ended."""
    try:
        return fetcher.fetch(index), False
    except StopIteration:
        if isinstance(dataset, IterableDataset):
            return StreamEnded(), True
        return WorkerError(worker_id), False
    except Exception:
        return WorkerError(worker_id), False
