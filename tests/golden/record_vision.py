"""Records into vision.json what tests/python/test_vision_models.py and test_vision_transforms.py expect.

Run with PyTorch 2.13:

    python tests/golden/record_vision.py

torchvision is not needed: the networks are written out here as layers of PyTorch in the order in which
torchvision's constructors make them (the order decides what each layer draws from the generator), and the
transforms of tensors as the operations that its documentation names.
"""

import json
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

POOL = "pool"
VGG11 = [64, POOL, 128, POOL, 256, 256, POOL, 512, 512, POOL, 512, 512, POOL]
VGG16 = [64, 64, POOL, 128, 128, POOL, 256, 256, 256, POOL, 512, 512, 512, POOL, 512, 512, 512, POOL]


def vgg(plan, norm):
    layers, channels = [], 3
    for step in plan:
        if step == POOL:
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [
            nn.Conv2d(channels, step, 3, padding=1),
            *([nn.BatchNorm2d(step)] if norm else []),
            nn.ReLU(),
        ]
        channels = step
    head = [nn.Linear(25088, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout()]
    model = nn.Sequential(nn.Sequential(*layers), nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Sequential(*head))
    model[3].append(nn.Linear(4096, 1000))
    return draw(model, linear=True)


class Residual(nn.Module):
    """Convolutions with norms in one branch, the identity or a 1 x 1 convolution in the other."""

    def __init__(self, inputs, sizes, stride):
        super().__init__()
        outputs = sizes[-1][0]
        # torchvision makes the shortcut before the block that it belongs to.
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        self.branch = nn.ModuleList()
        for channels, kernel, step in sizes:
            conv = nn.Conv2d(inputs, channels, kernel, step, kernel // 2, bias=False)
            self.branch += [conv, nn.BatchNorm2d(channels)]
            inputs = channels

    def modules_in_order(self):
        """The block's own layers come first in torchvision's order of modules, though they were made last."""
        return [*self.branch, *(self.shortcut or [])]

    def forward(self, x):
        out = x
        for i in range(0, len(self.branch), 2):
            out = self.branch[i + 1](self.branch[i](out))
            out = out if i + 2 == len(self.branch) else out.relu()
        return (out + (x if self.shortcut is None else self.shortcut(x))).relu()


def resnet(counts, bottleneck):
    start = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)]
    blocks, inputs = [], 64
    for stage, count in enumerate(counts):
        for i in range(count):
            width, stride = 64 << stage, 2 if stage and not i else 1
            sizes = (
                [(width, 1, 1), (width, 3, stride), (4 * width, 1, 1)]
                if bottleneck
                else [(width, 3, stride), (width, 3, 1)]
            )
            blocks.append(Residual(inputs, sizes, stride))
            inputs = sizes[-1][0]
    fc = nn.Linear(inputs, 1000)
    model = nn.Sequential(
        *start, nn.ReLU(), nn.MaxPool2d(3, 2, 1), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), fc
    )
    order = [*start]
    for block in blocks:
        order += block.modules_in_order()
    draw(order, linear=False)
    return model


def inverted(inputs, outputs, stride, expansion):
    hidden = inputs * expansion
    layers = (
        []
        if expansion == 1
        else [nn.Conv2d(inputs, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6()]
    )
    layers += [
        nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
        nn.BatchNorm2d(hidden),
        nn.ReLU6(),
    ]
    return nn.Sequential(*layers, nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


class AddIfSame(nn.Module):
    def __init__(self, branch, same):
        super().__init__()
        self.branch, self.same = branch, same

    def forward(self, x):
        return x + self.branch(x) if self.same else self.branch(x)


def mobilenet_v2():
    layers = [nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU6()]
    inputs = 32
    stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2)]
    for expansion, channels, count, stride in [*stages, (6, 320, 1, 1)]:
        for i in range(count):
            step = stride if i == 0 else 1
            layers.append(
                AddIfSame(inverted(inputs, channels, step, expansion), step == 1 and inputs == channels)
            )
            inputs = channels
    layers += [nn.Conv2d(320, 1280, 1, bias=False), nn.BatchNorm2d(1280), nn.ReLU6()]
    model = nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(1280, 1000)
    )
    return draw(model, linear=True)


def alexnet():
    conv = [
        (3, 64, 11, 4, 2),
        (64, 192, 5, 1, 2),
        (192, 384, 3, 1, 1),
        (384, 256, 3, 1, 1),
        (256, 256, 3, 1, 1),
    ]
    layers = []
    for i, sizes in enumerate(conv):
        layers += [nn.Conv2d(*sizes), nn.ReLU(), *([nn.MaxPool2d(3, 2)] if i in (0, 1, 4) else [])]
    head = [nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(6), nn.Flatten(), *head, nn.Linear(4096, 1000))


def draw(model, linear):
    """torchvision's initial values, drawn in the order of the modules."""
    for module in model.modules() if isinstance(model, nn.Module) else model:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif linear and isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
            nn.init.zeros_(module.bias)
    return model


MODELS = {
    "vgg11": lambda: vgg(VGG11, norm=False),
    "vgg11_bn": lambda: vgg(VGG11, norm=True),
    "vgg16": lambda: vgg(VGG16, norm=False),
    "resnet18": lambda: resnet([2, 2, 2, 2], bottleneck=False),
    "resnet50": lambda: resnet([3, 4, 6, 3], bottleneck=True),
    "mobilenet_v2": mobilenet_v2,
    "alexnet": alexnet,
}


def summary(tensor):
    """[shape, first two values, sum of the first million]: what two equal parameters have in common."""
    flat = tensor.detach().flatten()
    return [list(tensor.shape), flat[:2].tolist(), flat[:1000000].double().sum().item()]


def picture(*shape):
    """A smooth picture of floats from 0 to 1 that both libraries compute alike."""
    count = 1
    for size in shape:
        count *= size
    return ((torch.arange(count) * 37 % 101).float() / 100).view(shape)


def record_model(make):
    """Parameters in the order of their shapes and values, and the output of the model in evaluation mode."""
    torch.manual_seed(3)
    model = make().eval()
    with torch.no_grad():
        out = model(picture(2, 3, 64, 64))
    parameters = sorted(summary(p) for p in model.parameters())
    return {"parameters": parameters, "output": [out.std().item(), *out[:, :4].flatten().tolist()]}


def transforms():
    x = picture(3, 7, 9)
    u = (x * 255).to(torch.uint8)
    gray = 0.2989 * x[0] + 0.587 * x[1] + 0.114 * x[2]

    def resized(image, size, mode, antialias):
        return F.interpolate(image[None], size=size, mode=mode, align_corners=False, antialias=antialias)[0]

    def turned(degrees, mode):
        theta = torch.tensor(degrees * torch.pi / 180)
        # affine_grid works in units of half the image, torchvision's rotation in pixels.
        cos, sin, w, h = theta.cos(), theta.sin(), 9, 7
        matrix = torch.stack(
            [cos, -sin * h / w, torch.tensor(0.0), sin * w / h, cos, torch.tensor(0.0)]
        ).view(1, 2, 3)
        grid = F.affine_grid(matrix, [1, 3, h, w], align_corners=False)
        return F.grid_sample(x[None], grid, mode=mode, align_corners=False)[0]

    cases = {
        "resize(x, [4, 5])": resized(x, [4, 5], "bilinear", True),
        "resize(x, 14)": resized(x, [14, 18], "bilinear", True),
        "resize(x, [4, 5], antialias=False)": resized(x, [4, 5], "bilinear", False),
        "resize(x, [4, 5], InterpolationMode.BICUBIC)": resized(x, [4, 5], "bicubic", True),
        "resize(x, [4, 5], InterpolationMode.NEAREST)": F.interpolate(x[None], size=[4, 5], mode="nearest")[
            0
        ],
        "resize(u, [4, 5])": resized(u.float(), [4, 5], "bilinear", True).round().to(torch.uint8),
        "rgb_to_grayscale(x)": gray[None],
        "rgb_to_grayscale(x, 3)": gray.expand(3, 7, 9),
        "adjust_brightness(x, 1.7)": (x * 1.7).clamp(0, 1),
        "adjust_brightness(u, 1.7)": (u * 1.7).clamp(0, 255).to(torch.uint8),
        "adjust_contrast(x, 0.4)": (0.4 * x + 0.6 * gray.mean()).clamp(0, 1),
        "adjust_saturation(x, 0.4)": (0.4 * x + 0.6 * gray).clamp(0, 1),
        "adjust_gamma(x, 2.2, 0.9)": (0.9 * x**2.2).clamp(0, 1),
        "convert_image_dtype(u, torch.float64)": u.double() / 255,
        "convert_image_dtype(x, torch.int16)": (x * 32767.999).to(torch.int16),
        "convert_image_dtype(u, torch.int32)": u.to(torch.int32) * 2**23,
        "normalize(x, [0.1, 0.2, 0.3], [1, 2, 4])": (x - torch.tensor([0.1, 0.2, 0.3])[:, None, None])
        / torch.tensor([1.0, 2.0, 4.0])[:, None, None],
        "pad(x, [1, 2], padding_mode='reflect')": F.pad(x[None], [1, 1, 2, 2], mode="reflect")[0],
        "rotate(x, 33.0)": turned(33.0, "nearest"),
        "rotate(x, 30.0, InterpolationMode.BILINEAR)": turned(30.0, "bilinear"),
    }
    return {text: [str(value.dtype), value.tolist()] for text, value in cases.items()}


def random_draws():
    """What the random transforms draw from the generator after manual_seed(0)."""
    torch.manual_seed(0)
    flips = [bool(torch.rand(1) < 0.5) for _ in range(8)]
    torch.manual_seed(0)
    crops = [
        [torch.randint(0, 11, size=(1,)).item(), torch.randint(0, 6, size=(1,)).item()] for _ in range(4)
    ]
    torch.manual_seed(0)
    angles = [torch.empty(1).uniform_(-10.0, 10.0).item() for _ in range(3)]
    torch.manual_seed(0)
    jitter = [torch.randperm(4).tolist(), *(torch.empty(1).uniform_(0.5, 1.5).item() for _ in range(3))]
    return {"flips": flips, "crops": crops, "angles": angles, "jitter": jitter}


if __name__ == "__main__":
    answers = {
        "models": {name: record_model(make) for name, make in MODELS.items()},
        "transforms": transforms(),
        "random": random_draws(),
    }
    Path(__file__).with_name("vision.json").write_text(json.dumps(answers) + "\n")
