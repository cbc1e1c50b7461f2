"""torch.backends.mkl."""


def is_available():
    """False: Intel's MKL is not used."""
    return False
