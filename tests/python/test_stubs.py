"""The types that the build writes (scripts/write_stubs.py), as mypy applies them to a program of a user."""

import subprocess
import sys
from pathlib import Path

import pytest

import rushlight

PACKAGE = Path(rushlight._C.__file__).parent

PROGRAM = """
import rushlight as torch
from rushlight import Tensor, nn, optim
from rushlight.nn import functional as F
from rushlight.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(4, hidden, bias=False)
        self.fc2 = nn.Linear(hidden, 2)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.drop(F.relu(self.fc1(x))))


def scaled(x: Tensor) -> Tensor:
    return (torch.exp(x) * 2 + 1).view(2, -1).transpose(0, 1)


net = Net(8)
layers: list[nn.Module] = [net]
layers += [nn.Sequential(nn.Linear(1, 2), nn.ReLU()), nn.ModuleList([nn.Conv2d(1, 2, 3)])]
optimizer = optim.Adam(net.parameters(), lr=0.01)
x = torch.randn(8, 4)
for inputs, labels in DataLoader(TensorDataset(x, torch.randint(0, 2, (8,))), batch_size=4):
    loss = F.cross_entropy(net(inputs), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with torch.no_grad():
    a: Tensor = scaled(torch.zeros(2, 3, dtype=torch.float64))
b: int = a.dim()
c: torch.Size = a.shape
largest, where = a.max(dim=0)
nn.init.zeros_(net.fc2.weight)
torch.save(net.state_dict(), "net.pt")
"""

MISTAKES = [
    "d: str = torch.exp(a)",
    'torch.exp("x")',
    "F.relu(3)",
    "F.relux(a)",
    "torch.expp(a)",
    "nn.Linear(4)",
    "nn.Linear(4, 2, bais=True)",
    "nn.Linea(4, 2)",
    "nn.init.zeroes_(a)",
    "a.clamp(minimum=3)",
]


def complaints(folder, text):
    """The lines of `text` that mypy objects to."""
    (folder / "program.py").write_text(text)
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(folder / "cache"), "program.py"]
    run = subprocess.run(
        command,
        cwd=folder,
        env={"MYPYPATH": str(PACKAGE.parent), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    lines = [line.split(":") for line in run.stdout.splitlines() if ": error: " in line]
    assert all(line[0] == "program.py" for line in lines), run.stdout
    assert lines or "no issues found" in run.stdout, run.stdout + run.stderr
    return [text.splitlines()[int(line[1]) - 1] for line in lines]


def test_a_program_and_its_mistakes(tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed")
    assert complaints(tmp_path, PROGRAM) == []
    assert complaints(tmp_path, PROGRAM + "\n".join(MISTAKES) + "\n") == MISTAKES


def test_every_declared_name_has_a_type():
    """Each operation of the table, each layer and each function behind it is a name of the stubs."""
    files = {path.stem: path.read_text() for path in (PACKAGE / "_C").glob("*.pyi")}
    module = rushlight._C
    homes = {
        "torch": "__init__",
        "torch.nn.functional": "_nn",
        "torch.nn.init": "_init",
        "torch.special": "_special",
    }
    for row in module._operations():
        text = files[homes[row["module"]]]
        if row["function"]:
            assert f"\ndef {row['name']}(" in text, row["name"]
        if row["method"]:
            is_property = f"\n    {row['name']}: " in text
            assert is_property or f"\n    def {row['name']}(self" in text, row["name"]
        if row["inplace"] and row["method"]:
            assert f"\n    def {row['name']}_(self" in text, row["name"]
    for name, value in vars(module._modules).items():
        if isinstance(value, type):
            assert f"\nclass {name}(Module):" in files["_modules"], name
