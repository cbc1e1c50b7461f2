"""MultiheadAttention with masks, in every layout, with and without weights, against PyTorch."""

from __future__ import annotations

import pytest
from test_layers import build, close, flat

import rushlight

HEADS, SIZE, BATCH, QUERIES, KEYS = 2, 6, 3, 4, 5
LAYERS = [
    "MultiheadAttention(6, 2)",
    "MultiheadAttention(6, 2, batch_first=True, bias=False)",
    "MultiheadAttention(6, 2, add_bias_kv=True, add_zero_attn=True)",
    "MultiheadAttention(6, 2, batch_first=True, add_zero_attn=True, kdim=3, vdim=5)",
    "MultiheadAttention(6, 2, dropout=0.4)",
]
# Masks of what must not be attended to, or what is added to the scores.
MASKS = {
    "none": lambda library: {},
    "queries by keys": lambda library: {
        "attn_mask": library.arange(QUERIES * KEYS).reshape(QUERIES, KEYS) % 3 == 1
    },
    "each head": lambda library: {
        "attn_mask": library.linspace(-1, 1, BATCH * HEADS * QUERIES * KEYS).reshape(-1, QUERIES, KEYS)
    },
    "padding": lambda library: {"key_padding_mask": library.arange(KEYS) >= library.tensor([[5], [3], [1]])},
    "both": lambda library: {
        "attn_mask": library.linspace(-1, 1, QUERIES * KEYS).reshape(QUERIES, KEYS),
        "key_padding_mask": library.zeros(BATCH, KEYS) - library.arange(KEYS) / 4,
    },
    "causal": lambda library: {
        "attn_mask": library.ones(QUERIES, KEYS, dtype=library.bool).triu(1),
        "is_causal": True,
    },
}


def run(library, text, mask, weighed, batched=True):
    layer = build(library, text)
    library.manual_seed(7)
    inputs = []
    for steps, size in ((QUERIES, SIZE), (KEYS, layer.kdim), (KEYS, layer.vdim)):
        sizes = (BATCH, steps, size) if layer.batch_first else (steps, BATCH, size)
        inputs.append(library.randn(*(sizes if batched else (steps, size))).requires_grad_())
    library.manual_seed(8)
    results = flat(layer(*inputs, need_weights=weighed, **MASKS[mask](library)))
    total = sum((t * library.linspace(1, 2, t.numel()).reshape(t.shape)).sum() for t in results)
    return results, library.autograd.grad(total, [*inputs, *layer.parameters()])


@pytest.mark.parametrize("weighed", [True, False])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("text", LAYERS)
def test_like_pytorch(torch, text, mask, weighed):
    (ours, our_gradients), (theirs, their_gradients) = (
        run(library, text, mask, weighed) for library in (rushlight, torch)
    )
    for a, b in zip(ours + list(our_gradients), theirs + list(their_gradients), strict=True):
        close(a, b, 2e-5)


@pytest.mark.parametrize("weighed", [True, False])
@pytest.mark.parametrize("mask", ["none", "queries by keys", "causal"])
@pytest.mark.parametrize("text", LAYERS)
def test_without_batch(torch, text, mask, weighed):
    (ours, our_gradients), (theirs, their_gradients) = (
        run(library, text, mask, weighed, batched=False) for library in (rushlight, torch)
    )
    for a, b in zip(ours + list(our_gradients), theirs + list(their_gradients), strict=True):
        close(a, b, 2e-5)


@pytest.mark.parametrize("weighed", [True, False])
def test_masks_of_other_sizes(torch, weighed):
    texts = []
    for library in (rushlight, torch):
        layer = build(library, LAYERS[0])
        for x in (library.ones(4, 3, 6), library.ones(4, 6)):
            for sizes in ((4, 5), (1, 4), (3, 4, 4), (1, 1, 4, 4)):
                with pytest.raises((RuntimeError, AssertionError)) as refused:
                    layer(x, x, x, attn_mask=library.zeros(*sizes), need_weights=weighed)
                texts.append((refused.type, str(refused.value)))
    assert texts[:8] == texts[8:]


def test_a_query_that_may_attend_to_nothing(torch):
    """Without weights its result is zero; with weights it is not a number."""
    for weighed in (False, True):
        results = []
        for library in (rushlight, torch):
            layer, x = build(library, LAYERS[0]), library.ones(2, 3, 6)
            mask = library.tensor([[True, True], [False, True]])
            results.append(layer(x, x, x, attn_mask=mask, need_weights=weighed)[0])
        close(*results, 1e-5)
