"""Records how PyTorch prints tensors into print.json, which tests/python/test_print.py reads.

Run with PyTorch 2.13:

    python tests/golden/record_print.py

One case a line: options, default dtype, dtype, shape, the elements' bytes as hexadecimal, what is done to the
tensor ("", "grad", "history", "parameter" or "transposed"), and the text. `random_case` is also what the live
comparison in test_print.py draws from.
"""

import json
import random
import sys
from pathlib import Path

import torch

FLOATING = ["float16", "bfloat16", "float32", "float64", "complex64", "complex128"]
OTHERS = ["bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64"]
SPECIAL = [float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1.0, 1e300, 1e-310]


def random_options(rng):
    if rng.random() < 0.5:
        return {}
    choices = {
        "precision": [None, 0, 1, 2, 3, 6, 8, 17],
        "threshold": [None, 0, 5, 20, 1000, float("inf")],
        "edgeitems": [None, 0, 1, 2, 3, 5],
        "linewidth": [None, 10, 40, 80, 120, 200],
        "profile": [None, "default", "short", "full"],
        "sci_mode": [None, None, True, False],
    }
    options = {name: rng.choice(values) for name, values in choices.items()}
    return {name: value for name, value in options.items() if value is not None}


def random_floats(rng, generator, shape, is_complex):
    """Numbers of many sizes: whole ones, tiny ones, wide ranges, all zero, with infinities and NaN."""
    dtype = torch.complex128 if is_complex else torch.float64
    values = torch.randn(shape, dtype=dtype, generator=generator)
    kind = rng.randrange(7)
    if kind == 1:
        values = values * 10.0 ** rng.randrange(-12, 13)
    elif kind == 2:
        values = (values.real * rng.choice([10, 1e5, 1e9])).round().to(dtype)
    elif kind == 3:
        values = (values.real * 5).exp().to(dtype)
    elif kind == 4:
        values = values * 0
    elif kind == 5:
        values = -values.abs().to(dtype) * 100
    flat = values.reshape(-1)
    if len(flat) and rng.random() < 0.4:
        for _ in range(rng.randrange(1, 4)):
            flat[rng.randrange(len(flat))] = rng.choice(SPECIAL)
    return values


def random_values(rng, generator, dtype, shape):
    if dtype in FLOATING:
        return random_floats(rng, generator, shape, "complex" in dtype).to(getattr(torch, dtype))
    if dtype == "bool":
        return torch.rand(shape, generator=generator) < 0.5
    wide = torch.randint(-(2**62), 2**62, shape, generator=generator)
    return wide.bitwise_right_shift(rng.randrange(62)).to(getattr(torch, dtype))


def random_case(rng, sizes=(0, 1, 1, 2, 3, 4, 5, 7, 8, 12, 20, 33), long_rows=(63, 999, 1000, 1001)):
    dims = rng.choice([0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5])
    few = [size for size in sizes if 0 < size < 5]
    shape = [rng.choice(sizes if dims < 4 else few) for _ in range(dims)]
    if dims == 1 and rng.random() < 0.3:
        shape = [rng.choice(long_rows)]
    dtype = rng.choice(FLOATING + OTHERS)
    generator = torch.Generator().manual_seed(rng.randrange(2**31))
    values = random_values(rng, generator, dtype, shape).contiguous()
    form = ""
    if dtype in FLOATING and rng.random() < 0.3:
        form = rng.choice(["grad", "history", "parameter"])
    elif dims > 1 and rng.random() < 0.4:
        form = "transposed"
    default = rng.choice(["float32"] * 4 + ["float64"])
    data = values.view(-1).view(torch.uint8).numpy().tobytes().hex() if values.numel() else ""
    return [random_options(rng), default, dtype, shape, data, form]


def build(library, zeros, case):
    """The tensor of a case, made by `library`; `zeros` makes one and fills in bytes."""
    _, _, dtype, shape, data, form = case
    tensor = zeros(tuple(shape), getattr(library, dtype), bytes.fromhex(data))
    if form == "parameter":
        return library.nn.Parameter(tensor)
    if form == "transposed":
        return tensor.transpose(0, 1)
    if form:
        tensor.requires_grad_()
    return tensor + 1 if form == "history" else tensor


def torch_zeros(shape, dtype, data):
    tensor = torch.zeros(shape, dtype=dtype)
    if data:
        source = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        tensor.view(-1).view(torch.uint8).copy_(source)
    return tensor


def printed(case):
    torch.set_printoptions(profile="default")
    torch.set_printoptions(**case[0])
    torch.set_default_dtype(getattr(torch, case[1]))
    try:
        return repr(build(torch, torch_zeros, case))
    finally:
        torch.set_printoptions(profile="default")
        torch.set_default_dtype(torch.float32)


def main():
    rng = random.Random(2026)
    lines, total = [], 0
    while total < 90_000:
        case = random_case(rng, sizes=(0, 1, 2, 3, 4, 7, 13), long_rows=(63, 101))
        line = json.dumps([*case, printed(case)])
        if len(line) < 1500:
            lines.append(line)
            total += len(line) + 2
    assert torch.__version__.startswith("2.13"), torch.__version__
    Path(__file__).with_name("print.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(len(lines), "cases", file=sys.stderr)


if __name__ == "__main__":
    main()
