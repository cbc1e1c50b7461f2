"""rushlight.vision.models: parameters, initial values and outputs as torchvision gives them under a seed.

tests/golden/vision.json holds what the same layers of PyTorch give (record_vision.py writes them out).
"""

from __future__ import annotations

import json
import pathlib
import warnings

import pytest
from programs import output, python, write
from rushlight.vision import models

import rushlight as torch

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "vision.json"
EXPECTED = json.loads(GOLDEN.read_text())["models"]


def summary(tensor):
    flat = tensor.detach().flatten()
    return [list(tensor.shape), flat[:2].tolist(), flat[:1000000].double().sum().item()]


def picture(*shape):
    count = torch.Size(shape).numel()
    return ((torch.arange(count) * 37 % 101).float() / 100).view(shape)


@pytest.mark.parametrize("name", EXPECTED)
def test_initial_values_and_output(name):
    torch.manual_seed(3)
    model = models.get_model(name).eval()
    got = sorted(summary(p) for p in model.parameters())
    want = EXPECTED[name]["parameters"]
    assert [p[0] for p in got] == [p[0] for p in want]
    for (_, first, total), (_, expected_first, expected_total) in zip(got, want, strict=True):
        assert first == pytest.approx(expected_first, rel=1e-6)
        assert total == pytest.approx(expected_total, rel=1e-6, abs=1e-6)
    with torch.no_grad():
        out = model(picture(2, 3, 64, 64))
    spread, *values = EXPECTED[name]["output"]
    assert [out.std().item(), *out[:, :4].flatten().tolist()] == pytest.approx(
        [spread, *values], rel=1e-3, abs=1e-3 * spread
    )


def test_names_of_vgg16():
    model = models.vgg16(init_weights=False)
    convolutions = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    layers = [f"features.{i}" for i in convolutions] + [f"classifier.{i}" for i in (0, 3, 6)]
    assert list(model.state_dict()) == [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]
    assert sum(p.numel() for p in model.parameters()) == 138357544
    assert str(model).splitlines()[:5] == [
        "VGG(",
        "  (features): Sequential(",
        "    (0): Conv2d(3, 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
        "    (1): ReLU(inplace=True)",
        "    (2): Conv2d(64, 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    ]


def test_builders_take_torchvisions_arguments():
    model = models.vgg11(num_classes=7, dropout=0.25, init_weights=False)
    assert model.classifier[6].out_features == 7
    assert model.classifier[2].p == 0.25
    small = models.mobilenet_v2(width_mult=0.25, num_classes=3)
    assert small(torch.zeros(2, 3, 32, 32)).shape == (2, 3)
    assert small.features[1].out_channels == 8
    dilated = models.resnet50(replace_stride_with_dilation=[False, True, True], num_classes=2)
    assert dilated.layer4[1].conv2.dilation == (4, 4)
    residual = models.resnet18(zero_init_residual=True, norm_layer=lambda c: torch.nn.GroupNorm(4, c))
    assert isinstance(residual.bn1, torch.nn.GroupNorm)
    assert residual.layer1[0].bn2.weight.abs().sum() == 0
    with pytest.raises(ValueError, match="BasicBlock only supports groups=1 and base_width=64"):
        models.resnet18(groups=2)
    with pytest.raises(ValueError, match="should be None or a 3-element tuple, got"):
        models.resnet50(replace_stride_with_dilation=[True])
    with pytest.raises(ValueError, match="Unknown model vgg12"):
        models.get_model("vgg12")


def test_every_model_computes_and_trains():
    for name in ("vgg11_bn", "resnet34", "mobilenet_v2", "alexnet"):
        model = models.get_model(name, num_classes=4)
        loss = torch.nn.functional.cross_entropy(model(picture(2, 3, 64, 64)), torch.tensor([1, 3]))
        loss.backward()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters()), name


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty folder of checkpoints."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    assert torch.hub.get_dir() == str(tmp_path / "hub")
    return folder


def test_a_missing_checkpoint_is_named(hub):
    for call in (
        lambda: models.vgg16(weights="DEFAULT"),
        lambda: models.VGG16_Weights.DEFAULT.get_state_dict(),
    ):
        with pytest.raises(FileNotFoundError) as caught:
            call()
        assert "https://download.pytorch.org/models/vgg16-397923af.pth" in str(caught.value)
        assert str(hub / "vgg16-397923af.pth") in str(caught.value)
    assert not list(hub.iterdir())


def test_a_local_checkpoint_is_loaded_by_name(hub):
    torch.manual_seed(1)
    published = models.resnet18()
    torch.save(published.state_dict(), hub / "resnet18-f37072fd.pth")
    model = models.resnet18(weights=models.ResNet18_Weights.IMAGENET1K_V1)
    for name, value in published.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    with pytest.raises(
        ValueError, match="The parameter 'num_classes' expected value 1000 but got 10 instead."
    ):
        models.resnet18(weights="IMAGENET1K_V1", num_classes=10)


def test_the_older_arguments_warn(hub):
    torch.save(models.mobilenet_v2().state_dict(), hub / "mobilenet_v2-b0353104.pth")
    removed = "deprecated since 0.13 and may be removed in the future"
    instead = "The current behavior is equivalent to passing `weights=MobileNet_V2_Weights.IMAGENET1K_V1`."
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        models.mobilenet_v2(pretrained=True)
        models.mobilenet_v2(True)
        models.mobilenet_v2(pretrained=False)
    texts = [str(w.message) for w in caught]
    assert all(w.category is UserWarning for w in caught)
    assert texts[0] == f"The parameter 'pretrained' is {removed}, please use 'weights' instead."
    best = "You can also use `weights=MobileNet_V2_Weights.DEFAULT` to get the most up-to-date weights."
    other = "Arguments other than a weight enum or `None` for 'weights' are"
    assert texts[1] == f"{other} {removed}. {instead} {best}"
    assert texts[2].startswith(f"Using 'weights' as positional parameter(s) is {removed}. Please use keyword")
    assert texts[3] == texts[1]
    assert texts[5].endswith("The current behavior is equivalent to passing `weights=None`.")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        models.mobilenet_v2(weights=None)


def test_weights_by_name():
    entry = models.get_weight("ResNet50_Weights.IMAGENET1K_V2")
    assert (
        entry is models.ResNet50_Weights.DEFAULT is models.ResNet50_Weights.verify("ResNet50_Weights.DEFAULT")
    )
    assert str(entry) == repr(entry) == "ResNet50_Weights.IMAGENET1K_V2"
    assert entry.url.endswith("/resnet50-11ad3fa6.pth")
    assert models.get_model_weights("vgg16") is models.VGG16_Weights
    with pytest.raises(TypeError, match="expected VGG16_Weights but received ResNet50_Weights"):
        models.vgg16(weights=entry)
    with pytest.raises(ValueError, match="Invalid weight name provided: 'nonesuch'."):
        models.get_weight("nonesuch")
    preset = models.VGG16_Weights.DEFAULT.transforms()
    assert preset(torch.zeros(2, 3, 300, 280, dtype=torch.uint8)).shape == (2, 3, 224, 224)
    assert preset(torch.full((3, 256, 256), 255, dtype=torch.uint8))[:, 0, 0].tolist() == pytest.approx(
        [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    )


def test_torchvision_is_this_package(tmp_path):
    code = """
        import rushlight.vision.models, torch, torchvision
        from torchvision.models import vgg16
        from torchvision.transforms import functional as F
        import torchvision.transforms as T
        print(torchvision is rushlight.vision, vgg16 is torchvision.models.vgg16, T.functional is F)
        print(torchvision.__version__, torch.hub.get_dir().endswith("hub"))
        model = torchvision.models.resnet18(num_classes=2)
        model.eval()
        print(model.training, model.bn1.training)
        try:
            torchvision.models.vgg16(pretrained=True)
        except FileNotFoundError as error:
            print("vgg16-397923af.pth and save it as" in str(error))
        torchvision.datasets
    """
    write(tmp_path, "program.py", code)
    done = python("-W", "ignore", "-m", "rushlight", "program.py", folder=tmp_path, TORCH_HOME=str(tmp_path))
    assert done.stdout.splitlines() == ["True True True", "0.28.0 True", "False False", "True"]
    assert "AttributeError: module 'torchvision' has no attribute 'datasets'" in done.stderr
    code = (
        "import rushlight; rushlight.as_torch(); import torchvision; print(torchvision.models.vgg16.__name__)"
    )
    assert output("-c", code, folder=tmp_path) == "vgg16\n"
