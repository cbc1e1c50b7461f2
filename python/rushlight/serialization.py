"""torch.save and torch.load. Values, containers and tensors are written and read by the engine
(rushlight/io); other objects by Python's pickle (rushlight/_pickling.py)."""

import os
import warnings

from rushlight import _C

__all__ = ["add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "safe_globals", "save"]

_safe_globals: list = []


def save(
    obj,
    f,
    pickle_module=None,
    pickle_protocol=2,
    _use_new_zipfile_serialization=True,
    _disable_byteorder_record=False,
):
    """Writes an object to a path or a file-like object, in PyTorch's .pt format."""
    is_path = isinstance(f, (str, os.PathLike))
    if not is_path and not hasattr(f, "write"):
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute"
        )
    if not _use_new_zipfile_serialization:
        raise NotImplementedError(
            "_use_new_zipfile_serialization=False is not supported: the old format is not written"
        )
    path = os.fspath(f) if is_path else None
    if path is not None:
        parent = os.path.dirname(path)
        if parent and not os.path.isdir(parent):
            raise RuntimeError(f"Parent directory {parent} does not exist.")
    written = _C._serialize.save(obj, path)
    if written is NotImplemented:
        from rushlight import _pickling

        written = _pickling.dumps(obj, pickle_protocol)
        if path is not None:
            with open(path, "wb") as file:
                file.write(written)
    if not is_path:
        f.write(written)


def _is_set(name):
    return os.getenv(name, "0").lower() in ("1", "y", "yes", "true")


def _choose_weights_only(weights_only):
    force, force_off = _is_set("TORCH_FORCE_WEIGHTS_ONLY_LOAD"), _is_set("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
    if force and force_off:
        raise RuntimeError(
            "Only one of `TORCH_FORCE_WEIGHTS_ONLY_LOAD` or `TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD` should be "
            "set, but both were set."
        )
    if force:
        return True
    if weights_only is None and force_off:
        warnings.warn(
            "Environment variable TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD detected, since the"
            "`weights_only` argument was not explicitly passed to `torch.load`, forcing weights_only=False.",
            UserWarning,
            stacklevel=3,
        )
        return False
    return weights_only is None or bool(weights_only)


def load(f, map_location=None, pickle_module=None, *, weights_only=None, mmap=None, **pickle_load_args):
    """Reads what ``save`` wrote, from a path or a file-like object that can seek. With ``weights_only=False``
    the file may run any code: do that only with files you trust."""
    weights_only = _choose_weights_only(weights_only)
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if isinstance(f, (str, os.PathLike)):
        path = os.fspath(f)
        if weights_only and not _safe_globals:
            return _C._serialize.load(path, map_location)
        with open(path, "rb") as file:
            data = file.read()
    else:
        if not hasattr(f, "seek"):
            raise AttributeError(
                f"'{type(f).__name__}' object has no attribute 'seek'. You can only torch.load from a file "
                "that is seekable. Please pre-load the data into a buffer like io.BytesIO and try to load "
                "from it instead."
            )
        data = f.read()
        if not data:
            raise EOFError
    if weights_only and not _safe_globals:
        return _C._serialize.load(data, map_location)
    from rushlight import _pickling

    pickle_load_args.setdefault("encoding", "utf-8")
    allowed = {_full_name(entry): _object(entry) for entry in _safe_globals} if weights_only else None
    return _pickling.loads(data, map_location, allowed, **pickle_load_args)


def _object(entry):
    return entry[0] if isinstance(entry, tuple) else entry


def _full_name(entry):
    if isinstance(entry, tuple):
        return entry[1]
    module = entry.__module__
    if module.split(".")[0] == "rushlight":
        module = "torch" + module[len("rushlight") :]
    return f"{module}.{entry.__qualname__}"


def add_safe_globals(safe_globals):
    """Lets ``load(weights_only=True)`` build these classes and call these functions."""
    _safe_globals.extend(entry for entry in safe_globals if entry not in _safe_globals)


def get_safe_globals():
    """What was added."""
    return list(_safe_globals)


def clear_safe_globals():
    """Forgets what was added."""
    _safe_globals.clear()


class safe_globals:
    """Adds safe globals for a while."""

    def __init__(self, safe_globals):
        self.safe_globals = safe_globals

    def __enter__(self):
        self.before = get_safe_globals()
        add_safe_globals(self.safe_globals)

    def __exit__(self, *exc):
        _safe_globals[:] = self.before
