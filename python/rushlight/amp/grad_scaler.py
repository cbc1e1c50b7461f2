"""torch.amp.grad_scaler."""

from rushlight.amp import GradScaler

__all__ = ["GradScaler"]
