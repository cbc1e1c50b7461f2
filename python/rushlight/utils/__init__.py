"""Data loading, hooks and other helpers."""

from rushlight.utils import data, dlpack

__all__ = ["data", "dlpack"]
