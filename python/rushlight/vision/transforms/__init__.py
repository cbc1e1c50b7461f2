"""Image transforms, for Pillow images and for tensors of shape (..., channels, height, width)."""

from rushlight.vision.transforms import functional as functional  # noqa: PLC0414
from rushlight.vision.transforms._random import *  # noqa: F403
from rushlight.vision.transforms.functional import InterpolationMode as InterpolationMode  # noqa: PLC0414
from rushlight.vision.transforms.transforms import *  # noqa: F403
