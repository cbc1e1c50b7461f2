"""What no_grad, eval() and freezing do to memory: which activations a forward pass keeps for the backward.

Each program runs eight layers, whose activations take 8 MiB each, and prints by how many MiB its resident
memory has grown while the output is alive.
"""

from __future__ import annotations

import pathlib

import pytest
from programs import output, write

PROGRAM = """
    import os
    import torch
    from torch import nn

    def resident():
        pages = open("/proc/self/statm").read().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20

    layers = [layer for _ in range(8) for layer in (nn.Linear(256, 256), nn.Tanh())]
    net, x = nn.Sequential(*layers), torch.randn(8192, 256)
    net(x[:64]).sum().backward()
    before = resident()
    {forward}
    print(resident() - before)
"""

pytestmark = pytest.mark.skipif(
    not pathlib.Path("/proc/self/statm").exists(), reason="resident memory is read from Linux's /proc"
)


@pytest.fixture
def growth(tmp_path):
    def measure(forward):
        write(tmp_path, "program.py", PROGRAM.format(forward=forward.replace("\n", "\n    ")))
        return float(output("-m", "rushlight", "program.py", folder=tmp_path))

    return measure


def test_training_keeps_every_activation(growth):
    assert growth("out = net(x)") > 60


def test_eval_alone_keeps_them_too(growth):
    assert growth("net.eval()\nout = net(x)") > 60


@pytest.mark.parametrize("mode", ["no_grad", "inference_mode"])
def test_nothing_is_kept_where_nothing_is_recorded(growth, mode):
    assert growth(f"with torch.{mode}():\n    out = net(x)") < 30


def test_frozen_layers_below_the_first_trained_one_keep_nothing(growth):
    assert growth("net[:12].requires_grad_(False)\nout = net(x)") < 45
    assert growth("net[4:].requires_grad_(False)\nout = net(x)") > 60


def test_detach_ends_what_is_kept(growth):
    assert growth("out = net[8:](net[:8](x).detach())") < 60
