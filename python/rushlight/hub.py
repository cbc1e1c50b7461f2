"""Where checkpoints of published models lie on this machine. Nothing is downloaded."""

import os
import warnings
from urllib.parse import urlparse

from rushlight._missing import refused
from rushlight.serialization import load as _load

__all__ = ["download_url_to_file", "get_dir", "load_state_dict_from_url", "set_dir"]

_dir = None


def get_dir():
    """What set_dir said; else $TORCH_HOME/hub; else ~/.cache/torch/hub, with $XDG_CACHE_HOME for ~/.cache."""
    if os.getenv("TORCH_HUB"):
        warnings.warn("TORCH_HUB is deprecated, please use env TORCH_HOME instead", stacklevel=2)
    if _dir is not None:
        return _dir
    cache = os.path.join(os.getenv("XDG_CACHE_HOME", "~/.cache"), "torch")
    return os.path.join(os.path.expanduser(os.getenv("TORCH_HOME", cache)), "hub")


def set_dir(d):
    """Makes `d` the folder that get_dir answers."""
    global _dir
    _dir = os.path.expanduser(d)


def load_state_dict_from_url(
    url,
    model_dir=None,
    map_location=None,
    progress=True,
    check_hash=False,
    file_name=None,
    weights_only=False,
):
    """The checkpoint of this address from get_dir()/checkpoints (or model_dir), where it must lie already.

    FileNotFoundError, naming the file to fetch and where to put it, if it does not. Only tensors and plain
    values are read, whatever `weights_only` says: a published checkpoint needs no more.
    """
    name = file_name or os.path.basename(urlparse(url).path)
    folder = os.path.join(get_dir(), "checkpoints") if model_dir is None else model_dir
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        raise FileNotFoundError(
            f"Rushlight does not download checkpoints: fetch {url} and save it as {path} "
            "(TORCH_HOME, or torch.hub.set_dir, changes the folder)"
        )
    return _load(path, map_location=map_location, weights_only=True)


download_url_to_file = refused("torch.hub.download_url_to_file", "nothing is downloaded")
