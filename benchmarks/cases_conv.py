"""Group 5: the distinct convolutions of three well-known networks, small images, pooling and batch norm."""

from __future__ import annotations

from dataclasses import dataclass

from cases import Case, threads_text
from rushlight.vision.models.mobilenetv2 import STAGES


@dataclass(frozen=True)
class Layer:
    inputs: int
    outputs: int
    size: int  # of the image, square
    kernel: int
    stride: int = 1
    groups: int = 1

    @property
    def padding(self) -> int:
        return self.kernel // 2

    @property
    def out_size(self) -> int:
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    def flops(self, batch: int) -> float:
        return 2.0 * batch * self.outputs * self.out_size**2 * self.inputs // self.groups * self.kernel**2

    @property
    def text(self) -> str:
        text = f"{self.kernel}x{self.kernel} {self.inputs}-{self.outputs} at {self.size}"
        if self.stride > 1:
            text += f", stride {self.stride}"
        if self.groups > 1:
            text += ", depthwise" if self.groups == self.inputs else f", {self.groups} groups"
        return text


# Simonyan and Zisserman, 2014, table 1, D.
VGG16 = [
    Layer(3, 64, 224, 3),
    Layer(64, 64, 224, 3),
    Layer(64, 128, 112, 3),
    Layer(128, 128, 112, 3),
    Layer(128, 256, 56, 3),
    Layer(256, 256, 56, 3),
    Layer(256, 512, 28, 3),
    Layer(512, 512, 28, 3),
    Layer(512, 512, 14, 3),
]


def resnet50() -> list[Layer]:
    """He et al., 2015, table 1; the stride is in the 3x3 convolution."""
    layers, inputs, size = [Layer(3, 64, 224, 7, 2)], 64, 56
    for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        out = 4 * width
        layers += [
            Layer(inputs, width, size, 1),
            Layer(width, width, size, 3, stride),
            Layer(width, out, size // stride, 1),
            Layer(inputs, out, size, 1, stride),
            Layer(out, width, size // stride, 1),
        ]
        inputs, size = out, size // stride
        if width > 64:
            layers.append(Layer(width, width, size, 3))
    return layers


def mobilenet_v2() -> list[Layer]:
    """Its layers at width 1, by the table that the model itself is built from."""
    layers, inputs, size = [Layer(3, 32, 224, 3, 2)], 32, 112
    for expansion, outputs, repeats, stride in STAGES:
        for step in (stride, *[1] * (repeats - 1)):
            hidden = inputs * expansion
            if expansion > 1:
                layers.append(Layer(inputs, hidden, size, 1))
            layers.append(Layer(hidden, hidden, size, 3, step, hidden))
            size //= step
            layers.append(Layer(hidden, outputs, size, 1))
            inputs = outputs
    return [*layers, Layer(320, 1280, 7, 1)]


NETWORKS = {"VGG16": VGG16, "ResNet-50": resnet50(), "MobileNetV2": mobilenet_v2()}
SMALL = [
    Layer(1, 16, 28, 3),
    Layer(16, 32, 14, 3),
    Layer(1, 6, 28, 5),
    Layer(3, 32, 32, 3),
    Layer(32, 64, 16, 3, 2),
    Layer(64, 64, 16, 3, 1, 4),
    Layer(64, 128, 8, 3),
]
QUICK = {
    Layer(64, 128, 112, 3),
    Layer(256, 256, 56, 3),
    Layer(64, 64, 56, 3),
    Layer(256, 64, 56, 1),
    Layer(144, 144, 56, 3, 1, 144),
    Layer(16, 32, 14, 3),
    Layer(3, 32, 32, 3),
}

# name: (set-up, timed); the images are (8, 64, 56, 56)
POOLS = {
    "max_pool2d 2": "F.max_pool2d(a, 2)",
    "max_pool2d 3, stride 2": "F.max_pool2d(a, 3, 2, 1)",
    "avg_pool2d 2": "F.avg_pool2d(a, 2)",
    "avg_pool2d 3, stride 1": "F.avg_pool2d(a, 3, 1, 1)",
    "adaptive_avg_pool2d 1": "F.adaptive_avg_pool2d(a, 1)",
    "batch_norm, training": "F.batch_norm(a, None, None, w, v, True)",
    "batch_norm, inference": "F.batch_norm(a, v, w * w, w, v)",
    "group_norm": "F.group_norm(a, 8, w, v)",
}


def _setup(layer: Layer, batch: int) -> str:
    shape = f"{layer.outputs}, {layer.inputs // layer.groups}, {layer.kernel}, {layer.kernel}"
    images = f"{batch}, {layer.inputs}, {layer.size}, {layer.size}"
    return f"a = x({images}).requires_grad_(); w = (x({shape}) / 8).requires_grad_()"


def _call(layer: Layer) -> str:
    return f"F.conv2d(a, w, None, {layer.stride}, {layer.padding}, 1, {layer.groups})"


def convolution(
    network: str, layer: Layer, batches=((1, 1), (1, 2), (8, 2)), dtype: str = "float32"
) -> list[Case]:
    out = []
    for batch, threads in batches:
        where = f"batch {batch}, {threads_text(threads)}"
        if dtype != "float32":
            where += f", {dtype}"
        common = {"threads": threads, "dtype": dtype}
        quick = (
            layer in QUICK
            and dtype == "float32"
            and (batch, threads) in ((1, 1), (8, 2))
            and layer.size < 200
        )
        name = f"{network}: {layer.text}"
        setup = _setup(layer, batch)
        forward = setup.replace(".requires_grad_()", "")
        out.append(
            Case(
                5,
                name,
                f"{where}, forward",
                _call(layer),
                forward,
                flops=layer.flops(batch),
                quick=quick,
                **common,
            )
        )
        run = "torch.autograd.grad(y, (a, w), g, retain_graph=True)"
        # The first layer of a network needs no gradient of its images.
        if layer.inputs <= 3:
            run = "torch.autograd.grad(y, w, g, retain_graph=True)"
        flops = layer.flops(batch) * (1 if layer.inputs <= 3 else 2)
        shape = f"{batch}, {layer.outputs}, {layer.out_size}, {layer.out_size}"
        backward = f"{setup}; y = {_call(layer)}; g = x({shape})"
        out.append(
            Case(
                5,
                name,
                f"{where}, gradients",
                run,
                backward,
                flops=flops,
                quick=quick and batch == 8,
                **common,
            )
        )
    return out


def cases() -> list[Case]:
    out = []
    for network, layers in NETWORKS.items():
        for layer in dict.fromkeys(layers):
            out += convolution(network, layer)
    for layer in SMALL:
        out += convolution("small", layer, ((1, 1), (64, 1), (64, 2)))
    out += convolution("small", SMALL[3], ((64, 1),), "float64")
    out += convolution("small", SMALL[3], ((64, 1),), "bfloat16")
    for name, run in POOLS.items():
        for threads in (1, 2):
            setup = "a = x(8, 64, 56, 56); w = x(64, lo=0.5, hi=2); v = x(64)"
            where = threads_text(threads)
            out.append(
                Case(5, name, f"batch 8, {where}, forward", run, setup, threads=threads, quick=threads == 1)
            )
            setup = setup.replace("56)", "56).requires_grad_()") + f"; y = {run}; g = torch.rand_like(y)"
            back = "torch.autograd.grad(y, a, g, retain_graph=True)"
            out.append(
                Case(
                    5, name, f"batch 8, {where}, gradients", back, setup, threads=threads, quick=threads == 1
                )
            )
    return out
