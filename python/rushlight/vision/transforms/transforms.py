"""Transforms as objects: those that always do the same, and the containers."""

from collections.abc import Sequence

import rushlight as torch
from rushlight import nn
from rushlight.vision.transforms import functional as F
from rushlight.vision.transforms.functional import InterpolationMode, both_sides, interpolation_mode

__all__ = [
    "CenterCrop",
    "Compose",
    "ConvertImageDtype",
    "FiveCrop",
    "GaussianBlur",
    "Grayscale",
    "Lambda",
    "LinearTransformation",
    "Normalize",
    "PILToTensor",
    "Pad",
    "Resize",
    "TenCrop",
    "ToPILImage",
    "ToTensor",
]


def listing(name, lines):
    """Name(, one indented line for each, )."""
    return "\n".join([f"{name}(", *(f"    {line}" for line in lines), ")"])


class Compose:
    """One transform after the other.

    >>> Compose([CenterCrop(2), Normalize(0.5, 0.5)])
    Compose(
        CenterCrop(size=(2, 2))
        Normalize(mean=0.5, std=0.5)
    )
    """

    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, img):
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self):
        return listing(type(self).__name__, self.transforms)


class ToTensor:
    """A Pillow image or an array (height, width[, channels]) as a tensor (channels, height, width).

    Bytes become floats from 0 to 1. Modes and dtypes are listed at `functional.to_tensor`.
    """

    def __call__(self, pic):
        return F.to_tensor(pic)

    def __repr__(self):
        return "ToTensor()"


class PILToTensor:
    """A Pillow image as a tensor (channels, height, width) of the same type, unscaled."""

    def __call__(self, pic):
        return F.pil_to_tensor(pic)

    def __repr__(self):
        return "PILToTensor()"


class ToPILImage:
    """A tensor (channels, height, width) or an array (height, width, channels) as a Pillow image.

    Modes and dtypes are listed at `functional.to_pil_image`.
    """

    def __init__(self, mode=None):
        self.mode = mode

    def __call__(self, pic):
        return F.to_pil_image(pic, self.mode)

    def __repr__(self):
        return f"ToPILImage({'' if self.mode is None else f'mode={self.mode}'})"


class Lambda:
    """Any function as a transform."""

    def __init__(self, lambd):
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img):
        return self.lambd(img)

    def __repr__(self):
        return "Lambda()"


class ConvertImageDtype(nn.Module):
    """A tensor in another dtype, its values scaled with it."""

    def __init__(self, dtype):
        super().__init__()
        self.dtype = dtype

    def forward(self, image):
        return F.convert_image_dtype(image, self.dtype)


class Normalize(nn.Module):
    """(tensor - mean) / std, channel by channel."""

    def __init__(self, mean, std, inplace=False):
        super().__init__()
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor):
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def __repr__(self):
        return f"Normalize(mean={self.mean}, std={self.std})"


class Resize(nn.Module):
    """The image at `size`: (height, width), or a number for the shorter edge.

    >>> Resize(2)(torch.zeros(3, 4, 8)).shape
    torch.Size([3, 2, 4])
    """

    def __init__(self, size, interpolation=InterpolationMode.BILINEAR, max_size=None, antialias=True):
        super().__init__()
        if not isinstance(size, (int, Sequence)):
            raise TypeError(f"Size should be int or sequence. Got {type(size)}")
        if isinstance(size, Sequence) and len(size) not in (1, 2):
            raise ValueError("If size is a sequence, it should have 1 or 2 values")
        self.size = size
        self.max_size = max_size
        self.interpolation = interpolation_mode(interpolation)
        self.antialias = antialias

    def forward(self, img):
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def __repr__(self):
        how = (
            f"interpolation={self.interpolation.value}, max_size={self.max_size}, antialias={self.antialias}"
        )
        return f"Resize(size={self.size}, {how})"


class CenterCrop(nn.Module):
    """The middle of the image, with a margin of zeros where the image is smaller."""

    def __init__(self, size):
        super().__init__()
        self.size = both_sides(size)

    def forward(self, img):
        return F.center_crop(img, self.size)

    def __repr__(self):
        return f"CenterCrop(size={self.size})"


class Pad(nn.Module):
    """The image with a margin: one width, (left and right, top and bottom) or (left, top, right, bottom)."""

    def __init__(self, padding, fill=0, padding_mode="constant"):
        super().__init__()
        if not isinstance(fill, (int, float, str, tuple)):
            raise TypeError("Got inappropriate fill arg")
        F.check_padding(padding, padding_mode)
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def forward(self, img):
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def __repr__(self):
        return f"Pad(padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode})"


class Grayscale(nn.Module):
    """The image in grey, of one or three equal channels."""

    def __init__(self, num_output_channels=1):
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img):
        return F.rgb_to_grayscale(img, self.num_output_channels)

    def __repr__(self):
        return f"Grayscale(num_output_channels={self.num_output_channels})"


class FiveCrop(nn.Module):
    """The four corners and the centre, as a tuple."""

    def __init__(self, size):
        super().__init__()
        self.size = both_sides(size)

    def forward(self, img):
        return F.five_crop(img, self.size)

    def __repr__(self):
        return f"FiveCrop(size={self.size})"


class TenCrop(nn.Module):
    """The four corners and the centre of the image and of its mirror image, as a tuple."""

    def __init__(self, size, vertical_flip=False):
        super().__init__()
        self.size = both_sides(size)
        self.vertical_flip = vertical_flip

    def forward(self, img):
        return F.ten_crop(img, self.size, self.vertical_flip)

    def __repr__(self):
        return f"TenCrop(size={self.size}, vertical_flip={self.vertical_flip})"


class GaussianBlur(nn.Module):
    """Blurs with a window of `kernel_size` and a sigma that is drawn evenly from a pair, or given."""

    def __init__(self, kernel_size, sigma=(0.1, 2.0)):
        super().__init__()
        self.kernel_size = both_sides(kernel_size, "Kernel size should be a tuple/list of two integers")
        for size in self.kernel_size:
            if size <= 0 or size % 2 == 0:
                raise ValueError("Kernel size value should be an odd and positive number.")
        if isinstance(sigma, (int, float)):
            if sigma <= 0:
                raise ValueError("If sigma is a single number, it must be positive.")
            sigma = (sigma, sigma)
        elif isinstance(sigma, (tuple, list)) and len(sigma) in (1, 2):
            if not 0.0 < sigma[0] <= sigma[-1]:
                raise ValueError(f"sigma values should be positive and of the form (min, max). Got {sigma}")
        else:
            raise TypeError("sigma should be a single number or a list/tuple with length 1 or 2")
        self.sigma = sigma

    @staticmethod
    def get_params(sigma_min, sigma_max):
        return torch.empty(1).uniform_(sigma_min, sigma_max).item()

    def forward(self, img):
        sigma = self.get_params(self.sigma[0], self.sigma[-1])
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def __repr__(self):
        return f"GaussianBlur(kernel_size={self.kernel_size}, sigma={self.sigma})"


class LinearTransformation(nn.Module):
    """(flattened tensor - mean_vector) @ transformation_matrix, in the tensor's shape: whitening, for one.

    The matrix is (D, D) and the vector has D elements for tensors whose last three sizes multiply to D.
    """

    def __init__(self, transformation_matrix, mean_vector):
        super().__init__()
        rows, columns = transformation_matrix.size()
        if rows != columns:
            raise ValueError(
                f"transformation_matrix should be square. Got {[rows, columns]} rectangular matrix."
            )
        if mean_vector.size(0) != rows:
            raise ValueError(
                f"mean_vector should have the same length {mean_vector.size(0)} as any one of the dimensions "
                f"of the transformation_matrix [{(rows, columns)}]"
            )
        self.transformation_matrix = transformation_matrix
        self.mean_vector = mean_vector

    def forward(self, tensor):
        shape = tensor.shape
        count = shape[-3] * shape[-2] * shape[-1]
        if count != self.transformation_matrix.shape[0]:
            raise ValueError(
                "Input tensor and transformation matrix have incompatible shape."
                f"[{shape[-3]} x {shape[-2]} x {shape[-1]}] != {self.transformation_matrix.shape[0]}"
            )
        flat = tensor.reshape(-1, count) - self.mean_vector
        return torch.mm(flat, self.transformation_matrix).reshape(shape)

    def __repr__(self):
        return (
            f"LinearTransformation(transformation_matrix={self.transformation_matrix.tolist()}"
            f", mean_vector={self.mean_vector.tolist()})"
        )
