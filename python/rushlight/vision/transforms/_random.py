"""Transforms that draw what they do, from the engine's generator in torchvision's order."""

import math
import random

import rushlight as torch
from rushlight import nn
from rushlight.vision.transforms import functional as F
from rushlight.vision.transforms.functional import InterpolationMode, both_sides, interpolation_mode
from rushlight.vision.transforms.transforms import listing

__all__ = [
    "ColorJitter",
    "RandomApply",
    "RandomChoice",
    "RandomCrop",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomInvert",
    "RandomOrder",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomTransforms",
    "RandomVerticalFlip",
]


def uniform(low, high):
    return torch.empty(1).uniform_(low, high).item()


def integer(count):
    """One of 0 ... count - 1."""
    return torch.randint(0, count, size=(1,)).item()


class RandomTransforms:
    """A list of transforms, of which subclasses draw."""

    def __init__(self, transforms):
        if not isinstance(transforms, (list, tuple)):
            raise TypeError("Argument transforms should be a sequence")
        self.transforms = transforms

    def __call__(self, *args, **kwargs):
        raise NotImplementedError

    def __repr__(self):
        return listing(type(self).__name__, self.transforms)


class RandomOrder(RandomTransforms):
    """All of them, in an order that Python's generator draws."""

    def __call__(self, img):
        order = list(range(len(self.transforms)))
        random.shuffle(order)
        for i in order:
            img = self.transforms[i](img)
        return img


class RandomChoice(RandomTransforms):
    """One of them, which Python's generator draws with the weights `p`."""

    def __init__(self, transforms, p=None):
        super().__init__(transforms)
        if p is not None and not isinstance(p, (list, tuple)):
            raise TypeError("Argument p should be a sequence")
        self.p = p

    def __call__(self, *args):
        return random.choices(self.transforms, weights=self.p)[0](*args)

    def __repr__(self):
        return f"{super().__repr__()}(p={self.p})"


class RandomApply(nn.Module):
    """All of them, or none, with probability p."""

    def __init__(self, transforms, p=0.5):
        super().__init__()
        self.transforms = transforms
        self.p = p

    def forward(self, img):
        if self.p < torch.rand(1):
            return img
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self):
        return listing("RandomApply", [f"p={self.p}", *self.transforms])


class _Sometimes(nn.Module):
    """`change` with probability p."""

    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, img):
        return self.change(img) if torch.rand(1) < self.p else img

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p})"


class RandomHorizontalFlip(_Sometimes):
    """Mirrored with probability p."""

    change = staticmethod(F.hflip)


class RandomVerticalFlip(_Sometimes):
    """Upside down with probability p."""

    change = staticmethod(F.vflip)


class RandomInvert(_Sometimes):
    """The negative with probability p."""

    change = staticmethod(F.invert)


class RandomGrayscale(_Sometimes):
    """In grey with probability p, of as many channels as before."""

    def __init__(self, p=0.1):
        super().__init__(p)

    def forward(self, img):
        channels = F.get_image_num_channels(img)
        return F.rgb_to_grayscale(img, channels) if torch.rand(1) < self.p else img


class RandomCrop(nn.Module):
    """A window of `size` at a place drawn evenly, after an optional margin."""

    def __init__(self, size, padding=None, pad_if_needed=False, fill=0, padding_mode="constant"):
        super().__init__()
        self.size = tuple(both_sides(size))
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    @staticmethod
    def get_params(img, output_size):
        """(top, left, height, width)."""
        _, height, width = F.get_dimensions(img)
        tall, wide = output_size
        if height < tall or width < wide:
            raise ValueError(
                f"Required crop size {(tall, wide)} is larger than input image size {(height, width)}"
            )
        if (wide, tall) == (width, height):
            return 0, 0, height, width
        top = integer(height - tall + 1)
        return top, integer(width - wide + 1), tall, wide

    def forward(self, img):
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        _, height, width = F.get_dimensions(img)
        if self.pad_if_needed and width < self.size[1]:
            img = F.pad(img, [self.size[1] - width, 0], self.fill, self.padding_mode)
        if self.pad_if_needed and height < self.size[0]:
            img = F.pad(img, [0, self.size[0] - height], self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))

    def __repr__(self):
        return f"RandomCrop(size={self.size}, padding={self.padding})"


def drawn_shape(area, scale, ratio):
    """Two sides of a rectangle: share of the area drawn from `scale`, log of their ratio drawn evenly."""
    part = area * uniform(*scale)
    low, high = torch.log(torch.tensor(ratio))
    aspect = torch.exp(torch.empty(1).uniform_(low.item(), high.item())).item()
    return round(math.sqrt(part * aspect)), round(math.sqrt(part / aspect))


class RandomResizedCrop(nn.Module):
    """A window of a drawn share of the area and a drawn ratio of width to height, resized to `size`."""

    def __init__(
        self,
        size,
        scale=(0.08, 1.0),
        ratio=(3.0 / 4.0, 4.0 / 3.0),
        interpolation=InterpolationMode.BILINEAR,
        antialias=True,
    ):
        super().__init__()
        self.size = both_sides(size)
        if not isinstance(scale, (list, tuple)):
            raise TypeError("Scale should be a sequence")
        if not isinstance(ratio, (list, tuple)):
            raise TypeError("Ratio should be a sequence")
        self.scale = scale
        self.ratio = ratio
        self.interpolation = interpolation_mode(interpolation)
        self.antialias = antialias

    @staticmethod
    def get_params(img, scale, ratio):
        """(top, left, height, width); after ten that do not fit the largest central one within the ratios."""
        _, height, width = F.get_dimensions(img)
        for _ in range(10):
            wide, tall = drawn_shape(height * width, scale, ratio)
            if 0 < wide <= width and 0 < tall <= height:
                top = integer(height - tall + 1)
                return top, integer(width - wide + 1), tall, wide
        tall, wide = height, width
        if width / height < min(ratio):
            tall = round(width / min(ratio))
        elif width / height > max(ratio):
            wide = round(height * max(ratio))
        return (height - tall) // 2, (width - wide) // 2, tall, wide

    def forward(self, img):
        top, left, tall, wide = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, top, left, tall, wide, self.size, self.interpolation, self.antialias)

    def __repr__(self):
        scale, ratio = (tuple(round(v, 4) for v in pair) for pair in (self.scale, self.ratio))
        return (
            f"RandomResizedCrop(size={self.size}, scale={scale}, ratio={ratio}"
            f", interpolation={self.interpolation.value}, antialias={self.antialias})"
        )


class RandomRotation(nn.Module):
    """Turned by an angle drawn from (-degrees, degrees), or from the pair given."""

    def __init__(self, degrees, interpolation=InterpolationMode.NEAREST, expand=False, center=None, fill=0):
        super().__init__()
        if isinstance(degrees, (int, float)):
            if degrees < 0:
                raise ValueError("If degrees is a single number, it must be positive.")
            degrees = [-degrees, degrees]
        elif len(degrees) != 2:
            raise ValueError("degrees should be sequence of length 2.")
        self.degrees = [float(d) for d in degrees]
        self.interpolation = interpolation_mode(interpolation)
        self.expand = expand
        self.center = center
        self.fill = 0 if fill is None else fill

    @staticmethod
    def get_params(degrees):
        return uniform(float(degrees[0]), float(degrees[1]))

    def forward(self, img):
        angle = self.get_params(self.degrees)
        return F.rotate(img, angle, self.interpolation, self.expand, self.center, self.fill)

    def __repr__(self):
        parts = f"degrees={self.degrees}, interpolation={self.interpolation.value}, expand={self.expand}"
        parts += "" if self.center is None else f", center={self.center}"
        return f"RandomRotation({parts}, fill={self.fill})"


class ColorJitter(nn.Module):
    """Brightness, contrast, saturation and hue by drawn factors, in a drawn order.

    A number n stands for (max(0, 1 - n), 1 + n), for hue (-n, n); a pair is the range itself.
    """

    def __init__(self, brightness=0, contrast=0, saturation=0, hue=0):
        super().__init__()
        self.brightness = self._range(brightness, "brightness")
        self.contrast = self._range(contrast, "contrast")
        self.saturation = self._range(saturation, "saturation")
        self.hue = self._range(hue, "hue", center=0, bound=(-0.5, 0.5), clip=False)

    @staticmethod
    def _range(value, name, center=1, bound=(0, float("inf")), clip=True):
        if isinstance(value, (int, float)):
            if value < 0:
                raise ValueError(f"If {name} is a single number, it must be non negative.")
            value = [center - float(value), center + float(value)]
            if clip:
                value[0] = max(value[0], 0.0)
        elif isinstance(value, (tuple, list)) and len(value) == 2:
            value = [float(value[0]), float(value[1])]
        else:
            raise TypeError(f"{name} should be a single number or a list/tuple with length 2.")
        if not bound[0] <= value[0] <= value[1] <= bound[1]:
            raise ValueError(f"{name} values should be between {bound}, but got {value}.")
        return None if value[0] == value[1] == center else tuple(value)

    @staticmethod
    def get_params(brightness, contrast, saturation, hue):
        """(order, then a factor or None for each)."""
        order = torch.randperm(4)
        return order, *(None if r is None else uniform(*r) for r in (brightness, contrast, saturation, hue))

    def forward(self, img):
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        adjust = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for i in order.tolist():
            if factors[i] is not None:
                img = adjust[i](img, factors[i])
        return img

    def __repr__(self):
        parts = (f"{name}={getattr(self, name)}" for name in ("brightness", "contrast", "saturation", "hue"))
        return f"ColorJitter({', '.join(parts)})"


class RandomErasing(nn.Module):
    """A rectangle of the tensor overwritten, with probability p, by `value`.

    That is a number, one for each channel, or "random" for noise.
    """

    def __init__(self, p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False):
        super().__init__()
        if not isinstance(value, (int, float, str, tuple, list)):
            raise TypeError("Argument value should be either a number or str or a sequence")
        if isinstance(value, str) and value != "random":
            raise ValueError("If value is str, it should be 'random'")
        if not isinstance(scale, (tuple, list)):
            raise TypeError("Scale should be a sequence")
        if not isinstance(ratio, (tuple, list)):
            raise TypeError("Ratio should be a sequence")
        if scale[0] < 0 or scale[1] > 1:
            raise ValueError("Scale should be between 0 and 1")
        if p < 0 or p > 1:
            raise ValueError("Random erasing probability should be between 0 and 1")
        self.p = p
        self.scale = scale
        self.ratio = ratio
        self.value = value
        self.inplace = inplace

    @staticmethod
    def get_params(img, scale, ratio, value=None):
        """(top, left, height, width, what to write); the whole image when ten rectangles did not fit."""
        channels, height, width = img.shape[-3:]
        for _ in range(10):
            tall, wide = drawn_shape(height * width, scale, ratio)
            if not (tall < height and wide < width):
                continue
            if value is None:
                new = torch.empty([channels, tall, wide], dtype=torch.float32).normal_()
            else:
                new = torch.tensor(value)[:, None, None]
            top = integer(height - tall + 1)
            return top, integer(width - wide + 1), tall, wide, new
        return 0, 0, height, width, img

    def forward(self, img):
        if not torch.rand(1) < self.p:
            return img
        value = None if isinstance(self.value, str) else self.value
        if isinstance(value, (int, float)):
            value = [float(value)]
        elif value is not None:
            value = [float(v) for v in value]
        if value is not None and len(value) not in (1, img.shape[-3]):
            raise ValueError(
                "If value is a sequence, it should have either a single value or "
                f"{img.shape[-3]} (number of input channels)"
            )
        top, left, tall, wide, new = self.get_params(img, self.scale, self.ratio, value)
        return F.erase(img, top, left, tall, wide, new, self.inplace)

    def __repr__(self):
        ranges = f"scale={self.scale}, ratio={self.ratio}"
        return f"RandomErasing(p={self.p}, {ranges}, value={self.value}, inplace={self.inplace})"
