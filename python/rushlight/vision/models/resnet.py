"""ResNet (He et al. 2015, "Deep residual learning for image recognition"), striding in 3 x 3 convolutions."""

import rushlight as torch
from rushlight import nn
from rushlight.vision.models._initial import initialize
from rushlight.vision.models._weights import builder, checkpoints


def conv3x3(inputs, outputs, stride=1, groups=1, dilation=1):
    return nn.Conv2d(
        inputs,
        outputs,
        kernel_size=3,
        stride=stride,
        padding=dilation,
        groups=groups,
        bias=False,
        dilation=dilation,
    )


def conv1x1(inputs, outputs, stride=1):
    return nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=False)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside the identity."""

    expansion = 1

    def __init__(
        self,
        inplanes,
        planes,
        stride=1,
        downsample=None,
        groups=1,
        base_width=64,
        dilation=1,
        norm_layer=None,
    ):
        super().__init__()
        norm_layer = norm_layer or nn.BatchNorm2d
        if groups != 1 or base_width != 64:
            raise ValueError("BasicBlock only supports groups=1 and base_width=64")
        if dilation > 1:
            raise NotImplementedError("Dilation > 1 not supported in BasicBlock")
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm_layer(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm_layer(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions beside the identity, with fewer channels in the middle."""

    expansion = 4

    def __init__(
        self,
        inplanes,
        planes,
        stride=1,
        downsample=None,
        groups=1,
        base_width=64,
        dilation=1,
        norm_layer=None,
    ):
        super().__init__()
        norm_layer = norm_layer or nn.BatchNorm2d
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm_layer(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm_layer(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm_layer(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class ResNet(nn.Module):
    """A convolution, four stages of residual blocks, a linear layer: (N, 3, H, W) to (N, num_classes)."""

    def __init__(
        self,
        block,
        layers,
        num_classes=1000,
        zero_init_residual=False,
        groups=1,
        width_per_group=64,
        replace_stride_with_dilation=None,
        norm_layer=None,
    ):
        super().__init__()
        self._norm_layer = norm_layer or nn.BatchNorm2d
        self.inplanes = 64
        self.dilation = 1
        dilate = [False] * 3 if replace_stride_with_dilation is None else replace_stride_with_dilation
        if len(dilate) != 3:
            raise ValueError(
                "replace_stride_with_dilation should be None or a 3-element tuple, "
                f"got {replace_stride_with_dilation}"
            )
        self.groups = groups
        self.base_width = width_per_group
        self.conv1 = nn.Conv2d(3, self.inplanes, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = self._norm_layer(self.inplanes)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 64, layers[0])
        self.layer2 = self._make_layer(block, 128, layers[1], stride=2, dilate=dilate[0])
        self.layer3 = self._make_layer(block, 256, layers[2], stride=2, dilate=dilate[1])
        self.layer4 = self._make_layer(block, 512, layers[3], stride=2, dilate=dilate[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        initialize(self, linear=False)
        if zero_init_residual:
            self._begin_as_identities()

    def _begin_as_identities(self):
        """Zero for the last norm of every block (Goyal et al. 2017)."""
        for module in self.modules():
            if isinstance(module, Bottleneck) and module.bn3.weight is not None:
                nn.init.zeros_(module.bn3.weight)
            elif isinstance(module, BasicBlock) and module.bn2.weight is not None:
                nn.init.zeros_(module.bn2.weight)

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        downsample, before = None, self.dilation
        if dilate:
            self.dilation *= stride
            stride = 1
        if stride != 1 or self.inplanes != planes * block.expansion:
            downsample = nn.Sequential(
                conv1x1(self.inplanes, planes * block.expansion, stride),
                self._norm_layer(planes * block.expansion),
            )
        made = []
        for i in range(blocks):
            first = (stride, downsample) if i == 0 else (1, None)
            dilation = before if i == 0 else self.dilation
            made.append(
                block(self.inplanes, planes, *first, self.groups, self.base_width, dilation, self._norm_layer)
            )
            self.inplanes = planes * block.expansion
        return nn.Sequential(*made)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def build(block, layers, pretrained=False, **kwargs):
    """ResNet of the depth that its name says."""
    return ResNet(block, layers, **kwargs)


def _define(name, block, layers, *files):
    entries = {
        f"IMAGENET1K_V{i}": (f"{name}-{file}.pth", {"resize_size": 232} if i == 2 else {}, 1000)
        for i, file in enumerate(files, 1)
    }
    weights = checkpoints(f"{name.replace('resnet', 'ResNet')}_Weights", **entries)
    return weights, builder(weights, build, name, block=block, layers=layers)


ResNet18_Weights, resnet18 = _define("resnet18", BasicBlock, [2, 2, 2, 2], "f37072fd")
ResNet34_Weights, resnet34 = _define("resnet34", BasicBlock, [3, 4, 6, 3], "b627a593")
ResNet50_Weights, resnet50 = _define("resnet50", Bottleneck, [3, 4, 6, 3], "0676ba61", "11ad3fa6")
ResNet101_Weights, resnet101 = _define("resnet101", Bottleneck, [3, 4, 23, 3], "63fe2227", "cd907fc2")
ResNet152_Weights, resnet152 = _define("resnet152", Bottleneck, [3, 8, 36, 3], "394f9c45", "f82ba261")

__all__ = [name for name in globals() if name.lower().startswith("resnet")]
