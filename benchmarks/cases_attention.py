"""Group 6: attention and embedding."""

from __future__ import annotations

from cases import Case, threads_text

# name: (batch, heads, length, width of a head)
SHAPES = {
    "1 x 1 x 8 x 16": (1, 1, 8, 16),
    "2 x 4 x 64 x 32": (2, 4, 64, 32),
    "4 x 8 x 128 x 64": (4, 8, 128, 64),
    "1 x 8 x 1024 x 64": (1, 8, 1024, 64),
}
KINDS = {"plain": "q, k, v", "causal": "q, k, v, is_causal=True", "masked": "q, k, v, mask"}
# name: (words, width, tokens)
EMBEDDINGS = {
    "100 x 16, 8 tokens": (100, 16, "8"),
    "10000 x 64, 32 x 64 tokens": (10000, 64, "32, 64"),
    "50000 x 512, 8 x 128 tokens": (50000, 512, "8, 128"),
}


def _attention() -> list[Case]:
    out = []
    for name, (batch, heads, length, width) in SHAPES.items():
        shape = f"{batch}, {heads}, {length}, {width}"
        qkv = f"q = x({shape}); k = x({shape}); v = x({shape}); mask = x({length}, {length})"
        tracked = qkv.replace(f"({shape})", f"({shape}).requires_grad_()")
        product = 2.0 * batch * heads * length**2 * width
        for kind, arguments in KINDS.items():
            call = f"F.scaled_dot_product_attention({arguments})"
            for threads in (1, 2):
                quick = length in (8, 128)
                row, column = f"{kind}, {name}", threads_text(threads)
                flops = 2 * product if kind != "causal" else product
                out.append(
                    Case(6, row, f"{column}, forward", call, qkv, threads=threads, flops=flops, quick=quick)
                )
                setup = f"{tracked}; y = {call}; g = torch.rand_like(y)"
                run = "torch.autograd.grad(y, (q, k, v), g, retain_graph=True)"
                out.append(
                    Case(
                        6,
                        row,
                        f"{column}, gradients",
                        run,
                        setup,
                        threads=threads,
                        quick=quick and threads == 1,
                    )
                )
    for dtype in ("float64", "bfloat16"):
        qkv = "q = x(4, 8, 128, 64); k = x(4, 8, 128, 64); v = x(4, 8, 128, 64)"
        call = "F.scaled_dot_product_attention(q, k, v)"
        out.append(Case(6, "plain, 4 x 8 x 128 x 64", f"{dtype}, forward", call, qkv, dtype=dtype))
    return out


def _layers() -> list[Case]:
    setup = "m = nn.MultiheadAttention(128, 4, batch_first=True); a = x(8, 64, 128)"
    run = "m(a, a, a, need_weights=False)[0]"
    return [
        Case(
            6,
            "nn.MultiheadAttention(128, 4), 8 x 64",
            f"{threads_text(t)}, forward",
            run,
            setup,
            threads=t,
            quick=t == 1,
        )
        for t in (1, 2)
    ]


def _embeddings() -> list[Case]:
    out = []
    for name, (words, width, tokens) in EMBEDDINGS.items():
        for threads in (1, 2):
            setup = f"w = x({words}, {width}).requires_grad_(); k = i({tokens}, hi={words})"
            row, column = f"embedding, {name}", threads_text(threads)
            quick = words == 10000 and threads == 1
            out.append(
                Case(6, row, f"{column}, forward", "F.embedding(k, w)", setup, threads=threads, quick=quick)
            )
            setup += "; y = F.embedding(k, w); g = torch.rand_like(y)"
            run = "torch.autograd.grad(y, w, g, retain_graph=True)"
            out.append(Case(6, row, f"{column}, gradients", run, setup, threads=threads, quick=quick))
    return out


def cases() -> list[Case]:
    return [*_attention(), *_layers(), *_embeddings()]
