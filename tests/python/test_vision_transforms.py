"""rushlight.vision.transforms.

Values of images and arrays are compared with NumPy's view of them; values of tensors with what PyTorch
computes for the operations that torchvision documents (tests/golden/vision.json); modes, dtypes and errors
with that documentation.
"""

from __future__ import annotations

import json
import pathlib
import random

import numpy as np
import pytest

import rushlight as torch

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

from rushlight.vision import transforms as T  # noqa: E402
from rushlight.vision.transforms import functional as F  # noqa: E402

EXPECTED = json.loads((pathlib.Path(__file__).parents[1] / "golden" / "vision.json").read_text())

BYTES = {"L": 1, "LA": 2, "RGB": 3, "YCbCr": 3, "HSV": 3, "LAB": 3, "RGBA": 4, "RGBX": 4, "CMYK": 4, "PA": 2}
WIDE = {"I": "int32", "I;16": "int16", "F": "float32"}


def image(mode, width=5, height=3):
    """An image of any mode with all kinds of values."""
    rng = np.random.RandomState(len(mode))
    if mode == "1":
        return Image.fromarray(rng.rand(height, width) > 0.5)
    if mode == "P":
        return image("RGB", width, height).quantize(7)
    if mode in WIDE:
        values = (rng.rand(height, width) * 65535).astype({"I;16": "uint16"}.get(mode, WIDE.get(mode)))
    else:
        values = rng.randint(0, 256, (height, width, BYTES[mode])).astype("uint8")
    return Image.frombytes(mode, (width, height), values.tobytes())


# ---- from images and arrays to tensors


@pytest.mark.parametrize("mode", ["1", "P", *BYTES])
def test_bytes_become_floats_from_0_to_1(mode):
    picture = image(mode)
    values = np.array(picture, dtype=np.uint8).reshape(3, 5, -1).transpose(2, 0, 1)
    tensor = T.ToTensor()(picture)
    assert tensor.dtype == torch.float32
    assert tensor.shape == (len(picture.getbands()), 3, 5)
    assert tensor.is_contiguous()
    assert tensor.tolist() == (values if mode == "1" else values.astype("float32") / np.float32(255)).tolist()


@pytest.mark.parametrize("mode", WIDE)
def test_wide_modes_keep_their_values(mode):
    picture = image(mode)
    tensor = T.ToTensor()(picture)
    assert tensor.dtype == getattr(torch, WIDE[mode])
    assert tensor.shape == (1, 3, 5)
    assert tensor[0].tolist() == np.array(picture).astype(WIDE[mode]).tolist()


def test_sixteen_bits_above_the_signed_range_wrap():
    picture = Image.frombytes("I;16", (2, 1), np.array([32767, 32768], dtype="<u2").tobytes())
    assert T.ToTensor()(picture).tolist() == [[[32767, -32768]]]
    assert T.PILToTensor()(picture).tolist() == [[[32767, 32768]]]
    big = Image.frombytes("I;16B", (2, 1), np.array([1, 258], dtype=">u2").tobytes())
    assert T.ToTensor()(big).tolist() == [[[1, 258]]]


def test_a_tensor_is_a_copy():
    picture = image("L")
    T.PILToTensor()(picture).zero_()
    assert np.array(picture).any()
    array = np.zeros((2, 2, 1), dtype=np.float32)
    shared = T.ToTensor()(array)
    array[:] = 1
    assert shared.sum() == 4  # torchvision shares an array whose layout needs no change


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "bool"]
)
def test_arrays(dtype):
    array = np.arange(24).reshape(2, 4, 3).astype(dtype)
    tensor = T.ToTensor()(array)
    assert tensor.shape == (3, 2, 4)
    if dtype == "uint8":
        assert tensor.dtype == torch.float32
        assert tensor.tolist() == (array.transpose(2, 0, 1).astype("float32") / np.float32(255)).tolist()
    else:
        assert tensor.dtype == getattr(torch, dtype)
        assert tensor.tolist() == array.transpose(2, 0, 1).tolist()
    assert T.ToTensor()(array[..., 0]).shape == (1, 2, 4)


BYTES_ARRAY = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


@pytest.mark.parametrize(
    "kind, error, text",
    [
        (lambda a: a[::-1], ValueError, "At least one stride in the given numpy array is negative"),
        (lambda a: a[..., ::-1], ValueError, "At least one stride in the given numpy array is negative"),
        (lambda a: a.astype(">i4"), ValueError, "byte order different from the native byte order"),
        (lambda a: a.astype(object), TypeError, "can't convert np.ndarray of type numpy.object_."),
        (lambda a: a.astype(str), TypeError, "can't convert np.ndarray of type numpy.str_."),
        (lambda a: a.astype("M8[s]"), TypeError, "can't convert np.ndarray of type numpy.datetime64."),
    ],
)
def test_arrays_that_no_tensor_can_share_are_refused(kind, error, text):
    with pytest.raises(error, match=text.replace("(", r"\(")):
        T.ToTensor()(kind(BYTES_ARRAY))


def test_layouts_and_kinds_of_arrays():
    expected = T.ToTensor()(BYTES_ARRAY)
    for same in (np.asfortranarray(BYTES_ARRAY), np.ma.array(BYTES_ARRAY), BYTES_ARRAY.copy()[:, :, :]):
        assert torch.equal(T.ToTensor()(same), expected)
    assert torch.equal(T.ToTensor()(BYTES_ARRAY[:, ::2]), expected[:, :, ::2])
    assert T.ToTensor()(np.zeros((0, 4, 3), np.uint8)).shape == (3, 0, 4)
    assert T.ToTensor()(np.matrix([[1, 2]])).tolist() == [[[1, 2]]]
    for dtype in ("uint16", "uint32", "uint64", "complex64"):
        assert T.ToTensor()(BYTES_ARRAY.astype(dtype)).dtype == getattr(torch, dtype)


def test_the_default_dtype_is_used():
    torch.set_default_dtype(torch.float64)
    assert T.ToTensor()(image("L")).dtype == torch.float64
    assert T.ToTensor()(np.zeros((2, 2), dtype=np.uint8)).dtype == torch.float64


def test_unscaled_tensors():
    dtypes = {"1": torch.bool, "L": torch.uint8, "RGBA": torch.uint8, "I": torch.int32, "F": torch.float32}
    for mode, dtype in {**dtypes, "I;16": torch.uint16}.items():
        picture = image(mode)
        tensor = T.PILToTensor()(picture)
        assert tensor.dtype == dtype
        assert tensor.permute(1, 2, 0).tolist() == np.array(picture).reshape(3, 5, -1).tolist()


# ---- from tensors and arrays to images


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK", "RGBX", "YCbCr", "HSV", "I", "I;16", "F"])
def test_there_and_back(mode):
    picture = image(mode)
    back = T.ToPILImage(mode)(T.ToTensor()(picture))
    assert back.mode == mode
    assert back.tobytes() == picture.tobytes()


@pytest.mark.parametrize("channels, mode", [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_channels_decide_the_mode(channels, mode):
    values = torch.arange(channels * 6, dtype=torch.uint8).view(channels, 2, 3)
    for pic in (
        values,
        values.permute(1, 2, 0).numpy(),
        values / 255.0,
        (values / 255.0).permute(1, 2, 0).numpy(),
    ):
        made = T.ToPILImage()(pic)
        assert (made.mode, made.size) == (mode, (3, 2))
        assert np.array(made).reshape(2, 3, -1).tolist() == values.permute(1, 2, 0).tolist()


def test_floats_are_cut_to_bytes():
    assert list(T.ToPILImage()(torch.tensor([[0.0, 0.5, 0.999, 1.0]])).tobytes()) == [0, 127, 254, 255]
    assert T.ToPILImage()(torch.zeros(1, 2, 2, requires_grad=True)).mode == "L"
    assert T.ToPILImage("F")(torch.full((1, 1, 1), 2.5)).getpixel((0, 0)) == 2.5
    assert T.ToPILImage()(np.full((1, 1), 0.25, dtype=np.float64)).getpixel((0, 0)) == 63


def test_dtypes_decide_the_mode_of_one_channel():
    for dtype, mode in {"uint8": "L", "int16": "I;16", "int32": "I"}.items():
        array = np.array([[1, 2], [3, 300 % 256]], dtype=dtype)
        for pic in (array, torch.from_numpy(array)):
            assert T.ToPILImage()(pic).mode == mode
            assert T.ToPILImage()(pic).getpixel((1, 0)) == 2


TENSOR, ARRAY = torch.zeros(5, 2, 2), np.zeros((2, 2, 5))
REFUSED = [
    (lambda: F.to_tensor([1]), "TypeError: pic should be PIL Image or ndarray. Got <class 'list'>"),
    (
        lambda: F.to_tensor(torch.ones(2, 2)),
        "TypeError: pic should be PIL Image or ndarray. Got <class 'Tensor'>",
    ),
    (lambda: F.to_tensor(np.zeros(3)), "ValueError: pic should be 2/3 dimensional. Got 1 dimensions."),
    (lambda: F.pil_to_tensor(ARRAY), "TypeError: pic should be PIL Image. Got <class 'numpy.ndarray'>"),
    (lambda: F.to_pil_image([1]), "TypeError: pic should be Tensor or ndarray. Got <class 'list'>."),
    (lambda: F.to_pil_image(torch.zeros(2)), "ValueError: pic should be 2/3 dimensional. Got 1 dimensions."),
    (
        lambda: F.to_pil_image(np.zeros((1, 2, 3, 4))),
        "ValueError: pic should be 2/3 dimensional. Got 4 dimensions.",
    ),
    (lambda: F.to_pil_image(TENSOR), "ValueError: pic should not have > 4 channels. Got 5 channels."),
    (lambda: F.to_pil_image(ARRAY), "ValueError: pic should not have > 4 channels. Got 5 channels."),
    (
        lambda: F.to_pil_image(np.zeros((2, 2), dtype=np.uint8), "F"),
        "ValueError: Incorrect mode (F) supplied for input type <class 'numpy.dtype'>. Should be L",
    ),
    (
        lambda: F.to_pil_image(torch.zeros(1, 2, 2), "RGB"),
        "ValueError: Incorrect mode (RGB) supplied for input type <class 'numpy.dtype'>. Should be L",
    ),
    (
        lambda: F.to_pil_image(torch.zeros(2, 2, 2), "L"),
        "ValueError: Only modes ['LA'] are supported for 2D inputs",
    ),
    (
        lambda: F.to_pil_image(torch.zeros(3, 2, 2), "RGBA"),
        "ValueError: Only modes ['RGB', 'YCbCr', 'HSV'] are supported for 3D inputs",
    ),
    (
        lambda: F.to_pil_image(torch.zeros(4, 2, 2), "RGB"),
        "ValueError: Only modes ['RGBA', 'CMYK', 'RGBX'] are supported for 4D inputs",
    ),
    (lambda: F.to_pil_image(np.zeros((2, 2), np.int64)), "TypeError: Input type int64 is not supported"),
    (lambda: F.to_pil_image(np.zeros((2, 2, 3), np.int32)), "TypeError: Input type int32 is not supported"),
    (lambda: F.normalize(ARRAY, 0, 1), "TypeError: img should be Tensor Image. Got <class 'numpy.ndarray'>"),
    (
        lambda: F.normalize(torch.zeros(1, 2, 2, dtype=torch.uint8), [0], [1]),
        "TypeError: Input tensor should be a float tensor. Got torch.uint8.",
    ),
    (
        lambda: F.normalize(torch.zeros(2, 2), [0], [1]),
        "ValueError: Expected tensor to be a tensor image of size (..., C, H, W). "
        "Got tensor.size() = torch.Size([2, 2])",
    ),
    (
        lambda: F.normalize(torch.zeros(1, 2, 2), [0.0], [0.0]),
        "ValueError: std evaluated to zero after conversion to torch.float32, leading to division by zero.",
    ),
    (lambda: F.hflip("x"), "TypeError: img should be PIL Image. Got <class 'str'>"),
    (lambda: F.hflip(torch.zeros(2)), "TypeError: Tensor is not a torch image."),
    (
        lambda: F.resize(TENSOR, [1, 2, 3]),
        "ValueError: Size must be an int or a 1 or 2 element tuple/list, not a 3 element tuple/list",
    ),
    (
        lambda: F.resize(TENSOR, 4, max_size=3),
        "ValueError: max_size = 3 must be strictly greater than the requested size for the smaller",
    ),
    (lambda: T.Resize(1.5), "TypeError: Size should be int or sequence. Got <class 'float'>"),
    (lambda: T.Resize([1, 2, 3]), "ValueError: If size is a sequence, it should have 1 or 2 values"),
    (lambda: T.CenterCrop([1, 2, 3]), "ValueError: Please provide only two dimensions (h, w) for size."),
    (
        lambda: T.Pad([1, 2, 3]),
        "ValueError: Padding must be an int or a 1, 2, or 4 element tuple, not a 3 element",
    ),
    (
        lambda: T.Pad(1, padding_mode="x"),
        "ValueError: Padding mode should be either constant, edge, reflect or",
    ),
    (
        lambda: T.RandomCrop(9)(image("L")),
        "ValueError: Required crop size (9, 9) is larger than input image size (3, 5)",
    ),
    (lambda: F.adjust_hue(TENSOR, 0.6), "ValueError: hue_factor (0.6) is not in [-0.5, 0.5]."),
    (lambda: F.adjust_gamma(TENSOR, -1), "ValueError: Gamma should be a non-negative real number"),
    (
        lambda: F.adjust_contrast(TENSOR, 1.0),
        "TypeError: Input image tensor permitted channel values are [3, 1], but found 5",
    ),
    (
        lambda: F.rgb_to_grayscale(torch.zeros(3, 2, 2), 2),
        "ValueError: num_output_channels should be either 1 or 3",
    ),
    (
        lambda: F.convert_image_dtype(torch.zeros(1), torch.int64),
        "RuntimeError: The cast from torch.float32 to torch.int64 cannot be performed safely.",
    ),
    (
        lambda: T.ColorJitter(brightness=-1),
        "ValueError: If brightness is a single number, it must be non negative.",
    ),
    (
        lambda: T.ColorJitter(hue=0.6),
        "ValueError: hue values should be between (-0.5, 0.5), but got [-0.6, 0.6].",
    ),
    (lambda: T.Lambda(3), "TypeError: Argument lambd should be callable, got 'int'"),
    (lambda: T.GaussianBlur(4), "ValueError: Kernel size value should be an odd and positive number."),
]


@pytest.mark.parametrize("call, text", REFUSED, ids=range(len(REFUSED)))
def test_refusals(call, text):
    with pytest.raises((TypeError, ValueError, RuntimeError, AttributeError)) as caught:
        call()
    shown = f"{type(caught.value).__name__}: {caught.value}".replace("'torch.Tensor'", "'Tensor'")
    assert shown.startswith(text)


# ---- transforms of tensors: what PyTorch computes


@pytest.mark.parametrize("text", EXPECTED["transforms"])
def test_as_pytorch_computes(text):
    x = (torch.arange(3 * 7 * 9) * 37 % 101).float().view(3, 7, 9) / 100
    u = (x * 255).to(torch.uint8)
    names = {**{name: getattr(F, name) for name in F.__all__}, "torch": torch, "x": x, "u": u}
    dtype, values = EXPECTED["transforms"][text]
    got = eval(text, names)
    assert str(got.dtype).replace("rushlight", "torch") == dtype
    np.testing.assert_allclose(got.numpy(), np.array(values), rtol=1e-5, atol=1e-6)


def test_what_the_generator_draws():
    want = EXPECTED["random"]
    x = torch.arange(200.0).view(1, 10, 20)
    torch.manual_seed(0)
    flip = T.RandomHorizontalFlip()
    assert [flip(x)[0, 0, 0].item() == 19 for _ in range(8)] == want["flips"]
    torch.manual_seed(0)
    crops = [T.RandomCrop.get_params(torch.zeros(1, 14, 12), (4, 7))[:2] for _ in range(4)]
    assert [list(c) for c in crops] == want["crops"]
    torch.manual_seed(0)
    assert [T.RandomRotation.get_params([-10, 10]) for _ in range(3)] == pytest.approx(want["angles"])
    torch.manual_seed(0)
    order, *factors, hue = T.ColorJitter.get_params((0.5, 1.5), (0.5, 1.5), (0.5, 1.5), None)
    assert [order.tolist(), *factors] == [want["jitter"][0], *(pytest.approx(v) for v in want["jitter"][1:])]
    assert hue is None


# ---- images and tensors agree

BOTH = {
    "hflip": ((), 0),
    "vflip": ((), 0),
    "crop": ((-2, 3, 9, 40), 0),
    "center_crop": (([40, 7],), 0),
    "center_crop ": ((6,), 0),
    "pad": (((1, 2, 3, 4), 7), 0),
    "pad ": ((2, 0, "edge"), 0),
    "pad  ": (([3, 1], 0, "symmetric"), 0),
    "pad   ": (([3, 1], 0, "reflect"), 0),
    "rotate": ((180.0,), 0),
    "rgb_to_grayscale": ((3,), 1),
    "adjust_brightness": ((1.4,), 1),
    "adjust_contrast": ((0.6,), 1),
    "adjust_saturation": ((1.6,), 2),
    "adjust_sharpness": ((0.3,), 1),
    "adjust_gamma": ((0.8,), 1),
    "adjust_hue": ((-0.25,), 9),  # Pillow's hues are bytes
    "invert": ((), 0),
    "gaussian_blur": (([3, 5], 1.2), 0),
    "resize": (([5, 8],), 1),
    "resize ": ((30,), 1),
}


@pytest.mark.parametrize("name", BOTH)
def test_an_image_and_its_tensor_agree(name):
    arguments, tolerance = BOTH[name]
    function = getattr(F, name.strip())
    picture = image("RGB", 20, 13)
    from_image = F.pil_to_tensor(function(picture, *arguments)).long()
    from_tensor = function(F.pil_to_tensor(picture), *arguments).long()
    assert from_image.shape == from_tensor.shape
    assert (from_image - from_tensor).abs().max() <= tolerance


def test_sizes_of_resize():
    x = torch.zeros(1, 6, 9)
    sizes = {4: (4, 6), (4,): (4, 6), (3, 5): (3, 5), 6: (6, 9), 12: (12, 18)}
    for size, expected in sizes.items():
        assert T.Resize(list(size) if isinstance(size, tuple) else size)(x).shape[1:] == expected
    assert T.Resize(4, max_size=5)(x).shape[1:] == (3, 5)
    assert T.Resize(4)(image("L", 6, 9)).size == (4, 6)
    assert T.Resize(6)(x) is x


def test_batches():
    x = torch.rand(2, 4, 3, 8, 10)
    for transform in (
        T.CenterCrop(5),
        T.Pad(1),
        T.Normalize(0.5, 0.5),
        T.Grayscale(),
        T.RandomHorizontalFlip(1.0),
    ):
        assert torch.equal(transform(x)[1, 2], transform(x[1, 2])), transform
    for transform in (T.Resize([4, 5]), T.GaussianBlur(3, 1.0)):
        assert torch.allclose(transform(x[0])[2], transform(x[0, 2])), transform


def test_inputs_stay_as_they_are():
    x = torch.rand(3, 8, 8)
    before = x.clone()
    for transform in (
        T.Normalize(0.5, 0.5),
        T.ColorJitter(0.5, 0.5, 0.5, 0.2),
        T.RandomErasing(1.0),
        T.GaussianBlur(3),
    ):
        transform(x)
        assert torch.equal(x, before), transform
    T.Normalize(0.5, 0.5, inplace=True)(x)
    assert torch.allclose(x, (before - 0.5) / 0.5)
    T.RandomErasing(1.0, value=9.0, inplace=True)(x)
    assert (x == 9).any()


def test_random_transforms():
    x = torch.arange(64.0).view(1, 8, 8)
    seen = {tuple(T.RandomCrop(7)(x)[0, 0].tolist()) for _ in range(60)}
    assert len(seen) == 4
    padded = T.RandomCrop(10, padding=1, fill=-1)(x)
    assert (padded[0, 0] == -1).all()
    assert T.RandomCrop(10, pad_if_needed=True)(x).shape == (1, 10, 10)
    assert T.RandomResizedCrop(5)(x).shape == (1, 5, 5)
    assert torch.equal(T.RandomVerticalFlip(1.0)(x), x.flip(-2))
    assert torch.equal(T.RandomVerticalFlip(0.0)(x), x)
    erased = T.RandomErasing(1.0, scale=(0.2, 0.2), ratio=(1.0, 1.0), value=-5)(x)
    assert (erased == -5).sum() == 16
    assert T.RandomGrayscale(1.0)(torch.rand(3, 4, 4)).shape == (3, 4, 4)
    assert T.RandomApply([T.CenterCrop(2)], p=1.0)(x).shape == (1, 2, 2)
    random.seed(0)
    one = T.RandomChoice([T.CenterCrop(2), T.CenterCrop(4)])
    assert {one(x).shape[-1] for _ in range(20)} == {2, 4}
    assert T.RandomOrder([T.CenterCrop(4), T.Pad(1)])(x).shape[-1] in (6, 4)


def test_antialias_is_a_filter_with_a_gradient():
    """Against the definition: triangles as wide as the scale, normalized; the gradient is the transpose."""
    x = torch.arange(7.0, dtype=torch.float64).view(1, 1, 1, 7).square().requires_grad_()
    y = torch.nn.functional.interpolate(x, size=(1, 3), mode="bilinear", antialias=True)
    places, centers = np.arange(7) + 0.5, (np.arange(3) + 0.5) * 7 / 3
    weights = np.maximum(1 - np.abs(places - centers[:, None]) * 3 / 7, 0)
    weights /= weights.sum(1, keepdims=True)
    assert y.flatten().tolist() == pytest.approx((weights @ np.arange(7.0) ** 2).tolist())
    y.backward(torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64).view(1, 1, 1, 3))
    assert x.grad.flatten().tolist() == pytest.approx((np.array([1, 2, 4]) @ weights).tolist())
    with pytest.raises(
        NotImplementedError, match="\"compute_index_ranges_weights\" not implemented for 'Half'"
    ):
        torch.nn.functional.interpolate(x.detach().half(), size=(1, 3), mode="bilinear", antialias=True)


def test_crops_of_the_corners():
    x = torch.arange(24.0).view(1, 4, 6)
    crops = T.FiveCrop(2)(x)
    assert [c[0, 0, 0].item() for c in crops] == [0, 4, 12, 16, 8]
    assert [c[0, 0, 0].item() for c in T.TenCrop(2)(x)[5:]] == [5, 1, 17, 13, 9]
    with pytest.raises(ValueError, match="Requested crop size .* is bigger than input size"):
        T.FiveCrop(9)(x)


REPRESENTATIONS = [
    (T.ToTensor(), "ToTensor()"),
    (T.ToPILImage(), "ToPILImage()"),
    (T.ToPILImage("RGB"), "ToPILImage(mode=RGB)"),
    (T.Normalize([0.5], [0.25]), "Normalize(mean=[0.5], std=[0.25])"),
    (T.Resize(256), "Resize(size=256, interpolation=bilinear, max_size=None, antialias=True)"),
    (T.CenterCrop(224), "CenterCrop(size=(224, 224))"),
    (T.Pad(2), "Pad(padding=2, fill=0, padding_mode=constant)"),
    (T.RandomCrop(32, padding=4), "RandomCrop(size=(32, 32), padding=4)"),
    (T.RandomHorizontalFlip(), "RandomHorizontalFlip(p=0.5)"),
    (
        T.RandomResizedCrop(224),
        "RandomResizedCrop(size=(224, 224), scale=(0.08, 1.0), ratio=(0.75, 1.3333), "
        "interpolation=bilinear, antialias=True)",
    ),
    (T.Grayscale(), "Grayscale(num_output_channels=1)"),
    (T.ColorJitter(0.5), "ColorJitter(brightness=(0.5, 1.5), contrast=None, saturation=None, hue=None)"),
    (
        T.RandomRotation(10),
        "RandomRotation(degrees=[-10.0, 10.0], interpolation=nearest, expand=False, fill=0)",
    ),
    (T.Lambda(abs), "Lambda()"),
    (T.Compose([T.ToTensor(), T.CenterCrop(2)]), "Compose(\n    ToTensor()\n    CenterCrop(size=(2, 2))\n)"),
    (T.RandomApply([T.ToTensor()]), "RandomApply(\n    p=0.5\n    ToTensor()\n)"),
]


@pytest.mark.parametrize(
    "transform, text", REPRESENTATIONS, ids=[type(t).__name__ for t, _ in REPRESENTATIONS]
)
def test_representation(transform, text):
    assert repr(transform) == text
