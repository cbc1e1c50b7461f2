"""torch.backends.mps."""


def is_available():
    """False: there is no Metal back end."""
    return False


def is_built():
    """False."""
    return False
