"""torch.backends.openmp."""


def is_available():
    """False: OpenMP is not used, threads are Rushlight's own."""
    return False
