"""torch.mps: there is no back end for Apple's GPUs."""


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
