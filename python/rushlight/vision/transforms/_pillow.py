"""What the transforms do to Pillow images. Every function returns a new image."""

import warnings

from PIL import Image, ImageEnhance, ImageOps

import rushlight as torch
from rushlight.vision.transforms import _tensor
from rushlight.vision.transforms._padding import check_padding, sides

# Bands wider than a byte, as tensors hold them. 16-bit images are int16 because torchvision reads them so:
# values above 32767 wrap.
WIDE = {"I": "int32", "F": "float32"} | dict.fromkeys(("I;16", "I;16L", "I;16B", "I;16N"), "int16")


def check_image(image):
    if not isinstance(image, Image.Image):
        raise TypeError(f"img should be PIL Image. Got {type(image)}")


def pixels(image, sixteen="int16"):
    """A tensor (height, width, bands) that owns a copy of the image's values; bits are 0 and 255."""
    kind = WIDE.get(image.mode, "uint8")
    if image.mode == "1":
        data = bytearray(image.convert("L").tobytes())
    else:  # 16-bit values in this machine's byte order
        data = bytearray(image.tobytes("raw", "I;16N" if kind == "int16" else image.mode))
    shape = (image.height, image.width, len(image.getbands()))
    if not data:
        return torch.empty(shape, dtype=getattr(torch, kind))
    return torch.frombuffer(data, dtype=getattr(torch, sixteen if kind == "int16" else kind)).view(shape)


def from_array(array, mode):
    """An image of `mode` with the values of a NumPy array (height, width[, bands])."""
    if mode == "I;16":  # Image.fromarray takes signed 16-bit values for 32-bit ones
        height, width = array.shape
        return Image.frombytes(mode, (width, height), array.tobytes())
    return Image.fromarray(array, mode)


def dimensions(image):
    """[channels, height, width]."""
    check_image(image)
    return [len(image.getbands()), image.height, image.width]


def flip(image, axis):
    check_image(image)
    method = Image.Transpose.FLIP_TOP_BOTTOM if axis == -2 else Image.Transpose.FLIP_LEFT_RIGHT
    return image.transpose(method)


def crop(image, top, left, height, width):
    check_image(image)
    return image.crop((left, top, left + width, top + height))


def resize(image, size, interpolation, antialias):
    check_image(image)
    if antialias is False:
        warnings.warn(
            "Anti-alias option is always applied for PIL Image input. Argument antialias is ignored.",
            stacklevel=4,
        )
    return image.resize(tuple(size[::-1]), interpolation.pillow)


def _bands(fill, image):
    """`fill` as Pillow takes it: a number for one band, a tuple for several."""
    count = len(image.getbands())
    if fill is None:
        fill = 0
    if isinstance(fill, (int, float)) and count > 1:
        return (fill,) * count
    if isinstance(fill, (list, tuple)):
        if len(fill) == 1:
            fill = tuple(fill) * count
        if len(fill) != count:
            raise ValueError(
                "The number of elements in 'fill' does not match the number of bands of the image "
                f"({len(fill)} != {count})"
            )
        return tuple(fill)
    return fill


def pad(image, padding, fill, padding_mode):
    check_image(image)
    check_padding(padding, padding_mode)
    if not isinstance(fill, (int, float, str, tuple, list, type(None))):
        raise TypeError("Got inappropriate fill arg")
    left, top, right, bottom = sides(padding)
    if padding_mode == "constant":
        padded = ImageOps.expand(image, (left, top, right, bottom), _bands(fill, image))
    else:
        values = (
            _tensor.pad(pixels(image).permute(2, 0, 1), padding, 0, padding_mode)
            .permute(1, 2, 0)
            .contiguous()
        )
        mode = "L" if image.mode == "1" else image.mode
        padded = Image.frombytes(mode, (values.shape[1], values.shape[0]), memoryview(values).tobytes())
        if image.mode == "1":
            return padded.convert("1")
    if image.mode == "P":
        padded.putpalette(image.getpalette())
    return padded


def to_grayscale(image, channels):
    check_image(image)
    if channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    gray = image.convert("L")
    return gray if channels == 1 else Image.merge("RGB", [gray] * 3)


def brightness(image, factor):
    check_image(image)
    return ImageEnhance.Brightness(image).enhance(factor)


def contrast(image, factor):
    check_image(image)
    return ImageEnhance.Contrast(image).enhance(factor)


def saturation(image, factor):
    check_image(image)
    return ImageEnhance.Color(image).enhance(factor)


def sharpness(image, factor):
    check_image(image)
    return ImageEnhance.Sharpness(image).enhance(factor)


def hue(image, factor):
    check_image(image)
    if image.mode in ("L", "1", "I", "F"):
        return image
    h, s, v = image.convert("HSV").split()
    turned = h.point([(value + int(factor * 255)) % 256 for value in range(256)])
    return Image.merge("HSV", (turned, s, v)).convert(image.mode)


def gamma(image, power, gain):
    check_image(image)
    table = [min(round((256 - 1e-3) * gain * (value / 255) ** power), 255) for value in range(256)]
    return image.convert("RGB").point(table * 3).convert(image.mode)


def invert(image):
    check_image(image)
    return ImageOps.invert(image)


def rotate(image, angle, interpolation, expand, center, fill):
    check_image(image)
    return image.rotate(angle, interpolation.pillow, expand, center, fillcolor=_bands(fill, image))
