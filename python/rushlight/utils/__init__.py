"""Data loading, hooks and other helpers."""
