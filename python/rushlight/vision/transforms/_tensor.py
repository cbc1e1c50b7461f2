"""What the transforms do to tensors of shape (..., channels, height, width)."""

import math

import rushlight as torch
from rushlight.nn import functional as F
from rushlight.vision.transforms._padding import check_padding, sides

# Weights of red, green and blue in grey: ITU-R BT.601, with the digits that torchvision documents.
LUMA = (0.2989, 0.587, 0.114)


def check_image(image):
    if image.ndim < 2:
        raise TypeError("Tensor is not a torch image.")


def check_channels(image, permitted=(1, 3)):
    found = dimensions(image)[0]
    if found not in permitted:
        raise TypeError(
            f"Input image tensor permitted channel values are {list(permitted)}, but found {found}"
        )


def dimensions(image):
    """[channels, height, width]."""
    check_image(image)
    return [1 if image.ndim == 2 else image.shape[-3], *image.shape[-2:]]


def largest(dtype):
    """The value of full intensity."""
    return 1 if dtype.is_floating_point or dtype == torch.bool else torch.iinfo(dtype).max


def convert_dtype(image, dtype):
    if image.dtype == dtype:
        return image
    if image.is_floating_point():
        return image.to(dtype) if dtype.is_floating_point else _float_to_integer(image, dtype)
    if dtype.is_floating_point:
        return image.to(dtype) / largest(image.dtype)
    have, want = largest(image.dtype) + 1, largest(dtype) + 1
    if have > want:
        return torch.div(image, have // want, rounding_mode="floor").to(dtype)
    return image.to(dtype) * (want // have)


def _float_to_integer(image, dtype):
    wide = {torch.float32: (torch.int32, torch.int64), torch.float64: (torch.int64,)}
    if dtype in wide.get(image.dtype, ()):
        raise RuntimeError(f"The cast from {image.dtype} to {dtype} cannot be performed safely.")
    # Intervals of nearly equal length for all integers; truncating x * max would leave the last to 1.0 alone.
    return image.mul(largest(dtype) + 1 - 1e-3).to(dtype)


def normalize(image, mean, std, inplace):
    check_image(image)
    if not image.is_floating_point():
        raise TypeError(f"Input tensor should be a float tensor. Got {image.dtype}.")
    if image.ndim < 3:
        raise ValueError(
            f"Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = {image.size()}"
        )
    mean = torch.as_tensor(mean, dtype=image.dtype, device=image.device)
    std = torch.as_tensor(std, dtype=image.dtype, device=image.device)
    if (std == 0).any():
        raise ValueError(
            f"std evaluated to zero after conversion to {image.dtype}, leading to division by zero."
        )
    mean, std = (v.view(-1, 1, 1) if v.ndim == 1 else v for v in (mean, std))
    return (image if inplace else image.clone()).sub_(mean).div_(std)


def flip(image, axis):
    check_image(image)
    return image.flip(axis)


def crop(image, top, left, height, width):
    """The window, zeros where it lies outside of the image."""
    _, h, w = dimensions(image)
    bottom, right = top + height, left + width
    inside = image[..., max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if left >= 0 and top >= 0 and right <= w and bottom <= h:
        return inside
    before_x, before_y = max(min(right, 0) - left, 0), max(min(bottom, 0) - top, 0)
    return pad(
        inside,
        [before_x, before_y, max(right - max(w, left), 0), max(bottom - max(h, top), 0)],
        0,
        "constant",
    )


def in_floats(image, work):
    """work(floats of four dimensions), brought back to the image's shape and dtype; integers are rounded."""
    floating = image if image.is_floating_point() else image.to(torch.float32)
    batch = floating.unsqueeze(0) if image.ndim < 4 else floating
    out = work(batch)
    out = out.squeeze(0) if image.ndim < 4 else out
    if image.is_floating_point():
        return out
    return out.round().to(image.dtype)


def resize(image, size, interpolation, antialias):
    check_image(image)
    mode, smooth = interpolation.value, interpolation.value in ("bilinear", "bicubic")
    options = {"align_corners": False, "antialias": bool(antialias)} if smooth else {}

    def work(batch):
        out = F.interpolate(batch, size=list(size), mode=mode, **options)
        overshoots = mode == "bicubic" and image.dtype == torch.uint8
        return out.clamp(min=0, max=255) if overshoots else out

    return in_floats(image, work)


def pad(image, padding, fill, padding_mode):
    check_image(image)
    check_padding(padding, padding_mode)
    if not isinstance(fill, (int, float, type(None))):
        raise TypeError("Got inappropriate fill arg")
    left, top, right, bottom = sides(padding)
    if padding_mode == "symmetric":
        rows, columns = (
            _mirrored(size, before, after, image.device)
            for size, before, after in ((image.shape[-2], top, bottom), (image.shape[-1], left, right))
        )
        return image[..., rows[:, None], columns]
    around = [left, right, top, bottom]
    if padding_mode == "constant":
        return F.pad(image, around, value=float(fill or 0))
    mode = {"edge": "replicate", "reflect": "reflect"}[padding_mode]
    return in_floats(image, lambda batch: F.pad(batch, around, mode=mode))


def _mirrored(size, before, after, device):
    """Indices of a row continued by its own reflection, the edge included; negative amounts cut."""
    index = list(range(size))
    kept = index[max(-before, 0) : size - max(-after, 0)]
    return torch.tensor(
        kept[: max(before, 0)][::-1] + kept + kept[len(kept) - max(after, 0) :][::-1], device=device
    )


def to_grayscale(image, channels):
    if image.ndim < 3:
        raise TypeError(f"Input image tensor should have at least 3 dimensions, but found {image.ndim}")
    check_channels(image)
    if channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    if image.shape[-3] == 1:
        gray = image.clone()
    else:
        red, green, blue = image.unbind(-3)
        gray = (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue).to(image.dtype).unsqueeze(-3)
    return gray.expand(*image.shape[:-3], 3, *image.shape[-2:]) if channels == 3 else gray


def blend(image, other, ratio):
    """ratio * image + (1 - ratio) * other, within the range of intensities."""
    ratio = float(ratio)
    return (ratio * image + (1.0 - ratio) * other).clamp(0, largest(image.dtype)).to(image.dtype)


def _check_factor(name, factor):
    if factor < 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")


def brightness(image, factor):
    _check_factor("brightness_factor", factor)
    check_channels(image)
    return blend(image, torch.zeros_like(image), factor)


def contrast(image, factor):
    _check_factor("contrast_factor", factor)
    check_channels(image, (3, 1))
    gray = to_grayscale(image, 1) if dimensions(image)[0] == 3 else image
    floating = gray if image.is_floating_point() else gray.to(torch.float32)
    return blend(image, floating.mean(dim=(-3, -2, -1), keepdim=True), factor)


def saturation(image, factor):
    _check_factor("saturation_factor", factor)
    check_channels(image)
    return image if dimensions(image)[0] == 1 else blend(image, to_grayscale(image, 1), factor)


def sharpness(image, factor):
    _check_factor("sharpness_factor", factor)
    check_channels(image)
    if image.size(-1) <= 2 or image.size(-2) <= 2:
        return image
    return blend(image, _softened(image), factor)


def _softened(image):
    """A 3 x 3 mean that weighs its middle five times; the border stays as it is."""
    kernel = torch.ones(3, 3)
    kernel[1, 1] = 5.0
    out = image.clone()
    out[..., 1:-1, 1:-1] = in_floats(image, lambda batch: _convolve(batch, kernel / kernel.sum()))
    return out


def _convolve(batch, kernel):
    """Every channel by the same two-dimensional kernel."""
    channels = batch.shape[-3]
    weight = kernel.to(batch.dtype).expand(channels, 1, *kernel.shape)
    return F.conv2d(batch, weight, groups=channels)


def hue(image, factor):
    check_channels(image)
    if dimensions(image)[0] == 1:
        return image
    h, s, v = _rgb_to_hsv(convert_dtype(image, torch.float32))
    return convert_dtype(_hsv_to_rgb((h + factor) % 1.0, s, v), image.dtype)


def _rgb_to_hsv(image):
    """Hue in turns, saturation and value, each of them of shape (..., height, width)."""
    red, green, blue = image.unbind(-3)
    value, low = image.amax(-3), image.amin(-3)
    chroma = value - low
    gray = chroma == 0
    divisor = torch.where(gray, torch.ones_like(chroma), chroma)
    saturation = chroma / torch.where(gray, torch.ones_like(value), value)
    sixth = torch.where(
        value == red,
        (green - blue) / divisor,
        torch.where(value == green, 2.0 + (blue - red) / divisor, 4.0 + (red - green) / divisor),
    )
    return (sixth / 6.0 + 1.0) % 1.0, saturation, value


def _hsv_to_rgb(h, s, v):
    """The inverse: v (1 - s max(0, min(k, 4 - k, 1))), k = (n + 6 h) mod 6, for the channels n = 5, 3, 1."""
    channels = []
    for n in (5, 3, 1):
        k = (n + h * 6.0) % 6.0
        channels.append(v - v * s * torch.minimum(k, 4.0 - k).clamp(0.0, 1.0))
    return torch.stack(channels, -3)


def gamma(image, power, gain):
    check_channels(image)
    floating = image if image.is_floating_point() else convert_dtype(image, torch.float32)
    return convert_dtype((gain * floating**power).clamp(0, 1), image.dtype)


def invert(image):
    check_channels(image)
    return largest(image.dtype) - image


def gaussian_blur(image, kernel_size, sigma):
    width, height = (_gaussian(k, s, image) for k, s in zip(kernel_size, sigma, strict=True))
    left, top = kernel_size[0] // 2, kernel_size[1] // 2

    def work(batch):
        around = F.pad(batch, [left, left, top, top], mode="reflect")
        return _convolve(around, height[:, None] * width[None, :])

    return in_floats(image, work)


def _gaussian(size, sigma, image):
    """exp(-x^2 / (2 sigma^2)) at `size` whole steps around 0, summing to 1."""
    dtype = image.dtype if image.is_floating_point() else torch.float32
    half = (size - 1) * 0.5
    x = torch.linspace(-half, half, size, dtype=dtype)
    density = torch.exp(-0.5 * (x / sigma).pow(2))
    return density / density.sum()


def rotate(image, angle, interpolation, expand, center, fill):
    """Turned counter-clockwise by `angle` degrees about `center` (x, y), by default the middle."""
    if interpolation.value not in ("nearest", "bilinear"):
        raise ValueError(f"Resampling mode '{interpolation.value}' is unsupported with Tensor input")
    _, height, width = dimensions(image)
    middle = (width * 0.5, height * 0.5)
    about = middle if center is None else tuple(center)
    turn = math.radians(angle)
    cos, sin = math.cos(turn), math.sin(turn)
    out_w, out_h = _extent(width, height, cos, sin) if expand else (width, height)
    x = torch.arange(out_w) + 0.5 + ((width - out_w) * 0.5 if expand else 0.0) - about[0]
    y = torch.arange(out_h)[:, None] + 0.5 + ((height - out_h) * 0.5 if expand else 0.0) - about[1]
    source_x = cos * x - sin * y + about[0] - 0.5
    source_y = sin * x + cos * y + about[1] - 0.5
    return _sample(image, source_x, source_y, interpolation.value, fill)


def _extent(width, height, cos, sin):
    """(width, height) of the whole pixels that the turned image reaches into."""
    reach = (abs(width * cos) + abs(height * sin), abs(width * sin) + abs(height * cos))
    return tuple(
        math.ceil((size + long) / 2 - 1e-4) - math.floor((size - long) / 2 + 1e-4)
        for size, long in zip((width, height), reach, strict=True)
    )


def _sample(image, x, y, mode, fill):
    """Values at fractional positions; `fill` (0 by default) outside."""
    height, width = image.shape[-2:]
    level = torch.zeros(image.shape[-3] if image.ndim > 2 else 1)
    level += torch.tensor(0.0 if fill is None else fill, dtype=torch.float32)
    level = level.view(-1, 1, 1) if image.ndim > 2 else level

    def at(column, row):
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        values = image[..., row.clamp(0, height - 1).long(), column.clamp(0, width - 1).long()]
        return torch.where(inside, values.to(torch.float32), level)

    if mode == "nearest":
        return at(x.round(), y.round()).to(image.dtype)
    left, top = x.floor(), y.floor()
    right, bottom = x - left, y - top
    out = (1 - bottom) * ((1 - right) * at(left, top) + right * at(left + 1, top))
    out = out + bottom * ((1 - right) * at(left, top + 1) + right * at(left + 1, top + 1))
    return out.to(image.dtype) if image.is_floating_point() else out.round().to(image.dtype)
