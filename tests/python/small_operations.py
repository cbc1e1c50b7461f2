"""The small operations whose cost is all overhead: what a call from Python costs beyond its few additions.

    python tests/python/small_operations.py               # times them, beside PyTorch's where it is installed

test_instruction_budget.py counts their instructions.
"""

from __future__ import annotations

import os
import sys

# name: statement, in the names of `namespace`.
OPERATIONS = {
    "pass": "pass",
    "add": "a + b",
    "add function": "torch.add(a, b)",
    "add method": "a.add(b)",
    "add_": "c.add_(b)",
    "+=": "c += b",
    "add int": "a + 2",
    "add float": "a + 2.5",
    "radd float": "2.5 + a",
    "rsub float": "1.0 - a",
    "mul float": "a * 2.5",
    "div float": "a / 2.5",
    "mul": "a * b",
    "add 0-d": "a + zero",
    "add broadcast": "square + a",
    "neg": "-a",
    "relu": "a.relu()",
    "tanh": "torch.tanh(a)",
    "pow": "a ** 2",
    "less": "a < b",
    "view": "square.view(16)",
    "reshape": "square.reshape(2, 8)",
    "transpose": "square.t()",
    "unsqueeze": "a.unsqueeze(0)",
    "index": "a[1]",
    "index row": "square[1]",
    "index slice": "square[1:3]",
    "index pair": "square[1, 2]",
    "assign": "a[1] = 2.5",
    "item": "zero.item()",
    "float": "float(zero)",
    "shape": "square.shape",
    "size": "square.size(0)",
    "detach": "a.detach()",
    "sum": "a.sum()",
    "mean": "a.mean()",
    "sum dim": "square.sum(1)",
    "max": "a.max()",
    "softmax": "square.softmax(1)",
    "empty": "torch.empty(4)",
    "zeros": "torch.zeros(2, 2)",
    "tensor": "torch.tensor([1.0, 2.0])",
    "tolist": "a.tolist()",
    "cat": "torch.cat([a, b])",
    "stack": "torch.stack([a, b])",
    "matmul": "square @ square",
    "linear": "linear(a)",
    "recorded add": "a + w",
    "recorded mul": "a * w",
    "forward and backward": "(a * w).tanh().sum().backward()",
    "perceptron": "mlp(x)",
    "perceptron step, SGD": "step(sgd)",
    "perceptron step, Adam": "step(adam)",
}


def namespace(torch):
    torch.manual_seed(0)
    nn = torch.nn
    mlp = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
    x, y = torch.randn(8, 2), torch.randn(8, 1)
    loss = nn.MSELoss()

    def step(optimizer):
        optimizer.zero_grad()
        loss(mlp(x), y).backward()
        optimizer.step()

    return {
        "torch": torch,
        "a": torch.randn(4),
        "b": torch.randn(4),
        "c": torch.zeros(4),
        "w": torch.randn(4, requires_grad=True),
        "zero": torch.tensor(2.5),
        "square": torch.randn(4, 4),
        "linear": nn.Linear(4, 4),
        "mlp": mlp,
        "x": x,
        "step": step,
        "sgd": torch.optim.SGD(mlp.parameters(), lr=1e-6),
        "adam": torch.optim.Adam(mlp.parameters(), lr=1e-6),
    }


def loop(torch, statement):
    """A function of n that executes the statement n times; the names are its locals."""
    names = namespace(torch)
    given = ", ".join(f"{name}={name}" for name in names)
    exec(f"def run(n, {given}):\n    for _ in range(n):\n        {statement}\n", names)
    return names["run"]


def count(torch, calls):
    """Executes each operation `calls` times between two calls of getppid, at which callgrind writes its
    counts down."""
    for statement in OPERATIONS.values():
        run = loop(torch, statement)
        run(calls // 2 + 20)  # fills the free lists
        os.getppid()
        run(calls)
        os.getppid()


def time(libraries):
    from timeit import default_timer

    for name, statement in OPERATIONS.items():
        runs = [loop(library, statement) for library in libraries]
        best = [float("inf")] * len(runs)
        calls = 1000
        while True:
            start = default_timer()
            runs[0](calls)
            if default_timer() - start > 0.004:
                break
            calls *= 2
        for _ in range(15):
            for i, run in enumerate(runs):
                start = default_timer()
                run(calls)
                best[i] = min(best[i], (default_timer() - start) / calls)
        ratio = "" if len(best) < 2 else f"{best[1] * 1e6:9.3f} {best[1] / best[0]:6.1f}"
        print(f"{name:24} {best[0] * 1e6:9.3f} {ratio}", flush=True)


if __name__ == "__main__":
    import rushlight

    if len(sys.argv) > 1:
        count(rushlight, int(sys.argv[1]))
    else:
        libraries = [rushlight]
        try:
            import torch

            torch.set_num_threads(1)
            libraries.append(torch)
        except ImportError:
            pass
        time(libraries)
