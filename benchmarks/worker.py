"""One process of one library: reads cases from standard input, a line of JSON each, and answers with
measurements.

    python benchmarks/worker.py torch                PyTorch
    python -m rushlight benchmarks/worker.py torch   Rushlight: `import torch` is Rushlight there
    python benchmarks/worker.py numpy | jax          NumPy, or JAX jitted; with the threads of the environment

A case is prepared once and then measured as often as the driver asks. The repeat count is calibrated so that
a sample lasts at least the asked time. Garbage collection is off while a sample runs, as in timeit.
"""

from __future__ import annotations

import gc
import itertools
import json
import math
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))


class TorchMakers:
    """The makers of cases.py for PyTorch and for Rushlight, which draw the same numbers."""

    def __init__(self, torch, dtype: str, layout: str):
        self.torch, self.dtype, self.layout = torch, getattr(torch, dtype), layout
        self.inputs: list = []
        torch.manual_seed(1)

    def _made(self, make, shape):
        """A tensor of this shape in the case's layout, from a maker of contiguous ones."""
        if self.layout == "strided" and shape:
            t = make((*shape[:-1], 2 * shape[-1]))[..., ::2]
        elif self.layout == "transposed" and len(shape) > 1:
            t = make((*shape[:-2], shape[-1], shape[-2])).transpose(-1, -2)
        else:
            t = make(shape)
        self.inputs.append(t)
        return t

    def x(self, *shape, lo=-3, hi=3, dtype=None):
        dtype = dtype or self.dtype
        if dtype == self.torch.bool:
            return self.b(*shape)
        if not (dtype.is_floating_point or dtype.is_complex):
            least = 0 if dtype == self.torch.uint8 else math.floor(lo)
            ends = least, max(math.ceil(hi), least + 1)
            return self._made(lambda s: self.torch.randint(*ends, s, dtype=dtype), shape)
        return self._made(lambda s: (self.torch.rand(s) * (hi - lo) + lo).to(dtype), shape)

    def i(self, *shape, hi=4, lo=0):
        return self._made(lambda s: self.torch.randint(lo, hi, s), shape)

    def b(self, *shape):
        return self._made(lambda s: self.torch.rand(s) < 0.5, shape)


class NumpyMakers:
    """The same for NumPy; `convert` makes JAX's arrays of them."""

    def __init__(self, dtype: str, layout: str, convert):
        import numpy

        self.np, self.dtype, self.layout, self.convert = numpy, numpy.dtype(dtype), layout, convert
        self.random = numpy.random.default_rng(1)

    def _made(self, make, shape):
        if self.layout == "strided" and shape:
            a = make((*shape[:-1], 2 * shape[-1]))[..., ::2]
        elif self.layout == "transposed" and len(shape) > 1:
            a = make((*shape[:-2], shape[-1], shape[-2])).swapaxes(-1, -2)
        else:
            a = make(shape)
        return self.convert(a)

    def x(self, *shape, lo=-3, hi=3):
        return self._made(lambda s: self.random.uniform(lo, hi, s).astype(self.dtype), shape)

    def i(self, *shape, hi=4, lo=0):
        return self._made(lambda s: self.random.integers(lo, hi, s), shape)

    def b(self, *shape):
        return self._made(lambda s: self.random.random(s) < 0.5, shape)


class TorchLibrary:
    def __init__(self):
        import models
        import torch

        self.torch, self.models = torch, models

    def prepare(self, case: dict):
        torch = self.torch
        if torch.get_num_threads() != case["threads"]:
            torch.set_num_threads(case["threads"])
        makers = TorchMakers(torch, case["dtype"], case["layout"])
        scope = {
            "torch": torch,
            "F": torch.nn.functional,
            "nn": torch.nn,
            "models": self.models,
            "math": math,
        }
        scope |= {"x": makers.x, "i": makers.i, "b": makers.b}
        exec(case["setup"], scope)
        return scope, case["run"], makers.inputs

    def digest(self, result) -> list:
        """Shape, and sum and sum of magnitudes in float64, of every tensor of a result."""
        torch, out = self.torch, []
        for t in result if isinstance(result, (tuple, list)) else [result]:
            if not isinstance(t, torch.Tensor):
                out.append(float(t) if isinstance(t, (int, float)) else None)
                continue
            t = t.detach()
            if t.is_complex():
                t = torch.view_as_real(t)
            t = t.double()
            finite = torch.where(torch.isfinite(t), t, torch.zeros_like(t))
            out.append([list(t.shape), float(finite.sum()), float(finite.abs().sum())])
        return out

    def bytes_moved(self, inputs, result) -> int:
        outputs = [
            t
            for t in (result if isinstance(result, (tuple, list)) else [result])
            if isinstance(t, self.torch.Tensor)
        ]
        return sum(t.numel() * t.element_size() for t in [*inputs, *outputs])


class ArrayLibrary:
    """NumPy, or JAX: there the case's expression is compiled as a function of what `setup` makes."""

    def __init__(self, jax: bool):
        import numpy

        self.jax = None
        self.np = numpy
        if jax:
            import jax

            jax.config.update("jax_enable_x64", True)
            self.jax, self.np = jax, jax.numpy

    def prepare(self, case: dict):
        convert = self.jax.numpy.asarray if self.jax else lambda a: a
        makers = NumpyMakers(case["dtype"], case["layout"], convert)
        scope = {"np": self.np, "x": makers.x, "i": makers.i, "b": makers.b, "math": math}
        exec(case["setup"], scope)
        if not self.jax:
            return scope, case["numpy"], []
        array = self.jax.Array
        names = [n for n, v in scope.items() if isinstance(v, array)]
        compiled = self.jax.jit(eval(f"lambda {', '.join(names)}: {case['numpy']}", scope))
        ready = self.jax.block_until_ready
        return {**scope, "compiled": compiled, "ready": ready}, f"ready(compiled({', '.join(names)}))", []

    def digest(self, result) -> list:
        return []

    def bytes_moved(self, inputs, result) -> int:
        return 0


def timed_loop(run: str, scope: dict):
    """A function of a count that runs the expression so many times and returns the seconds, without a call's
    overhead.
    """
    body = f"  _start = _clock()\n  for _ in _counts:\n    {run}\n  return _clock() - _start"
    text = f"def loop(_counts, _clock):\n{body}"
    exec(compile(text, "<case>", "exec"), scope)
    loop = scope["loop"]
    return lambda count: loop(itertools.repeat(None, count), time.perf_counter)


class Measurement:
    """A case made ready in this process: its operands, and how often a sample calls it."""

    def __init__(self, library, case: dict, seconds: float, check: bool):
        scope, run, inputs = library.prepare(case)
        self.facts: dict = {}
        result = eval(run, scope)
        if check and case["check"]:
            self.facts["digest"] = library.digest(result)
        self.facts["bytes"] = library.bytes_moved(inputs, result)
        del result
        self.loop = timed_loop(run, scope)
        self._calibrate(seconds)

    def _calibrate(self, seconds: float) -> None:
        self.count, elapsed = 1, self.loop(1)
        while elapsed < seconds:
            scale = min(1.1 * seconds / max(elapsed, 1e-9), 100)
            self.count = max(self.count + 1, math.ceil(self.count * scale))
            elapsed = self.loop(self.count)
        self.is_long = elapsed > 10 * seconds

    def samples(self, number: int) -> list[float]:
        """Seconds a call, of so many samples; of a call that takes long, and so is its own average, one."""
        number = 1 if self.is_long else number
        gc.collect()
        gc.disable()
        try:
            return [self.loop(self.count) / self.count for _ in range(number)]
        finally:
            gc.enable()


def main() -> None:
    library = TorchLibrary() if sys.argv[1] == "torch" else ArrayLibrary(sys.argv[1] == "jax")
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a library prints is no answer
    gc.collect()
    gc.freeze()  # what the imports left need not be looked through before every sample
    measurement = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {}
            if "case" in request:
                measurement = None  # the operands of the case before go first
                measurement = Measurement(library, request["case"], request["seconds"], request["check"])
                answer = measurement.facts
            assert measurement is not None, "samples are asked of a case"
            answer = answer | {"seconds": measurement.samples(request["samples"])}
        except Exception as e:
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
