"""The networks of group 7, as a PyTorch program would write them. `training(name)` and `inference(name)` give
a step to time: a function without arguments that returns the loss, or the logits.

Weights and batches come from seeded generators, so that both libraries compute the same numbers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def perceptron(*widths: int, activation=nn.ReLU) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in zip(widths, widths[1:], strict=False):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


def conv_block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def mnist_convnet() -> nn.Sequential:
    return nn.Sequential(
        conv_block(1, 16),
        nn.MaxPool2d(2),
        conv_block(16, 32),
        nn.MaxPool2d(2),
        conv_block(32, 64),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def cifar_convnet() -> nn.Sequential:
    return nn.Sequential(
        conv_block(3, 32),
        conv_block(32, 32),
        nn.MaxPool2d(2),
        conv_block(32, 64),
        conv_block(64, 64),
        nn.MaxPool2d(2),
        conv_block(64, 128),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(128, 10),
    )


class Residual(nn.Module):
    """He et al., 2015: two 3x3 convolutions, or a bottleneck of three; the shortcut is projected where the
    shape changes.
    """

    def __init__(self, inputs: int, width: int, stride: int, bottleneck: bool):
        super().__init__()
        outputs = 4 * width if bottleneck else width
        if bottleneck:
            sizes = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
        else:
            sizes = [(inputs, width, 3, stride), (width, outputs, 3, 1)]
        layers: list[nn.Module] = []
        for a, b, kernel, step in sizes:
            layers += [
                nn.Conv2d(a, b, kernel, step, kernel // 2, bias=False),
                nn.BatchNorm2d(b),
                nn.ReLU(inplace=True),
            ]
        self.body = nn.Sequential(*layers[:-1])
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x))


def resnet(blocks: tuple[int, ...], bottleneck: bool, classes: int = 1000) -> nn.Sequential:
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for stage, count in enumerate(blocks):
        width = 64 << stage
        for k in range(count):
            layers.append(Residual(inputs, width, 2 if stage and k == 0 else 1, bottleneck))
            inputs = 4 * width if bottleneck else width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


def vgg16() -> nn.Sequential:
    layers: list[nn.Module] = []
    inputs = 3
    for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
            inputs = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), perceptron(512 * 7 * 7, 4096, 4096, 1000))


class TextModel(nn.Module):
    """Predicts the next of 100 characters at each place; `body` maps (N, T, width) to (N, T, width)."""

    def __init__(self, width: int, length: int, body: nn.Module):
        super().__init__()
        self.characters = nn.Embedding(100, width)
        self.places = nn.Embedding(length, width)
        self.body = body
        self.head = nn.Linear(width, 100)

    def forward(self, text):
        x = self.characters(text) + self.places(torch.arange(text.shape[1]))
        x = self.body(x)
        return self.head(x[0] if isinstance(x, tuple) else x).flatten(0, 1)


def transformer(layers: int, width: int, heads: int, length: int) -> TextModel:
    layer = nn.TransformerEncoderLayer(
        width, heads, 4 * width, dropout=0.0, batch_first=True, norm_first=True
    )
    return TextModel(width, length, nn.TransformerEncoder(layer, layers, enable_nested_tensor=False))


def images(count: int, channels: int, size: int):
    return torch.randn(count, channels, size, size), torch.randint(0, 10, (count,))


def text(count: int, length: int):
    both = torch.randint(0, 100, (count, length + 1))
    return both[:, :-1], both[:, 1:].reshape(-1)


# name: (network, batch, loss, optimizer)
TRAINING = {
    "perceptron 2-16-16-1, batch 4": (
        lambda: perceptron(2, 16, 16, 1, activation=nn.Tanh),
        lambda: (torch.rand(4, 2), torch.rand(4, 1)),
        F.mse_loss,
        lambda p: torch.optim.SGD(p, lr=0.1),
    ),
    "perceptron 2-16-16-1, batch 64, Adam": (
        lambda: perceptron(2, 16, 16, 1, activation=nn.Tanh),
        lambda: (torch.rand(64, 2), torch.rand(64, 1)),
        F.mse_loss,
        lambda p: torch.optim.Adam(p, lr=0.01),
    ),
    "perceptron 784-256-128-10, batch 64": (
        lambda: perceptron(784, 256, 128, 10),
        lambda: (torch.randn(64, 784), torch.randint(0, 10, (64,))),
        F.cross_entropy,
        lambda p: torch.optim.Adam(p),
    ),
    "MNIST convnet, batch 64": (
        mnist_convnet,
        lambda: images(64, 1, 28),
        F.cross_entropy,
        lambda p: torch.optim.AdamW(p, lr=1e-3),
    ),
    "CIFAR convnet, batch 64": (
        cifar_convnet,
        lambda: images(64, 3, 32),
        F.cross_entropy,
        lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=5e-4),
    ),
    "ResNet-18 at 224, batch 4": (
        lambda: resnet((2, 2, 2, 2), bottleneck=False),
        lambda: images(4, 3, 224),
        F.cross_entropy,
        lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=1e-4),
    ),
    "LSTM, 2 layers of 128, 32 x 32": (
        lambda: TextModel(128, 32, nn.LSTM(128, 128, 2, batch_first=True)),
        lambda: text(32, 32),
        F.cross_entropy,
        lambda p: torch.optim.Adam(p, lr=1e-3),
    ),
    "transformer, 2 layers of 64, 16 x 64": (
        lambda: transformer(2, 64, 4, 64),
        lambda: text(16, 64),
        F.cross_entropy,
        lambda p: torch.optim.AdamW(p, lr=1e-3),
    ),
    "transformer, 6 layers of 256, 8 x 128": (
        lambda: transformer(6, 256, 8, 128),
        lambda: text(8, 128),
        F.cross_entropy,
        lambda p: torch.optim.AdamW(p, lr=1e-3),
    ),
}
INFERENCE = {"VGG16": vgg16, "ResNet-50": lambda: resnet((3, 4, 6, 3), bottleneck=True)}


def training(name: str):
    """One step of training: gradients to zero, forward, backward, update. Returns the loss before it."""
    network, batch, loss_of, optimizer_of = TRAINING[name]
    torch.manual_seed(0)
    model = network().train()
    inputs, targets = batch()
    optimizer = optimizer_of(model.parameters())

    def step():
        optimizer.zero_grad()
        loss = loss_of(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss

    return step


def inference(name: str, batch: int):
    torch.manual_seed(0)
    model = INFERENCE[name]().eval()
    inputs = torch.randn(batch, 3, 224, 224)

    def step():
        with torch.no_grad():
            return model(inputs)

    return step
