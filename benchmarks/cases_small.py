"""Group 1: what a call costs when there is next to nothing to compute."""

from __future__ import annotations

from cases import Case

VECTOR = "a = x(4); c = x(4)"
MATRIX = "a = x(4, 4); c = x(4, 4)"
TRACKED = "a = x(4).requires_grad_(); c = x(4)"

# name: (set-up, timed, NumPy's way)
CALLS = {
    "a + c": (VECTOR, "a + c", "a + c"),
    "torch.add(a, c)": (VECTOR, "torch.add(a, c)", "np.add(a, c)"),
    "a.add_(c)": (VECTOR, "a.add_(c)", ""),
    "a += 1": ("a = x(4)", "a.__iadd__(1)", ""),
    "a * 2": (VECTOR, "a * 2", "a * 2"),
    "2.5 - a": (VECTOR, "2.5 - a", "2.5 - a"),
    "a / 3.0": (VECTOR, "a / 3.0", "a / 3.0"),
    "a ** 2": (VECTOR, "a ** 2", "a ** 2"),
    "a > 0": (VECTOR, "a > 0", "a > 0"),
    "-a": (VECTOR, "-a", "-a"),
    "a.exp()": (VECTOR, "a.exp()", "np.exp(a)"),
    "torch.relu(a)": (VECTOR, "torch.relu(a)", "np.maximum(a, 0)"),
    "a.view(2, 2)": (VECTOR, "a.view(2, 2)", "a.reshape(2, 2)"),
    "a.reshape(-1)": (MATRIX, "a.reshape(-1)", "a.reshape(-1)"),
    "a.t()": (MATRIX, "a.t()", "a.T"),
    "a.transpose(0, 1)": (MATRIX, "a.transpose(0, 1)", "a.swapaxes(0, 1)"),
    "a.unsqueeze(0)": (VECTOR, "a.unsqueeze(0)", "a[None]"),
    "a[0]": (VECTOR, "a[0]", "a[0]"),
    "a[1:3]": (VECTOR, "a[1:3]", "a[1:3]"),
    "a[:, 0]": (MATRIX, "a[:, 0]", "a[:, 0]"),
    "a[mask]": ("a = x(4); m = x(4) > 0", "a[m]", "a[m]"),
    "a[0] = 1": ("a = x(4)", "a.__setitem__(0, 1.0)", ""),
    "a[0].item()": (VECTOR, "a[0].item()", "a[0].item()"),
    "a.shape": (VECTOR, "a.shape", "a.shape"),
    "a.tolist()": (VECTOR, "a.tolist()", "a.tolist()"),
    "float(s)": ("s = x(1).sum()", "float(s)", "float(s)"),
    "a.sum()": (VECTOR, "a.sum()", "a.sum()"),
    "a.mean(0)": (MATRIX, "a.mean(0)", "a.mean(0)"),
    "a.max()": (VECTOR, "a.max()", "a.max()"),
    "torch.softmax(a, 0)": (VECTOR, "torch.softmax(a, 0)", ""),
    "torch.empty(4)": ("", "torch.empty(4)", "np.empty(4)"),
    "torch.zeros(4)": ("", "torch.zeros(4)", "np.zeros(4)"),
    "torch.tensor([1., 2.])": ("", "torch.tensor([1., 2.])", "np.array([1., 2.])"),
    "torch.cat([a, c])": (VECTOR, "torch.cat([a, c])", "np.concatenate([a, c])"),
    "torch.stack([a, c])": (VECTOR, "torch.stack([a, c])", "np.stack([a, c])"),
    "a.clone()": (VECTOR, "a.clone()", "a.copy()"),
    "a.to(float64)": (VECTOR, "a.to(torch.float64)", "a.astype('float64')"),
    "a @ c, 4 x 4": (MATRIX, "a @ c", "a @ c"),
    "torch.mm, 16 x 16": ("a = x(16, 16); c = x(16, 16)", "torch.mm(a, c)", "a @ c"),
    "nn.Linear(4, 4)": ("m = nn.Linear(4, 4); a = x(1, 4)", "m(a)", ""),
    "nn.Linear(4, 4), no_grad": ("m = nn.Linear(4, 4).requires_grad_(False); a = x(1, 4)", "m(a)", ""),
    "nn.ReLU()": ("m = nn.ReLU(); a = x(4)", "m(a)", ""),
    "forward and backward of three": (TRACKED, "((a * c).tanh().sum().backward(), a.grad)[1]", ""),
    "detach": (TRACKED, "a.detach()", ""),
}
# A timed call that changes its operand gives other numbers each time.
CHANGES = ("a.add_(c)", "a += 1", "torch.empty(4)", "forward and backward of three")
QUICK = (
    "a + c",
    "a.add_(c)",
    "a * 2",
    "a.view(2, 2)",
    "a[0]",
    "a[0].item()",
    "a.sum()",
    "torch.empty(4)",
    "a @ c, 4 x 4",
    "nn.Linear(4, 4)",
    "forward and backward of three",
)


def cases() -> list[Case]:
    return [
        Case(1, name, "1 thread", run, setup, numpy=numpy, check=name not in CHANGES, quick=name in QUICK)
        for name, (setup, run, numpy) in CALLS.items()
    ]
