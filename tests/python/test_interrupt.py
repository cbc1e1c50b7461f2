"""Ctrl-C: whatever it interrupts, the process goes on as if nothing had been begun."""

from __future__ import annotations

import pytest
from programs import output, write

PROGRAM = """
    import os, signal, threading, time
    import rushlight as torch

    def pressed_after(seconds):
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()

    class Slow(torch.utils.data.Dataset):
        def __len__(self):
            return 100000

        def __getitem__(self, i):
            time.sleep(0.001)
            return torch.full((2,), float(i))

    def one_long_kernel():
        x = torch.ones(40000000)
        pressed_after(0.1)
        for _ in range(1000):
            x.exp()

    def backward():
        w = torch.ones(1000, requires_grad=True)
        y = w
        for _ in range(200000):
            y = y + w
        pressed_after(0.05)
        y.sum().backward()

    def loader(workers):
        pressed_after(1.0)
        for _ in torch.utils.data.DataLoader(Slow(), batch_size=4, num_workers=workers):
            pass

    if __name__ == "__main__":
        # A shell starts its background jobs with SIGINT ignored, and their children inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            {call}
        except KeyboardInterrupt:
            print("interrupted")
        assert torch.is_grad_enabled()
        x = torch.tensor([3.0], requires_grad=True)
        (x * x).backward()
        batch = next(iter(torch.utils.data.DataLoader(Slow(), batch_size=2, num_workers=1)))
        print(x.grad.item(), batch.tolist())
"""


@pytest.mark.parametrize("call", ["one_long_kernel()", "backward()", "loader(0)", "loader(2)"])
def test_interrupt_leaves_a_usable_process(tmp_path, call):
    program = write(tmp_path, "program.py", PROGRAM.replace("{call}", call))
    assert output(str(program), folder=tmp_path).splitlines() == [
        "interrupted",
        "6.0 [[0.0, 0.0], [1.0, 1.0]]",
    ]
