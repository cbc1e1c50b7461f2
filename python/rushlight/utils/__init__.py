"""Data loading, hooks and other helpers."""

from rushlight.utils import data

__all__ = ["data"]
