"""torch.backends.mkldnn."""


def is_available():
    """False: oneDNN is not used."""
    return False


enabled = True
deterministic = False
