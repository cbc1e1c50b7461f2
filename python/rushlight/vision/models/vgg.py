"""VGG (Simonyan and Zisserman 2014, "Very deep convolutional networks for large-scale image recognition")."""

import rushlight as torch
from rushlight import nn
from rushlight.vision.models._initial import initialize
from rushlight.vision.models._weights import builder, checkpoints

# Channels of the 3 x 3 convolutions between poolings, by depth: columns A, B, D and E of the paper's table 1.
STAGES = {
    11: [[64], [128], [256] * 2, [512] * 2, [512] * 2],
    13: [[64] * 2, [128] * 2, [256] * 2, [512] * 2, [512] * 2],
    16: [[64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3],
    19: [[64] * 2, [128] * 2, [256] * 4, [512] * 4, [512] * 4],
}
FILES = {
    "vgg11": "vgg11-8a719046.pth",
    "vgg11_bn": "vgg11_bn-6002323d.pth",
    "vgg13": "vgg13-19584684.pth",
    "vgg13_bn": "vgg13_bn-abd245e5.pth",
    "vgg16": "vgg16-397923af.pth",
    "vgg16_bn": "vgg16_bn-6c64b313.pth",
    "vgg19": "vgg19-dcbb9e9d.pth",
    "vgg19_bn": "vgg19_bn-c79401a0.pth",
}


class VGG(nn.Module):
    """Convolutions, an average to 7 x 7, and three fully connected layers: (N, 3, H, W) to (N, num_classes).

    H and W are 32 or more; checkpoints were trained at 224.
    """

    def __init__(self, features, num_classes=1000, init_weights=True, dropout=0.5):
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, num_classes),
        )
        if init_weights:
            initialize(self)

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def make_features(depth, batch_norm):
    """The convolutional layers of the network with this many weight layers."""
    layers: list[nn.Module] = []
    channels = 3
    for stage in STAGES[depth]:
        for out in stage:
            layers += [nn.Conv2d(channels, out, kernel_size=3, padding=1)]
            layers += [nn.BatchNorm2d(out)] if batch_norm else []
            layers += [nn.ReLU(inplace=True)]
            channels = out
        layers += [nn.MaxPool2d(kernel_size=2, stride=2)]
    return nn.Sequential(*layers)


def build(depth, batch_norm, pretrained=False, **kwargs):
    """VGG of the depth that its name says, with batch normalization if it ends in _bn."""
    if pretrained:  # the values come from the checkpoint
        kwargs["init_weights"] = False
    return VGG(make_features(depth, batch_norm), **kwargs)


def _define(name):
    entries: dict[str, tuple] = {"IMAGENET1K_V1": (FILES[name], {}, 1000)}
    if name == "vgg16":  # the features of Liu et al. (SSD); its classifier is not meant to be used
        statistics = {"mean": (0.48235, 0.45882, 0.40784), "std": (1.0 / 255.0,) * 3}
        entries["IMAGENET1K_FEATURES"] = ("vgg16_features-amdegroot-88682ab5.pth", statistics, None)
    weights = checkpoints(f"{name.upper()}_Weights", **entries)
    depth, _, norm = name[3:].partition("_")
    return weights, builder(weights, build, name, depth=int(depth), batch_norm=norm == "bn")


VGG11_Weights, vgg11 = _define("vgg11")
VGG11_BN_Weights, vgg11_bn = _define("vgg11_bn")
VGG13_Weights, vgg13 = _define("vgg13")
VGG13_BN_Weights, vgg13_bn = _define("vgg13_bn")
VGG16_Weights, vgg16 = _define("vgg16")
VGG16_BN_Weights, vgg16_bn = _define("vgg16_bn")
VGG19_Weights, vgg19 = _define("vgg19")
VGG19_BN_Weights, vgg19_bn = _define("vgg19_bn")

__all__ = [name for name in globals() if name.lower().startswith("vgg")]
