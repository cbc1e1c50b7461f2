"""Transforms as functions, from a Pillow image or a tensor (..., channels, height, width) to the same.

Values, defaults and error texts are torchvision's.
"""

import enum

import numpy as np
from PIL import Image

import rushlight as torch
from rushlight.vision.transforms import _pillow, _tensor
from rushlight.vision.transforms._padding import check_padding as check_padding

__all__ = [
    "InterpolationMode",
    "adjust_brightness",
    "adjust_contrast",
    "adjust_gamma",
    "adjust_hue",
    "adjust_saturation",
    "adjust_sharpness",
    "center_crop",
    "convert_image_dtype",
    "crop",
    "erase",
    "five_crop",
    "gaussian_blur",
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "hflip",
    "invert",
    "normalize",
    "pad",
    "pil_to_tensor",
    "resize",
    "resized_crop",
    "rgb_to_grayscale",
    "rotate",
    "ten_crop",
    "to_grayscale",
    "to_pil_image",
    "to_tensor",
    "vflip",
]


class InterpolationMode(enum.Enum):
    """How values between pixels are found. BOX, HAMMING and LANCZOS work on Pillow images only."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"

    @property
    def pillow(self):
        """Pillow's filter of this name."""
        return Image.Resampling["NEAREST" if self is InterpolationMode.NEAREST_EXACT else self.name]


def interpolation_mode(mode):
    """The mode, given itself or Pillow's number for it."""
    if isinstance(mode, int):
        return InterpolationMode[Image.Resampling(mode).name]
    if not isinstance(mode, InterpolationMode):
        raise TypeError(
            "Argument interpolation should be a InterpolationMode or a corresponding Pillow integer constant"
        )
    return mode


def _of(image):
    """The functions for this kind of image."""
    return _tensor if isinstance(image, torch.Tensor) else _pillow


def _check_tensor(image):
    if not isinstance(image, torch.Tensor):
        raise TypeError("Input img should be Tensor image")


# ---- between images, arrays and tensors


def to_tensor(pic):
    """A tensor (channels, height, width) of a Pillow image or of an array (height, width[, channels]).

    Bytes become floats from 0 to 1: modes 1, L, LA, P, RGB, RGBA, CMYK, YCbCr and uint8 arrays. Everything
    else keeps its values: mode I gives int32, F float32, I;16 int16 (above 32767 they turn negative), an
    array its dtype.
    """
    if isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        values = torch.from_numpy(pic if pic.ndim == 3 else pic[:, :, None])
    elif isinstance(pic, Image.Image):
        values = _pillow.pixels(pic)
    else:
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    values = values.permute(2, 0, 1).contiguous()
    return values.to(torch.get_default_dtype()).div(255) if values.dtype == torch.uint8 else values


def pil_to_tensor(pic):
    """A tensor (channels, height, width) of a Pillow image, unscaled.

    Its dtype is uint8; bool for mode 1, int32 for I, uint16 for I;16, float32 for F.
    """
    if not isinstance(pic, Image.Image):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    values = _pillow.pixels(pic, sixteen="uint16").permute(2, 0, 1)
    return values != 0 if pic.mode == "1" else values


# Modes of images with several channels: the default, for bytes, comes first.
_MODES = {2: ["LA"], 3: ["RGB", "YCbCr", "HSV"], 4: ["RGBA", "CMYK", "RGBX"]}
_SINGLE = {"uint8": "L", "int16": "I;16", "int32": "I", "float32": "F"}


def to_pil_image(pic, mode=None):
    """A Pillow image of a tensor (channels, height, width) or an array (height, width, channels).

    Floats are scaled by 255 and cut to bytes, unless the mode is F. The mode of one channel follows from its
    dtype: L for uint8, I;16 for int16, I for int32, F for float32. Bytes in two, three and four channels give
    LA, RGB and RGBA, unless `mode` says otherwise.
    """
    if isinstance(pic, torch.Tensor):
        pic = (pic.permute(1, 2, 0) if pic.ndim == 3 else pic).numpy(force=True)
    elif not isinstance(pic, np.ndarray):
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    if pic.ndim == 2:
        pic = pic[:, :, None]
    if pic.ndim != 3:
        raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
    channels = pic.shape[2]
    if channels > 4:
        raise ValueError(f"pic should not have > 4 channels. Got {channels} channels.")
    if np.issubdtype(pic.dtype, np.floating) and mode != "F":
        pic = (pic * 255).astype(np.uint8)
    if channels == 1:
        pic, mode = pic[:, :, 0], _single_mode(pic.dtype, mode)
    else:
        mode = _mode_of_several(channels, pic.dtype, mode)
    if mode is None:
        raise TypeError(f"Input type {pic.dtype} is not supported")
    return _pillow.from_array(pic, mode)


def _single_mode(dtype, mode):
    expected = _SINGLE.get(dtype.name) if dtype.isnative else None
    if mode is not None and mode != expected:
        # The class np.dtype is what torchvision's text shows.
        raise ValueError(f"Incorrect mode ({mode}) supplied for input type {np.dtype}. Should be {expected}")
    return expected


def _mode_of_several(channels, dtype, mode):
    modes = _MODES.get(channels, _MODES[3])
    if mode is None:
        return modes[0] if dtype == np.uint8 else None
    if mode not in modes:
        raise ValueError(f"Only modes {modes} are supported for {min(channels, 4)}D inputs")
    return mode


def convert_image_dtype(image, dtype=torch.float):
    """The tensor in another dtype, its values scaled so that full intensity stays full intensity.

    >>> convert_image_dtype(torch.tensor([[0, 51, 255]], dtype=torch.uint8))
    tensor([[0.0000, 0.2000, 1.0000]])
    """
    _check_tensor(image)
    return _tensor.convert_dtype(image, dtype)


def normalize(tensor, mean, std, inplace=False):
    """(tensor - mean) / std, channel by channel.

    >>> normalize(torch.ones(1, 1, 2), mean=[0.5], std=[0.25])
    tensor([[[2., 2.]]])
    """
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
    return _tensor.normalize(tensor, mean, std, inplace)


# ---- size and place


def get_dimensions(img):
    """[channels, height, width]."""
    return _of(img).dimensions(img)


def get_image_size(img):
    """[width, height]."""
    return get_dimensions(img)[:0:-1]


def get_image_num_channels(img):
    """How many channels."""
    return get_dimensions(img)[0]


def _resized_size(height, width, size, max_size):
    """[height, width] after resizing to `size`: both given, or the shorter edge."""
    if len(size) == 2:
        return list(size)
    requested = size[0]
    short, long = sorted((height, width))
    new_short, new_long = requested, int(requested * long / short)
    if max_size is not None:
        if max_size <= requested:
            raise ValueError(
                f"max_size = {max_size} must be strictly greater than the requested size "
                f"for the smaller edge size = {size}"
            )
        if new_long > max_size:
            new_short, new_long = int(max_size * new_short / new_long), max_size
    return [new_long, new_short] if width <= height else [new_short, new_long]


def resize(img, size, interpolation=InterpolationMode.BILINEAR, max_size=None, antialias=True):
    """The image at another size: (height, width), or a number for the shorter edge.

    The longer edge follows in proportion, up to `max_size`.
    """
    interpolation = interpolation_mode(interpolation)
    if isinstance(size, (list, tuple)):
        if len(size) not in (1, 2):
            raise ValueError(
                f"Size must be an int or a 1 or 2 element tuple/list, not a {len(size)} element tuple/list"
            )
        if max_size is not None and len(size) != 1:
            raise ValueError(
                "max_size should only be passed if size specifies the length of the smaller edge, "
                "i.e. size should be an int or a sequence of length 1 in torchscript mode."
            )
    _, height, width = get_dimensions(img)
    wanted = _resized_size(height, width, [size] if isinstance(size, int) else size, max_size)
    if wanted == [height, width]:
        return img
    return _of(img).resize(img, wanted, interpolation, antialias)


def pad(img, padding, fill=0, padding_mode="constant"):
    """The image with a margin: one width, (left and right, top and bottom) or (left, top, right, bottom)."""
    return _of(img).pad(img, padding, fill, padding_mode)


def crop(img, top, left, height, width):
    """A window of the image; what lies outside of it is zero."""
    return _of(img).crop(img, top, left, height, width)


def both_sides(size, message="Please provide only two dimensions (h, w) for size."):
    """(height, width) of a number, a sequence of one or a sequence of two."""
    if isinstance(size, (int, float)):
        return int(size), int(size)
    if isinstance(size, (list, tuple)) and len(size) == 1:
        return size[0], size[0]
    if len(size) != 2:
        raise ValueError(message)
    return size


def center_crop(img, output_size):
    """The middle of the image, which gets a margin of zeros first where it is smaller."""
    tall, wide = both_sides(output_size)
    _, height, width = get_dimensions(img)
    if wide > width or tall > height:
        x, y = max(wide - width, 0), max(tall - height, 0)
        img = pad(img, [x // 2, y // 2, (x + 1) // 2, (y + 1) // 2])
        _, height, width = get_dimensions(img)
        if (wide, tall) == (width, height):
            return img
    return crop(img, round((height - tall) / 2), round((width - wide) / 2), tall, wide)


def resized_crop(
    img, top, left, height, width, size, interpolation=InterpolationMode.BILINEAR, antialias=True
):
    """A window of the image at another size."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def hflip(img):
    """The image mirrored, left for right."""
    return _of(img).flip(img, -1)


def vflip(img):
    """The image upside down."""
    return _of(img).flip(img, -2)


def five_crop(img, size):
    """(top left, top right, bottom left, bottom right, centre)."""
    tall, wide = size = both_sides(size)
    _, height, width = get_dimensions(img)
    if wide > width or tall > height:
        raise ValueError(f"Requested crop size {size} is bigger than input size {(height, width)}")
    corners = [(0, 0), (0, width - wide), (height - tall, 0), (height - tall, width - wide)]
    return (*(crop(img, top, left, tall, wide) for top, left in corners), center_crop(img, [tall, wide]))


def ten_crop(img, size, vertical_flip=False):
    """The five crops of the image, then those of its mirror image."""
    return five_crop(img, size) + five_crop(vflip(img) if vertical_flip else hflip(img), size)


def rotate(img, angle, interpolation=InterpolationMode.NEAREST, expand=False, center=None, fill=None):
    """The image turned counter-clockwise by `angle` degrees; `expand` makes room for the corners."""
    interpolation = interpolation_mode(interpolation)
    if not isinstance(angle, (int, float)):
        raise TypeError("Argument angle should be int or float")
    if center is not None and not isinstance(center, (list, tuple)):
        raise TypeError("Argument center should be a sequence")
    return _of(img).rotate(img, angle, interpolation, expand, center, fill)


# ---- colour


def to_grayscale(img, num_output_channels=1):
    """A Pillow image in grey, of one or three equal channels."""
    if isinstance(img, torch.Tensor):
        raise TypeError("Input should be PIL Image")
    return rgb_to_grayscale(img, num_output_channels)


def rgb_to_grayscale(img, num_output_channels=1):
    """The image in grey, of one or three equal channels."""
    return _of(img).to_grayscale(img, num_output_channels)


def adjust_brightness(img, brightness_factor):
    """0 gives black, 1 the image."""
    return _of(img).brightness(img, brightness_factor)


def adjust_contrast(img, contrast_factor):
    """0 gives the mean grey, 1 the image."""
    return _of(img).contrast(img, contrast_factor)


def adjust_saturation(img, saturation_factor):
    """0 gives greys, 1 the image."""
    return _of(img).saturation(img, saturation_factor)


def adjust_sharpness(img, sharpness_factor):
    """0 gives a softened image, 1 the image."""
    return _of(img).sharpness(img, sharpness_factor)


def adjust_hue(img, hue_factor):
    """Turns the colour wheel by a factor of turns, from -0.5 to 0.5."""
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    return _of(img).hue(img, hue_factor)


def adjust_gamma(img, gamma, gain=1):
    """gain * intensity ** gamma."""
    if gamma < 0:
        raise ValueError("Gamma should be a non-negative real number")
    return _of(img).gamma(img, gamma, gain)


def invert(img):
    """The negative."""
    return _of(img).invert(img)


def gaussian_blur(img, kernel_size, sigma=None):
    """The image under a Gaussian window of kernel_size (width, height), both odd.

    sigma is 0.15 kernel_size + 0.35 by default.
    """
    if not isinstance(kernel_size, (int, list, tuple)):
        raise TypeError(f"kernel_size should be int or a sequence of integers. Got {type(kernel_size)}")
    kernel_size = [kernel_size] * 2 if isinstance(kernel_size, int) else kernel_size
    if len(kernel_size) != 2:
        raise ValueError(f"If kernel_size is a sequence its length should be 2. Got {len(kernel_size)}")
    for k in kernel_size:
        if k % 2 == 0 or k < 0:
            raise ValueError(f"kernel_size should have odd and positive integers. Got {kernel_size}")
    if sigma is None:
        sigma = [k * 0.15 + 0.35 for k in kernel_size]
    if not isinstance(sigma, (int, float, list, tuple)):
        raise TypeError(f"sigma should be either float or sequence of floats. Got {type(sigma)}")
    sigma = [float(sigma)] * 2 if isinstance(sigma, (int, float)) else list(sigma)
    sigma = sigma * 2 if len(sigma) == 1 else sigma
    if len(sigma) != 2:
        raise ValueError(f"If sigma is a sequence, its length should be 2. Got {len(sigma)}")
    for s in sigma:
        if s <= 0:
            raise ValueError(f"sigma should have positive values. Got {sigma}")
    if isinstance(img, torch.Tensor):
        return _tensor.gaussian_blur(img, kernel_size, sigma)
    if not isinstance(img, Image.Image):
        raise TypeError(f"img should be PIL Image or Tensor. Got {type(img)}")
    return to_pil_image(_tensor.gaussian_blur(pil_to_tensor(img), kernel_size, sigma), img.mode)


def erase(img, i, j, h, w, v, inplace=False):
    """The tensor with `v` in the rows from i and columns from j on."""
    if not isinstance(img, torch.Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(img)}")
    out = img if inplace else img.clone()
    out[..., i : i + h, j : j + w] = v
    return out
