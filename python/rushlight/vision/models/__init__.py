"""Models for classifying images, with torchvision's names, parameters and initial values."""

from rushlight.vision.models._weights import *  # noqa: F403
from rushlight.vision.models.alexnet import *  # noqa: F403
from rushlight.vision.models.mobilenetv2 import *  # noqa: F403
from rushlight.vision.models.resnet import *  # noqa: F403
from rushlight.vision.models.vgg import *  # noqa: F403
