"""Finding the operation whose gradient fails or is NaN."""

from rushlight._C import detect_anomaly, set_detect_anomaly

__all__ = ["detect_anomaly", "set_detect_anomaly"]
