"""Recurrent layers: their kernels against PyTorch, against the composition that gives second gradients, on
any number of threads and on every instruction set.
"""

from __future__ import annotations

import json
import pathlib

import pytest
import test_simd
import test_threads_identical
from test_layers import build, close, flat

import rushlight

HERE = pathlib.Path(__file__).parent

# (layer, lengths of the sequences): several groups of sequences, sizes that leave part vectors, one sequence
# alone, one step alone.
LAYERS = [
    ("LSTM(5, 19)", [6] * 3),
    ("LSTM(5, 19, num_layers=2, bidirectional=True)", [4] * 35),
    ("LSTM(5, 19, bidirectional=True)", [7, 1, 4] * 7),
    ("LSTM(5, 19, bias=False)", [3]),
    ("LSTM(5, 19, proj_size=6, bidirectional=True)", [4, 2, 3]),
    ("GRU(5, 19)", [6] * 3),
    ("GRU(5, 19, num_layers=2, bidirectional=True)", [4] * 35),
    ("GRU(5, 19, bidirectional=True)", [7, 1, 4] * 7),
    ("GRU(5, 19, bias=False)", [3]),
    ("GRU(3, 8)", [1] * 20),
    ("RNN(5, 19, num_layers=2, bidirectional=True)", [7, 1, 4] * 7),
    ("RNN(5, 19, nonlinearity='relu')", [4] * 35),
]  # fmt: skip
IDS = [f"{text}-{len(lengths)}x{lengths[0]}" for text, lengths in LAYERS]


class Run:
    """A layer on random sequences, packed where their lengths differ, from random first states."""

    def __init__(self, library, text, lengths, dtype="float64"):
        dtype = getattr(library, dtype)
        self.library, self.layer = library, build(library, text).to(dtype)
        library.manual_seed(7)
        self.inputs = [library.randn(n, self.layer.input_size).to(dtype) for n in lengths]
        places = self.layer.num_layers * (2 if self.layer.bidirectional else 1)
        sizes = [self.layer.proj_size or self.layer.hidden_size]
        if text.startswith("LSTM"):
            sizes.append(self.layer.hidden_size)
        self.states = [library.randn(places, len(lengths), size).to(dtype) for size in sizes]
        self.leaves = [*self.inputs, *self.states, *self.layer.parameters()]
        for t in self.leaves:
            t.requires_grad_()
        self.packed = len(set(lengths)) > 1

    def outputs(self):
        states = tuple(self.states) if len(self.states) == 2 else self.states[0]
        if not self.packed:
            return flat(self.layer(self.library.stack(self.inputs, 1), states))
        tools = self.library.nn.utils.rnn
        packed, states = self.layer(tools.pack_sequence(self.inputs, enforce_sorted=False), states)
        return flat([tools.pad_packed_sequence(packed)[0], states])

    def gradients(self, outputs, **options):
        """Of all leaves, with weights that tell the elements apart."""
        total = sum(
            (t * self.library.linspace(1, 2, t.numel(), dtype=t.dtype).reshape(t.shape)).sum()
            for t in outputs
        )
        return self.library.autograd.grad(total, self.leaves, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("text", "lengths"), LAYERS, ids=IDS)
def test_like_pytorch(torch, text, lengths, dtype):
    runs = [Run(library, text, lengths, dtype) for library in (rushlight, torch)]
    outputs = [run.outputs() for run in runs]
    gradients = [run.gradients(y) for run, y in zip(runs, outputs, strict=True)]
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    for ours, theirs in zip(*outputs, strict=True):
        close(ours, theirs, tolerance)
    for ours, theirs in zip(*gradients, strict=True):
        close(ours, theirs, 10 * tolerance)


@pytest.mark.parametrize(("text", "lengths"), LAYERS, ids=IDS)
def test_second_gradients(torch, text, lengths):
    """A gradient that is recorded is the same gradient, and its own gradient is PyTorch's."""
    found = []
    for library in (rushlight, torch):
        run = Run(library, text, lengths)
        first = run.gradients(run.outputs(), create_graph=True)
        if library is rushlight:
            for plain, recorded in zip(run.gradients(run.outputs()), first, strict=True):
                close(plain, recorded, 1e-12)
        total = sum((g * g).sum() for g in first)
        found.append(library.autograd.grad(total, run.leaves, allow_unused=True))
    for ours, theirs in zip(*found, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            close(ours, theirs, 1e-10)


@pytest.mark.parametrize("text", ["LSTM(4, 4)", "GRU(4, 4)", "RNN(4, 4)"])
def test_recorded_gradient_of_a_layer_that_reads_itself(text):
    """What a layer's input owes to the same weights is no part of the layer's own gradient."""
    layer = build(rushlight, text).double()
    x = rushlight.randn(3, 2, 4).double()
    y = layer(layer(x)[0])[0].sum()
    plain = rushlight.autograd.grad(y, list(layer.parameters()), retain_graph=True)
    recorded = rushlight.autograd.grad(y, list(layer.parameters()), create_graph=True)
    for a, b in zip(plain, recorded, strict=True):
        close(a, b, 1e-12)


@pytest.mark.parametrize("text", ["LSTM(3, 5)", "GRU(3, 5)", "RNN(3, 5)"])
def test_what_is_computed_may_change_and_what_was_read_may_not(text):
    layer = build(rushlight, text)
    x = rushlight.randn(4, 2, 3)
    expected = rushlight.autograd.grad(layer(x)[0].sum(), list(layer.parameters()))
    y = layer(x)[0]
    total = y.sum()
    with rushlight.no_grad():
        y.zero_()
    for a, b in zip(rushlight.autograd.grad(total, list(layer.parameters())), expected, strict=True):
        close(a, b)
    total = layer(x)[0].sum()
    x.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


@pytest.mark.parametrize(
    ("text", "states"), [("LSTMCell(3, 4)", 2), ("GRUCell(3, 4)", 1), ("RNNCell(3, 4)", 1)]
)
def test_cells_without_sequences(torch, text, states):
    for library in (rushlight, torch):
        result = flat(build(library, text)(library.randn(0, 3)))
        assert [tuple(t.shape) for t in result] == [(0, 4)] * states


@pytest.mark.parametrize("text", ["LSTMCell(3, 4)", "GRUCell(3, 4)", "RNNCell(3, 4)"])
@pytest.mark.parametrize(
    "shapes",
    [((2, 3), (3, 4), (2, 4)), ((2, 3), (2, 5), (2, 4)), ((2, 3), (4,), (4,)), ((3,), (1, 4), (4,)),
     ((2, 3), (2, 4), (2, 5)), ((2, 3), (2, 4), (3, 4)), ((2, 5), (2, 4), (2, 4))],
)  # fmt: skip
def test_cells_refuse_states_of_other_sizes(torch, text, shapes):
    answers = []
    for library in (rushlight, torch):
        x, h, c = (library.ones(*sizes) for sizes in shapes)
        try:
            build(library, text)(x, (h, c) if text.startswith("LSTM") else h)
            answers.append(None)
        except RuntimeError as refused:
            answers.append(str(refused))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("text", ["LSTM(64, 96, num_layers=2)", "GRU(64, 96)", "RNN(64, 96)"])
@pytest.mark.parametrize(
    "lengths", [[9] * 70, [9, 5, 2] * 20, [30], [1] * 300], ids=lambda n: f"{len(n)}x{n[0]}"
)
def test_same_bits_on_any_number_of_threads(text, lengths):
    before = rushlight.get_num_threads()
    found = []
    for threads in test_threads_identical.THREADS:
        rushlight.set_num_threads(threads)
        run = Run(rushlight, text, lengths, "float32")
        outputs = run.outputs()
        found.append([test_threads_identical.digest(t) for t in [*outputs, *run.gradients(outputs)]])
    rushlight.set_num_threads(before)
    assert all(digests == found[0] for digests in found)


# Every layer as one line of JSON: its results and gradients.
TABLE_RUN = f"""
import json, sys
sys.path.insert(0, {str(HERE)!r})
import rushlight, test_recurrent
for text, lengths in test_recurrent.LAYERS:
    run = test_recurrent.Run(rushlight, text, lengths, "float32")
    outputs = run.outputs()
    print(json.dumps([t.reshape(-1).tolist() for t in [*outputs, *run.gradients(outputs)]]))
"""


@pytest.mark.parametrize("target", test_simd.TARGETS[1:])
def test_same_results_on_every_instruction_set(target):
    best, other = (
        test_simd.run_with(t, TABLE_RUN).stdout.splitlines() for t in (test_simd.TARGETS[0], target)
    )
    assert len(best) == len(other) == len(LAYERS)
    for a, b in zip(best, other, strict=True):
        for x, y in zip(json.loads(a), json.loads(b), strict=True):
            assert max(abs(p - q) for p, q in zip(x, y, strict=True)) <= 1e-5 * max(1, *map(abs, x))


def test_results_of_cells_show_the_nodes_that_pytorch_shows(torch):
    def names(library):
        found = []
        for text in (
            "LSTMCell(3, 4)",
            "GRUCell(3, 4)",
            "RNNCell(3, 4)",
            "RNNCell(3, 4, nonlinearity='relu')",
        ):
            found += [t.grad_fn.name() for t in flat(build(library, text)(library.ones(2, 3)))]
        x = library.ones(2, requires_grad=True)
        return [*found, library.special.ndtr(x).grad_fn.name()]

    assert names(rushlight) == names(torch)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("given", ["batched", "unbatched", "packed"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    "start", ["LSTM(3, 4", "LSTM(3, 4, proj_size=2", "GRU(3, 4", "RNN(3, 4", "RNN(3, 4, nonlinearity='relu'"]
)
def test_results_of_layers_show_the_nodes_that_pytorch_shows(
    torch, start, bidirectional, batch_first, layers, given, dtype
):
    text = f"{start}, num_layers={layers}, {bidirectional=!s}, {batch_first=!s})"

    def nodes(library):
        x = library.ones(*((5, 3) if given == "unbatched" else (2, 5, 3)), dtype=getattr(library, dtype))
        layer = build(library, text).to(x.dtype)
        y, states = layer(library.nn.utils.rnn.pack_sequence([x[0], x[1, :3]]) if given == "packed" else x)
        y = y.data if given == "packed" else y
        return [(t.grad_fn.name(), t._is_view()) for t in flat([y, states])]

    assert nodes(rushlight) == nodes(torch)
