"""Options of printing; the printing itself is rushlight/ops/print.cpp."""

from contextlib import contextmanager

from rushlight._C import get_printoptions, set_printoptions

__all__ = ["get_printoptions", "printoptions", "set_printoptions"]


@contextmanager
def printoptions(**options):
    """set_printoptions for the length of a with block."""
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)
