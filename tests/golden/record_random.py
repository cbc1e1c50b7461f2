"""Records what PyTorch's CPU generator draws into random.json, which tests read.

Run with PyTorch 2.13 on a processor that is not Intel's, where some operations would take MKL's streams:

    python tests/golden/record_random.py

One case a line: operation, dtype, number of elements, seed, arguments, the elements' bytes as hexadecimal,
and the 64-bit draw that follows them as a decimal string. The first case has the generator's state instead.
"""

import json
import platform
import sys
from pathlib import Path

import torch

FLOATING = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
SIGNED = [torch.int8, torch.int16, torch.int32, torch.int64]
NUMBERS = [*FLOATING, torch.uint8, *SIGNED]


def hexadecimal(tensor):
    return tensor.contiguous().view(torch.uint8).numpy().tobytes().hex() if tensor.numel() else ""


def next_draw(generator):
    return str(torch.empty(1, dtype=torch.int64).random_(-(2**63), None, generator=generator).item() % 2**64)


def weights(dtype, *shape):
    """The fixed inputs: 0, 1/8, ..., 7/8 and again."""
    count = torch.tensor(shape).prod().item()
    return (torch.arange(count) % 8 / 8).to(dtype).reshape(shape)


# name: (dtypes, sizes, argument lists, f(empty tensor, generator, *arguments))
OPERATIONS = {
    "uniform": (
        FLOATING,
        (5, 33),
        ((0.0, 1.0), (-0.1, 0.7)),
        lambda t, g, a, b: t.uniform_(a, b, generator=g),
    ),
    "normal": (
        FLOATING,
        (5, 16, 35),
        ((0.0, 1.0), (0.5, 2.0)),
        lambda t, g, m, s: t.normal_(m, s, generator=g),
    ),
    "normal_strided": (
        FLOATING,
        (20,),
        ((0.0, 1.0),),
        lambda t, g, m, s: torch.empty(t.numel(), 2, dtype=t.dtype)[:, 0].normal_(m, s, generator=g),
    ),
    "bernoulli": ([torch.bool, *NUMBERS], (20,), ((0.3,),), lambda t, g, p: t.bernoulli_(p, generator=g)),
    "bernoulli_each": (
        FLOATING,
        (24,),
        ((),),
        lambda t, g: t.bernoulli_(weights(t.dtype, t.numel()), generator=g),
    ),
    "random_range": (
        [torch.bool, *NUMBERS],
        (9,),
        ((0, 2),),
        lambda t, g, low, high: t.random_(low, high, generator=g),
    ),
    "random_range_wide": (
        [torch.int64],
        (9,),
        ((-7, 1000), (0, 2**28 - 1), (0, 2**28), (-(2**40), 2**53)),
        lambda t, g, low, high: t.random_(low, high, generator=g),
    ),
    "random_full": (
        [torch.int64, torch.float64, torch.float32, torch.bfloat16],
        (7,),
        ((),),
        lambda t, g: t.random_(-(2**63), None, generator=g),
    ),
    "random": ([torch.bool, *NUMBERS], (9,), ((),), lambda t, g: t.random_(generator=g)),
    "randperm": (NUMBERS, (1, 50), ((),), lambda t, g: torch.randperm(t.numel(), dtype=t.dtype, generator=g)),
    "exponential": (FLOATING, (20,), ((1.0,), (0.3,)), lambda t, g, rate: t.exponential_(rate, generator=g)),
    "geometric": (NUMBERS, (12,), ((0.3,),), lambda t, g, p: t.geometric_(p, generator=g)),
    "cauchy": (FLOATING, (12,), ((0.1, 0.7),), lambda t, g, m, s: t.cauchy_(m, s, generator=g)),
    "log_normal": (FLOATING, (12,), ((0.1, 0.7),), lambda t, g, m, s: t.log_normal_(m, s, generator=g)),
    "multinomial": (
        FLOATING,
        (2,),
        ((1, 1), (1, 0), (6, 1), (6, 0), (40, 0)),
        lambda t, g, k, again: torch.multinomial(
            weights(t.dtype, t.numel(), 48), k, bool(again), generator=g
        ),
    ),
    "poisson": (
        FLOATING,
        (40,),
        ((40.0,),),
        lambda t, g, s: torch.poisson(weights(t.dtype, t.numel()) * s, generator=g),
    ),
    "binomial": (
        [torch.float32, torch.float64],
        (40,),
        ((100.0,), (7.0,)),
        lambda t, g, n: torch.binomial(torch.full_like(t, n), weights(t.dtype, t.numel()), generator=g),
    ),
}


def cases():
    generator = torch.Generator().manual_seed(2**40 + 7)
    torch.rand(700, generator=generator)
    torch.randn(3, generator=generator)
    state = bytes(generator.get_state().tolist()).hex()
    yield {
        "op": "state",
        "dtype": "uint8",
        "n": 5056,
        "seed": 0,
        "args": [],
        "bytes": state,
        "next": next_draw(generator),
    }
    for name, (dtypes, sizes, argument_lists, draw) in OPERATIONS.items():
        for dtype in dtypes:
            for n in sizes:
                for seed, args in enumerate(argument_lists):
                    generator = torch.Generator().manual_seed(seed)
                    values = draw(torch.empty(n, dtype=dtype), generator, *args)
                    yield {
                        "op": name,
                        "dtype": str(dtype).removeprefix("torch."),
                        "n": n,
                        "seed": seed,
                        "args": list(args),
                        "bytes": hexadecimal(values),
                        "next": next_draw(generator),
                    }


def main():
    cpuinfo = Path("/proc/cpuinfo")
    if "GenuineIntel" in (cpuinfo.read_text() if cpuinfo.exists() else platform.processor()):
        sys.exit("this processor takes MKL's streams: record on another")
    lines = ",\n".join(json.dumps(case) for case in cases())
    Path(__file__).with_name("random.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
