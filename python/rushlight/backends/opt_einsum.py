"""torch.backends.opt_einsum."""

enabled = False
strategy = None


def is_available():
    """False: the package opt_einsum is not used."""
    return False


def get_opt_einsum():
    """None."""
    return
