"""The transforms that published checkpoints were evaluated with."""

import rushlight as torch
from rushlight import nn
from rushlight.vision.transforms import functional as F
from rushlight.vision.transforms.functional import InterpolationMode


class ImageClassification(nn.Module):
    """Resize, CenterCrop, ConvertImageDtype to float, Normalize with ImageNet's statistics unless told."""

    def __init__(
        self,
        *,
        crop_size,
        resize_size=256,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        interpolation=InterpolationMode.BILINEAR,
        antialias=True,
    ):
        super().__init__()
        self.crop_size = [crop_size]
        self.resize_size = [resize_size]
        self.mean = list(mean)
        self.std = list(std)
        self.interpolation = interpolation
        self.antialias = antialias

    def forward(self, img):
        img = F.resize(img, self.resize_size, self.interpolation, antialias=self.antialias)
        img = F.center_crop(img, self.crop_size)
        if not isinstance(img, torch.Tensor):
            img = F.pil_to_tensor(img)
        return F.normalize(F.convert_image_dtype(img, torch.float), self.mean, self.std)

    def __repr__(self):
        lines = [f"{name}={getattr(self, name)}" for name in ("crop_size", "resize_size", "mean", "std")]
        lines.append(f"interpolation={self.interpolation}")
        return "\n    ".join([f"{type(self).__name__}(", *lines]) + "\n)"
