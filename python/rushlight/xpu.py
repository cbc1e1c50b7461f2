"""torch.xpu: there is no back end for Intel's GPUs."""


def is_available():
    """False."""
    return False


def device_count():
    """0."""
    return 0


def empty_cache():
    """Nothing is cached."""


def manual_seed(seed):
    """Nothing to seed."""


def manual_seed_all(seed):
    """Nothing to seed."""
