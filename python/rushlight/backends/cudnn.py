"""torch.backends.cudnn: flags that can be set and have no effect."""

from contextlib import contextmanager

enabled = True
benchmark = False
benchmark_limit = 10
deterministic = False
allow_tf32 = True
fp32_precision = "none"


def is_available():
    """False: there is no GPU."""
    return False


def is_acceptable(tensor):
    """False: there is no GPU."""
    return False


def version():
    """None: there is no cuDNN."""
    return


def set_flags(
    _enabled=None,
    _benchmark=None,
    _benchmark_limit=None,
    _deterministic=None,
    _allow_tf32=None,
    _fp32_precision="none",
):
    """Sets the flags that are given; the former ones."""
    state = globals()
    names = ("enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32")
    before = tuple(state[name] for name in names)
    for name, value in zip(
        names, (_enabled, _benchmark, _benchmark_limit, _deterministic, _allow_tf32), strict=True
    ):
        if value is not None:
            state[name] = value
    return (*before, fp32_precision)


@contextmanager
def flags(
    enabled=False,
    benchmark=False,
    benchmark_limit=10,
    deterministic=False,
    allow_tf32=True,
    fp32_precision="none",
):
    """The flags for the length of a with block."""
    before = set_flags(enabled, benchmark, benchmark_limit, deterministic, allow_tf32)
    try:
        yield
    finally:
        set_flags(*before)
