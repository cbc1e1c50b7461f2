"""torch.save and torch.load. Values, containers and tensors are written and read by the engine (rushlight/io)."""

import os

from rushlight import _C

__all__ = ["load", "save"]


def save(obj, f, pickle_module=None, pickle_protocol=2, _use_new_zipfile_serialization=True, _disable_byteorder_record=False):
    """Writes an object to a path or a file-like object, in PyTorch's .pt format."""
    is_path = isinstance(f, (str, os.PathLike))
    if not is_path and not hasattr(f, "write"):
        raise AttributeError("expected 'f' to be string, path, or a file-like object with a 'write' attribute")
    if not _use_new_zipfile_serialization:
        raise NotImplementedError("_use_new_zipfile_serialization=False is not supported: the old format is not written")
    path = os.fspath(f) if is_path else None
    if path is not None:
        parent = os.path.dirname(path)
        if parent and not os.path.isdir(parent):
            raise RuntimeError(f"Parent directory {parent} does not exist.")
    written = _C._serialize.save(obj, path)
    if written is NotImplemented:
        raise NotImplementedError("saving arbitrary Python objects is not supported yet")
    if not is_path:
        f.write(written)


def load(f, map_location=None, pickle_module=None, *, weights_only=None, mmap=None, **pickle_load_args):
    """Reads what ``save`` wrote, from a path or a file-like object that can seek."""
    if isinstance(f, (str, os.PathLike)):
        return _C._serialize.load(os.fspath(f), map_location)
    if not hasattr(f, "seek"):
        raise AttributeError(
            f"'{type(f).__name__}' object has no attribute 'seek'. You can only torch.load from a file that is seekable. "
            "Please pre-load the data into a buffer like io.BytesIO and try to load from it instead."
        )
    return _C._serialize.load(f.read(), map_location)
