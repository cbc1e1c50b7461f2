"""The default generator of random numbers, under the names that torch and torch.random share."""

from contextlib import contextmanager

from rushlight._C import default_generator

__all__ = ["fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]


def manual_seed(seed):
    """Restarts the default generator from `seed`, an int of 64 bits; negative ones count from 2**64."""
    return default_generator.manual_seed(int(seed))


def seed():
    """Seeds the default generator from the system's entropy; the seed."""
    return default_generator.seed()


def initial_seed():
    """The seed that the default generator was started from."""
    return default_generator.initial_seed()


def get_rng_state():
    """The default generator's state, a uint8 tensor in PyTorch's layout."""
    return default_generator.get_state()


def set_rng_state(new_state):
    """Gives the default generator a state from get_rng_state()."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(devices=None, enabled=True, _caller="fork_rng", _devices_kw="devices", device_type="cuda"):
    """A scope whose random draws leave the default generator as it was; other devices have none."""
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
