"""The graph of recorded operations."""

from rushlight._C import _Node as Node

__all__ = ["Node"]
