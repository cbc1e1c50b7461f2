"""DataLoader: batches of a dataset, read here or by worker processes."""

import itertools
import os
import queue
import warnings
from collections.abc import Callable

from rushlight import _C
from rushlight.utils.data._collate import default_collate, default_convert
from rushlight.utils.data._fetch import make_fetcher
from rushlight.utils.data.dataset import IterableDataset
from rushlight.utils.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = ["DataLoader"]


class _Endless(Sampler):
    """Keys for a stream, which does not look at them."""

    def __iter__(self):
        return itertools.repeat(None)


class DataLoader:
    """Iterates over a dataset in batches, in the order and with the random draws of PyTorch."""

    _fixed = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
    _iterator = None
    _initialized = False

    def __init__(self, dataset, batch_size=1, shuffle=None, sampler=None, batch_sampler=None, num_workers=0,
                 collate_fn=None, pin_memory=False, drop_last=False, timeout=0, worker_init_fn=None,
                 multiprocessing_context=None, generator=None, *, prefetch_factor=None,
                 persistent_workers=False, pin_memory_device="", in_order=True):  # fmt: skip
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers > 0 and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        is_stream = isinstance(dataset, IterableDataset)
        if is_stream:
            _check_stream(shuffle, sampler, batch_sampler)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and "
                    "drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
            )
        if sampler is None:
            if is_stream:
                sampler = _Endless()
            else:
                sampler = (
                    RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
                )
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        self.collate_fn = collate_fn or (default_collate if self._auto_collation else default_convert)
        self.persistent_workers = persistent_workers
        self._IterableDataset_len_called = None
        self._initialized = True
        self.check_worker_number_rationality()

    def __setattr__(self, attr, val):
        if self._initialized and attr in self._fixed:
            raise ValueError(f"{attr} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(attr, val)

    @property
    def multiprocessing_context(self):
        """How worker processes are started: None, or a context of the multiprocessing module."""
        return self._multiprocessing_context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context):
        if context is not None:
            context = _checked_context(context, self.num_workers)
        self._multiprocessing_context = context

    @property
    def _auto_collation(self):
        return self.batch_sampler is not None

    @property
    def _index_sampler(self):
        return self.batch_sampler if self._auto_collation else self.sampler

    def __iter__(self):
        if not self.persistent_workers or self.num_workers == 0:
            return self._get_iterator()
        if self._iterator is None:
            self._iterator = self._get_iterator()
        else:
            self._iterator.reset()
        return self._iterator

    def _get_iterator(self):
        return _Workers(self) if self.num_workers > 0 else _InProcess(self)

    def __len__(self):
        is_stream = isinstance(self.dataset, IterableDataset)
        if not is_stream:
            return len(self._index_sampler)
        length = self._IterableDataset_len_called = len(self.dataset)
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)

    def check_worker_number_rationality(self):
        """Warns of more workers than processors."""
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        if self.num_workers > (cpus or 0):
            warnings.warn(
                f"This DataLoader will create {self.num_workers} worker processes in total. Our suggested "
                f"max number of worker in current system is {cpus}, which is smaller than what this "
                "DataLoader is going to create. Please be aware that excessive worker creation might get "
                "DataLoader running slow or even freeze, lower the worker number to avoid potential "
                "slowness/freeze if necessary.",
                stacklevel=3,
            )


def _check_workers(num_workers, timeout, prefetch_factor, persistent_workers):
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_stream(shuffle, sampler, batch_sampler):
    start = "DataLoader with IterableDataset: expected unspecified"
    if shuffle not in (False, None):
        raise ValueError(f"{start} shuffle option, but got shuffle={shuffle}")
    if sampler is not None:
        raise ValueError(f"{start} sampler option, but got sampler={sampler}")
    if batch_sampler is not None:
        raise ValueError(f"{start} batch_sampler option, but got batch_sampler={batch_sampler}")


def _checked_context(context, num_workers):
    import multiprocessing

    if num_workers == 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got "
            f"num_workers={num_workers}"
        )
    if isinstance(context, str):
        methods = multiprocessing.get_all_start_methods()
        if context not in methods:
            raise ValueError(
                f"multiprocessing_context option should specify a valid start method in {methods!r}, but got "
                f"multiprocessing_context={context!r}"
            )
        context = multiprocessing.get_context(context)
    if not isinstance(context, multiprocessing.context.BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string specifying the "
            f"start method, but got multiprocessing_context={context}"
        )
    return context


class _Iterator:
    """One pass over the loader's batches; ``next_data`` gives the next or raises StopIteration."""

    next_data: Callable

    def __init__(self, loader):
        if loader.pin_memory:
            warnings.warn(
                "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory "
                "won't be used.",
                stacklevel=4,
            )
        self.loader = loader
        self.start()
        # Drawn even where no worker needs it: the draws of a program must not depend on num_workers.
        self.base_seed = _C._data.seed(loader.generator)

    def start(self):
        self.indices = iter(self.loader._index_sampler)
        self.num_yielded = 0
        self.expected = self.loader._IterableDataset_len_called

    def options(self):
        loader = self.loader
        return loader._auto_collation, loader.collate_fn, loader.drop_last

    def __iter__(self):
        return self

    def __len__(self):
        return len(self.loader._index_sampler)

    def __next__(self):
        data = self.next_data()
        self.num_yielded += 1
        if self.expected is not None and self.num_yielded > self.expected:
            self.warn_of_length()
        return data

    def warn_of_length(self):
        message = (
            f"Length of IterableDataset {self.loader.dataset} was reported to be {self.expected}"
            f"(when accessing len(dataloader)), but {self.num_yielded} samples have been fetched. "
        )
        if self.loader.num_workers > 0:
            message += (
                "For multiprocessing data-loading, this could be caused by not properly configuring the "
                "IterableDataset replica at each worker. Please see "
                "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for examples."
            )
        warnings.warn(message, stacklevel=3)

    def __getstate__(self):
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled")


class _InProcess(_Iterator):
    def __init__(self, loader):
        super().__init__(loader)
        self.fetcher = make_fetcher(loader.dataset, *self.options())

    def next_data(self):
        return self.fetcher.fetch(next(self.indices))


class _Workers(_Iterator):
    """Hands keys to worker processes in turn and gives out their batches in the order of the keys."""

    def __init__(self, loader):
        import multiprocessing

        from rushlight.utils.data import _worker

        super().__init__(loader)
        self.messages = _worker
        context = loader.multiprocessing_context or multiprocessing
        self.done = context.Event()
        self.results = context.Queue()
        self.queues, self.processes = [], []
        self.stopped = False
        for i in range(loader.num_workers):
            tasks = context.Queue()
            tasks.cancel_join_thread()
            process = context.Process(
                target=_worker.worker_loop,
                args=(loader.dataset, tasks, self.results, self.done, self.options(), self.base_seed,
                      loader.worker_init_fn, i, loader.num_workers),
                daemon=True,
            )  # fmt: skip
            process.start()
            self.queues.append(tasks)
            self.processes.append(process)
        self.begin()

    def begin(self):
        self.next_number = 0  # of the next task
        self.awaited = 0  # the number whose batch is due
        self.workers_of = {}  # tasks that are out: number -> worker
        self.arrived = {}  # batches ahead of their time: number -> batch
        self.active = [True] * len(self.processes)
        self.turn = itertools.cycle(range(len(self.processes)))
        for _ in range(self.loader.prefetch_factor * len(self.processes)):
            self.hand_out()

    def reset(self):
        """Starts again with the same processes."""
        self.start()
        for tasks in self.queues:
            tasks.put(self.messages.Resume())
        waiting = len(self.queues)
        while waiting:
            number, _ = self.receive()
            waiting -= isinstance(number, self.messages.Resume)
        self.begin()

    def hand_out(self):
        """The next keys to the next worker that still works."""
        index = next(self.indices, self)
        if index is self:
            return
        for _ in self.processes:
            worker = next(self.turn)
            if self.active[worker]:
                self.queues[worker].put((self.next_number, index))
                self.workers_of[self.next_number] = worker
                self.next_number += 1
                return

    def next_data(self):
        while True:
            while self.awaited < self.next_number and not self.is_due(self.awaited):
                self.awaited += 1  # that worker's stream had ended
            if self.awaited in self.arrived:
                number, data = self.awaited, self.arrived.pop(self.awaited)
            elif self.workers_of:
                number, data = self.receive()
                worker = self.workers_of.pop(number)
                if isinstance(data, self.messages.StreamEnded):
                    self.retire(worker)
                    continue
                if number != self.awaited and self.loader.in_order:
                    self.arrived[number] = data
                    continue
            else:
                if not self.loader.persistent_workers:
                    self.stop()
                raise StopIteration
            if self.loader.in_order:
                self.awaited += 1
            self.hand_out()
            if isinstance(data, self.messages.WorkerError):
                data.reraise()
            return data

    def is_due(self, number):
        return number in self.arrived or number in self.workers_of

    def retire(self, worker):
        """A worker's stream has ended: what it was still to read will not come."""
        self.active[worker] = False
        self.workers_of = {number: w for number, w in self.workers_of.items() if w != worker}
        self.hand_out()

    def receive(self):
        timeout = self.loader.timeout or self.messages.CHECK_INTERVAL
        while True:
            try:
                return self.results.get(timeout=timeout)
            except queue.Empty:
                dead = [process.pid for process in self.processes if not process.is_alive()]
                if dead and not self.stopped:
                    pids = ", ".join(str(pid) for pid in dead)
                    raise RuntimeError(f"DataLoader worker (pid(s) {pids}) exited unexpectedly") from None
                if self.loader.timeout:
                    raise RuntimeError(f"DataLoader timed out after {self.loader.timeout} seconds") from None

    def stop(self):
        if self.stopped:
            return
        self.stopped = True
        self.done.set()
        for tasks in self.queues:
            tasks.put(None)
        for process in self.processes:
            process.join(timeout=self.messages.CHECK_INTERVAL)
            if process.is_alive():
                process.terminate()
        for tasks in self.queues:
            tasks.close()

    def __del__(self):
        if not getattr(self, "stopped", True):
            self.stop()
