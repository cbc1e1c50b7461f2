"""From the keys of a batch to the batch."""

from rushlight import _C
from rushlight.utils.data._collate import default_collate
from rushlight.utils.data.dataset import IterableDataset, Subset, TensorDataset


class MapFetcher:
    """Reads from a dataset by key."""

    def __init__(self, dataset, auto_collation, collate_fn, drop_last):
        self.dataset = dataset
        self.auto_collation = auto_collation
        self.collate_fn = collate_fn
        self.is_default = auto_collation and collate_fn is default_collate

    def fetch(self, index):
        """The batch of these keys."""
        if not self.auto_collation:
            return self.collate_fn(self.dataset[index])
        if self.is_default and index:
            batch = _tensor_rows(self.dataset, index)
            if batch is not None:
                return batch
        if getattr(self.dataset, "__getitems__", None):
            return self.collate_fn(self.dataset.__getitems__(index))
        return self.collate_fn([self.dataset[i] for i in index])


def _tensor_rows(dataset, index):
    """The batch of a TensorDataset (or a part of one) in one copy for each tensor; None for other
    datasets."""
    while type(dataset) is Subset:
        index = [dataset.indices[i] for i in index]
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset:
        return None
    batch = [_C._data.rows(tensor, index) for tensor in dataset.tensors]
    return None if any(rows is NotImplemented for rows in batch) else batch


class StreamFetcher:
    """Reads from a stream; of the keys only their number counts."""

    def __init__(self, dataset, auto_collation, collate_fn, drop_last):
        self.samples = iter(dataset)
        self.auto_collation = auto_collation
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        self.ended = False

    def fetch(self, index):
        """The next batch, or StopIteration."""
        if self.ended:
            raise StopIteration
        if not self.auto_collation:
            return self.collate_fn(next(self.samples))
        data = []
        for _ in index:
            try:
                data.append(next(self.samples))
            except StopIteration:
                self.ended = True
                break
        if not data or (self.drop_last and len(data) < len(index)):
            raise StopIteration
        return self.collate_fn(data)


def make_fetcher(dataset, *options):
    """The fetcher that fits the dataset."""
    return (StreamFetcher if isinstance(dataset, IterableDataset) else MapFetcher)(dataset, *options)
