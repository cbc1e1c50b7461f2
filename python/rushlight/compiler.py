"""torch.compiler: there is no compiler, so functions come back unchanged and nothing is being compiled."""

from rushlight._settings import compile

__all__ = [
    "allow_in_graph",
    "compile",
    "cudagraph_mark_step_begin",
    "disable",
    "is_compiling",
    "is_dynamo_compiling",
    "reset",
]


def disable(fn=None, recursive=True, **kwargs):
    """The function unchanged."""
    return fn if fn is not None else lambda function: function


def allow_in_graph(fn):
    """The function unchanged."""
    return fn


def is_compiling():
    """False."""
    return False


def is_dynamo_compiling():
    """False."""
    return False


def reset():
    """Nothing to forget."""


def cudagraph_mark_step_begin():
    """Nothing to mark."""
