"""What a benchmark case is. A case is data: Python source to set up, Python source to time, and what to say
about it.

The same source runs under PyTorch and under Rushlight (`python -m rushlight worker.py`), with `torch`, `F`,
`nn` and `models` in scope and these makers, which draw the same numbers in both libraries:

    x(*shape, lo=-3, hi=3)   in [lo, hi), of the case's dtype and layout
    i(*shape, hi=4, lo=0)    int64 in [lo, hi)
    b(*shape)                bool

A case may say how NumPy would do the same (`numpy`: an expression of the names that `setup` binds, with
`np`); JAX runs that expression jitted, with `np` being jax.numpy.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

GROUPS = {
    1: "Small operations from Python",
    2: "Pointwise operations and random numbers",
    3: "Rows: reductions, sorting, indexing, copies",
    4: "Matrix multiplication",
    5: "Convolution, pooling, batch norm",
    6: "Attention and embedding",
    7: "Training steps and inference",
    8: "Start-up and memory",
}


@dataclass(frozen=True)
class Case:
    group: int
    name: str  # the row of the printed table
    variant: str  # its column
    run: str  # timed; an expression
    setup: str = ""  # runs once
    dtype: str = "float32"
    layout: str = "contiguous"  # or "strided": every second element of a row; "transposed"
    threads: int = 1
    numpy: str = ""
    flops: float = 0  # of one call, where the machine's peak is the natural limit
    stream: bool = False  # larger than cache: the memory bandwidth is the natural limit
    check: bool = True  # both libraries' results are compared before the case is timed
    quick: bool = False  # part of QUICK=1

    @property
    def key(self) -> str:
        return f"{self.group}/{self.name}/{self.variant}"

    def data(self) -> dict:
        return asdict(self)


def threads_text(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"
