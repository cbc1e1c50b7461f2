"""Group 4: matrix products. The limits are the processor's multiply-adds and, for vectors, its memory."""

from __future__ import annotations

from cases import Case, threads_text

SQUARE = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
# name: (m, k, n)
OBLONG = {
    "thin: 4096 x 64 x 4096": (4096, 64, 4096),
    "tall: 16384 x 128 x 64": (16384, 128, 64),
    "long sums: 64 x 16384 x 64": (64, 16384, 64),
    "a batch of 1: 1 x 1024 x 1024": (1, 1024, 1024),
    "a batch of 32: 32 x 1024 x 1024": (32, 1024, 1024),
    "odd: 127 x 129 x 131": (127, 129, 131),
}
BATCHED = {"64 of 32 x 32": (64, 32), "16 of 128 x 128": (16, 128), "8 of 512 x 512": (8, 512)}
QUICK_SQUARE = (16, 128, 512, 1024)


def _case(
    name: str,
    setup: str,
    run: str,
    flops: float,
    numpy: str,
    quick: bool = False,
    dtypes=("float32",),
    **changes,
):
    out = []
    for dtype in dtypes:
        for threads in (1, 2):
            variant = threads_text(threads) if dtype == "float32" else f"{dtype}, {threads_text(threads)}"
            asked = numpy if dtype in ("float32", "float64") else ""
            chosen = quick and dtype == "float32"
            out.append(
                Case(
                    4,
                    name,
                    variant,
                    run,
                    setup,
                    dtype=dtype,
                    threads=threads,
                    numpy=asked,
                    flops=flops,
                    quick=chosen,
                    **changes,
                )
            )
    return out


def _square() -> list[Case]:
    out = []
    for n in SQUARE:
        if n <= 512:
            dtypes: tuple[str, ...] = ("float32", "float64", "bfloat16", "int64")
        else:
            dtypes = ("float32", "float64", "bfloat16") if n == 1024 else ("float32",)
        out += _case(
            f"{n} x {n}",
            f"a = x({n}, {n}); c = x({n}, {n})",
            "a @ c",
            2.0 * n**3,
            "a @ c",
            n in QUICK_SQUARE,
            dtypes,
        )
    return out


def cases() -> list[Case]:
    out = _square()
    for name, (m, k, n) in OBLONG.items():
        out += _case(name, f"a = x({m}, {k}); c = x({k}, {n})", "a @ c", 2.0 * m * k * n, "a @ c", m == 32)
    out += _case(
        "512 x 512, a transposed", "a = x(512, 512); c = x(512, 512)", "a.t() @ c", 2.0 * 512**3, "a.T @ c"
    )
    out += _case(
        "512 x 512, c transposed", "a = x(512, 512); c = x(512, 512)", "a @ c.t()", 2.0 * 512**3, "a @ c.T"
    )
    out += _case(
        "512 x 512, strided",
        "a = x(512, 512); c = x(512, 512)",
        "a @ c",
        2.0 * 512**3,
        "a @ c",
        layout="strided",
    )
    for name, (count, n) in BATCHED.items():
        setup = f"a = x({count}, {n}, {n}); c = x({count}, {n}, {n})"
        out += _case(name, setup, "a @ c", 2.0 * count * n**3, "a @ c", n == 128)
    for n in (64, 1024, 4096):
        stream = {"stream": n == 4096}
        out += _case(
            f"{n} x {n} by a vector",
            f"a = x({n}, {n}); c = x({n})",
            "a @ c",
            2.0 * n**2,
            "a @ c",
            n == 1024,
            **stream,
        )
        out += _case(
            f"a vector by {n} x {n}", f"a = x({n}, {n}); c = x({n})", "c @ a", 2.0 * n**2, "c @ a", **stream
        )
    out += _case(
        "linear 64 x 784 to 256",
        "a = x(64, 784); w = x(256, 784); v = x(256)",
        "F.linear(a, w, v)",
        2.0 * 64 * 784 * 256,
        "a @ w.T + v",
        True,
    )
    out += _case(
        "addmm 256 x 256",
        "a = x(256, 256); c = x(256, 256); v = x(256)",
        "torch.addmm(v, a, c)",
        2.0 * 256**3,
        "a @ c + v",
    )
    return out
