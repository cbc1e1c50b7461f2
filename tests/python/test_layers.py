"""Builtin layers: text, options, state dict keys, initial values and results, against recorded text and a
live PyTorch."""

import pytest

import rushlight
from rushlight import nn

# (layer, shapes of the inputs); "i5:2,3" are integers below 5.
LAYERS = [
    ("Identity()", "2,3"), ("Linear(3, 4)", "2,3"), ("Linear(3, 4, bias=False)", "2,5,3"),
    ("Bilinear(2, 3, 4)", "5,2 5,3"), ("Flatten()", "2,3,4"), ("Unflatten(1, (2, 2))", "3,4"),
    ("Conv1d(2, 4, 3, stride=2, padding=1)", "2,2,9"), ("Conv2d(2, 4, 3, padding=1)", "2,2,6,5"),
    ("Conv2d(2, 4, 3, padding='same', bias=False)", "2,2,6,5"),
    ("Conv2d(4, 4, (3, 2), groups=2, dilation=(1, 2))", "1,4,7,6"),
    ("Conv2d(2, 4, 3, padding=1, padding_mode='circular')", "2,2,6,5"),
    ("ConvTranspose1d(2, 4, 3, stride=2, output_padding=1)", "2,2,6"),
    ("ConvTranspose2d(2, 4, 3, padding=1)", "2,2,6,5"), ("MaxPool1d(2)", "2,3,8"),
    ("MaxPool2d(2)", "2,3,8,6"), ("MaxPool2d((3, 2), stride=2, padding=1)", "2,3,8,6"),
    ("AvgPool1d(2)", "2,3,8"), ("AvgPool2d(3, padding=1)", "2,3,8,6"), ("AdaptiveAvgPool1d(3)", "2,3,8"),
    ("AdaptiveAvgPool2d((None, 3))", "2,3,8,6"), ("AdaptiveMaxPool1d(3)", "2,3,8"),
    ("AdaptiveMaxPool2d(2)", "2,3,8,6"), ("MaxPool3d(2)", "2,3,4,6,5"),
    ("MaxPool3d(3, 2, 1, return_indices=True)", "2,3,4,6,5"), ("AvgPool3d(2, padding=1)", "2,3,4,6,5"),
    ("AdaptiveAvgPool3d((None, 3, 2))", "2,3,4,6,5"), ("AdaptiveMaxPool3d(2)", "2,3,4,6,5"),
    ("LPPool3d(2, 2)", "2,3,4,6,4"), ("BatchNorm1d(3)", "4,3"), ("BatchNorm2d(3)", "4,3,5,5"),
    ("BatchNorm2d(3, momentum=None, affine=False)", "4,3,5,5"),
    ("BatchNorm1d(3, track_running_stats=False)", "4,3,6"), ("BatchNorm1d(3, bias=False)", "4,3"),
    ("LayerNorm(4)", "2,3,4"), ("LayerNorm([3, 4], bias=False)", "2,3,4"), ("GroupNorm(2, 4)", "2,4,5"),
    ("InstanceNorm1d(3)", "2,3,5"), ("InstanceNorm2d(3, affine=True, track_running_stats=True)", "2,3,5,4"),
    ("RMSNorm(4)", "2,3,4"), ("RMSNorm((5, 40), elementwise_affine=False)", "6,5,40"),
    ("RMSNorm(70)", "9,70"), ("LocalResponseNorm(2)", "2,4,5"), ("Embedding(5, 4, padding_idx=-1)", "i5:2,3"),
    ("Embedding(5, 4)", "i5:7"), ("EmbeddingBag(5, 4)", "i5:2,3"),
    ("EmbeddingBag(5, 4, mode='max', padding_idx=-2)", "i5:2,3"),
    ("EmbeddingBag(5, 4, mode='sum', max_norm=1.)", "i5:6 i1:1"), ("ReLU(True)", "2,3"), ("ReLU6()", "2,3"),
    ("Hardtanh(-2., 1.)", "2,3"), ("Sigmoid()", "2,3"), ("Hardsigmoid()", "2,3"), ("Tanh()", "2,3"),
    ("SiLU()", "2,3"), ("Mish()", "2,3"), ("Hardswish()", "2,3"), ("ELU(2)", "2,3"), ("CELU()", "2,3"),
    ("SELU()", "2,3"), ("GLU()", "2,4"), ("GELU()", "2,3"), ("GELU('tanh')", "2,3"), ("Hardshrink()", "2,3"),
    ("LeakyReLU(0.2, inplace=True)", "2,3"), ("LogSigmoid()", "2,3"), ("Softplus()", "2,3"),
    ("Softshrink()", "2,3"), ("PReLU(3)", "2,3"), ("Softsign()", "2,3"), ("Tanhshrink()", "2,3"),
    ("Softmin(1)", "2,3"), ("Softmax(dim=1)", "2,3"), ("Softmax2d()", "2,3,2,2"), ("LogSoftmax(1)", "2,3"),
    ("Threshold(0.1, 20)", "2,3"), ("Dropout(0.3)", "20,30"), ("Dropout(0)", "2,3"),
    ("Dropout1d(0.4)", "4,5,6"), ("Dropout2d(0.4)", "4,5,6,2"), ("AlphaDropout(0.2)", "20,3"),
    ("L1Loss()", "2,3 2,3"), ("MSELoss()", "2,3 2,3"), ("MSELoss(reduction='sum')", "2,3 2,3"),
    ("SmoothL1Loss(beta=0.5)", "2,3 2,3"), ("HuberLoss(delta=0.3)", "2,3 2,3"),
    ("CrossEntropyLoss(label_smoothing=0.1)", "4,5 i5:4"), ("KLDivLoss(reduction='batchmean')", "2,3 2,3"),
    ("BCEWithLogitsLoss()", "2,3 2,3"), ("SoftMarginLoss()", "2,3 2,3"),
    ("TripletMarginLoss()", "2,3 2,3 2,3"), ("MSELoss(size_average=False)", "2,3 2,3"),
    ("ZeroPad2d(1)", "1,2,3,4"), ("ConstantPad1d((1, 2), 3.5)", "1,2,3"),
    ("ReflectionPad2d((1, 2, 0, 1))", "1,2,3,4"), ("ReplicationPad1d(2)", "1,2,3"),
    ("CircularPad1d(1)", "1,2,3"), ("Upsample(scale_factor=2)", "1,2,3,4"),
    ("Upsample(size=(5, 7), mode='bilinear')", "1,2,3,4"), ("UpsamplingNearest2d(scale_factor=2)", "1,2,3,4"),
    ("PixelShuffle(2)", "1,4,2,3"), ("PixelUnshuffle(2)", "1,1,4,6"), ("Unfold(2)", "1,2,3,4"),
    ("CosineSimilarity()", "2,3 2,3"), ("PairwiseDistance()", "2,3 2,3"),
    ("RNN(3, 4, num_layers=2, nonlinearity='relu')", "5,2,3"),
    ("LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)", "2,5,3"),
    ("LSTM(3, 4, proj_size=2)", "5,2,3"), ("GRU(3, 4, bias=False)", "5,3"), ("RNNCell(3, 4)", "2,3"),
    ("LSTMCell(3, 4)", "2,3"), ("GRUCell(3, 4)", "3"), ("MultiheadAttention(4, 2)", "5,2,4 3,2,4 3,2,4"),
    ("MultiheadAttention(4, 2, kdim=3, vdim=5, batch_first=True)", "2,5,4 2,3,3 2,3,5"),
    ("TransformerEncoderLayer(4, 2, 8, dropout=0.)", "5,2,4"),
    ("TransformerEncoderLayer(4, 2, 8, 0., norm_first=True, batch_first=True)", "2,5,4"),
    ("TransformerDecoderLayer(4, 2, 8, dropout=0.)", "5,2,4 3,2,4"),
    ("Transformer(4, 2, 1, 1, 8, 0.)", "5,2,4 3,2,4"),
]  # fmt: skip


def inputs_of(library, specification):
    """The same numbers in both libraries: multiples of 1/8 in a fixed disorder."""
    out = []
    for item in specification.split():
        high = 0
        if item.startswith("i"):
            high, item = int(item[1 : item.index(":")]), item[item.index(":") + 1 :]
        shape = [int(n) for n in item.split(",")]
        count = 1
        for n in shape:
            count *= n
        numbers = [(7 * i + 3 * len(out)) % (high or 31) for i in range(count)]
        values = numbers if high else [(n - 15) / 8 for n in numbers]
        tensor = library.tensor(values).reshape(shape)
        out.append(tensor if high else tensor.requires_grad_(not out))
    return out


def flat(result):
    """All tensors of a nested result."""
    if result is None:
        return []
    if isinstance(result, (tuple, list)):
        return [t for part in result for t in flat(part)]
    return [result]


def close(ours, theirs, tolerance=2e-6):
    assert (
        tuple(ours.shape) == tuple(theirs.shape)
        and str(ours.dtype).rpartition(".")[2] == str(theirs.dtype).rpartition(".")[2]
    )
    for a, b in zip(ours.detach().reshape(-1).tolist(), theirs.detach().reshape(-1).tolist(), strict=True):
        assert a == b or (a != a and b != b) or abs(a - b) <= tolerance * max(1, abs(b)), (a, b)


def build(library, text):
    library.manual_seed(3)
    return eval("nn." + text, {"nn": library.nn})  # noqa: S307


@pytest.mark.parametrize(("text", "shapes"), LAYERS, ids=[text for text, _ in LAYERS])
def test_like_pytorch(torch, text, shapes):
    ours, theirs = build(rushlight, text), build(torch, text)
    assert repr(ours) == repr(theirs)
    a, b = ours.state_dict(), theirs.state_dict()
    assert list(a) == list(b) and list(a._metadata.items()) == list(b._metadata.items())
    for name in a:
        close(a[name], b[name], 1e-6)
    known = {k: v for k, v in vars(theirs).items() if not k.startswith("_") and k != "name"}
    for name, v in known.items():
        if not callable(v):
            assert getattr(ours, name) == v, name
    for training in (True, False):
        ours.train(training), theirs.train(training)
        rushlight.manual_seed(5), torch.manual_seed(5)
        x, y = inputs_of(rushlight, shapes), inputs_of(torch, shapes)
        inplace = "True)" in text and "inplace" in vars(ours)
        got, want = (m(*[t.clone() if inplace else t for t in v]) for m, v in ((ours, x), (theirs, y)))
        got, want = flat(got), flat(want)
        assert len(got) == len(want)
        for p, q in zip(got, want, strict=True):
            close(p, q, 2e-5)
        if not want[0].requires_grad:
            continue
        ours.zero_grad(), theirs.zero_grad()
        got[0].sum().backward(), want[0].sum().backward()
        for (name, p), (_, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            assert (p.grad is None) == (q.grad is None), name
            if q.grad is not None:
                close(p.grad, q.grad, 2e-4)
        if y[0].grad is not None:
            close(x[0].grad, y[0].grad, 2e-4)


@pytest.mark.parametrize(("text", "shapes"), LAYERS, ids=[text for text, _ in LAYERS])
def test_same_bits_without_a_graph(text, shapes):
    results = []
    for graph in (True, False):
        layer = build(rushlight, text)
        with rushlight.set_grad_enabled(graph):
            found = flat(layer(*[t.clone() for t in inputs_of(rushlight, shapes)]))
            results.append([repr(t.tolist()) for t in found])
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "text",
    ["Conv2d(3, 4, 3, groups=2)", "Conv2d(3, 4, 3, groups=0)", "Conv2d(4, 3, 3, groups=2)",
     "Conv2d(2, 2, 3, padding='same', stride=2)", "ConvTranspose2d(2, 2, 3, padding_mode='reflect')",
     "GroupNorm(3, 4)", "Embedding(3, 4, padding_idx=5)", "LSTM(2, 3, dropout=2)", "LSTM(2, 3, proj_size=3)",
     "LSTM(2, 0)", "RNN(2, 3, nonlinearity='x')", "MultiheadAttention(5, 2)", "Linear(-1, 3)", "Linear(2)",
     "Sequential(3)", "Dropout(1.5)"],
)  # fmt: skip
def test_constructor_errors(torch, text):
    with pytest.raises(Exception) as want:  # noqa: PT011
        build(torch, text)
    with pytest.raises(type(want.value)) as got:
        build(rushlight, text)
    assert str(got.value) == str(want.value)


def test_recorded_text():
    assert (
        repr(nn.Conv2d(2, 4, 3, padding=1))
        == "Conv2d(2, 4, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))"
    )
    assert (
        repr(nn.BatchNorm2d(3))
        == "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)"
    )
    assert repr(nn.LSTM(2, 3, batch_first=True)) == "LSTM(2, 3, batch_first=True)"


def test_packed_sequences(torch):
    results = []
    for library in (rushlight, torch):
        layer = build(library, "LSTM(3, 4, num_layers=2, bidirectional=True)")
        sequences = [library.ones(n, 3) * n / 4 for n in (2, 5, 3)]
        packed = library.nn.utils.rnn.pack_sequence(sequences, enforce_sorted=False)
        output, states = layer(packed)
        results.append([*library.nn.utils.rnn.pad_packed_sequence(output), *states])
    for ours, theirs in zip(*results, strict=True):
        close(ours, theirs, 1e-5)


def test_clipping(torch):
    norms = []
    for library in (rushlight, torch):
        layer = build(library, "Linear(3, 4)")
        layer(library.ones(2, 3)).sum().backward()
        norm = library.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
        library.nn.utils.clip_grad_value_(layer.parameters(), 0.2)
        norms.append((norm, layer.weight.grad, library.nn.utils.parameters_to_vector(layer.parameters())))
    for ours, theirs in zip(*norms, strict=True):
        close(ours, theirs)


@pytest.mark.parametrize("call", ["xavier_uniform_(t)", "xavier_normal_(t, 2.0)",
                                  "kaiming_uniform_(t, mode='fan_out', nonlinearity='relu')",
                                  "kaiming_normal_(t)", "trunc_normal_(t)",
                                  "trunc_normal_(t, std=0.02, a=0.03, b=0.05)", "normal_(t, 1, 2)",
                                  "uniform_(t, -1, 1)", "eye_(t)", "orthogonal_(t)",
                                  "orthogonal_(t.repeat(30, 40), 2)",
                                  "orthogonal_(t.repeat(40, 30)[..., None])",
                                  "sparse_(t, 0.3)",
                                  "dirac_(t[:, :, None].repeat(1, 1, 3))"])  # fmt: skip
def test_init(torch, call):
    results = []
    for library in (rushlight, torch):
        library.manual_seed(1)
        results.append(eval("init." + call, {"init": library.nn.init, "t": library.zeros(6, 5)}))  # noqa: S307
    close(*results)


ATTENTION = [  # batch, heads, key heads, queries, keys, size, size of a value
    (2, 4, 4, 130, 75, 20, 12),
    (1, 4, 2, 97, 200, 7, 33),
    (1, 1, 1, 300, 1100, 16, 16),
    (1, 2, 2, 100, 9000, 64, 8),  # more than is packed at once
]


@pytest.mark.parametrize("dtype", [rushlight.float32, rushlight.float64], ids=str)
@pytest.mark.parametrize("hidden", ["none", "causal", "mask"])
@pytest.mark.parametrize("shape", ATTENTION, ids=str)
def test_attention_over_many_blocks_is_its_composition(shape, hidden, dtype):
    batch, heads, key_heads, queries, keys, size, value_size = shape
    rushlight.manual_seed(4)
    q = rushlight.randn(batch, heads, queries, size, dtype=dtype, requires_grad=True)
    k = rushlight.randn(batch, key_heads, keys, size, dtype=dtype, requires_grad=True)
    v = rushlight.randn(batch, key_heads, keys, value_size, dtype=dtype, requires_grad=True)
    mask = rushlight.randn(queries, keys, dtype=dtype) if hidden == "mask" else None
    out = rushlight.nn.functional.scaled_dot_product_attention(
        q, k, v, mask, is_causal=hidden == "causal", enable_gqa=heads != key_heads
    )
    wide_k, wide_v = (t.repeat_interleave(heads // key_heads, 1) for t in (k, v))
    scores = q @ wide_k.transpose(-1, -2) / size**0.5
    if hidden == "causal":
        scores = scores.masked_fill(rushlight.ones(queries, keys).tril() == 0, float("-inf"))
    want = (scores if mask is None else scores + mask).softmax(-1) @ wide_v
    slope = rushlight.randn(want.shape, dtype=dtype)
    tolerance = 2e-5 if dtype == rushlight.float32 else 1e-12
    assert rushlight.allclose(out, want, rtol=tolerance, atol=tolerance)
    for got, expected in zip(
        rushlight.autograd.grad(out, (q, k, v), slope),
        rushlight.autograd.grad(want, (q, k, v), slope),
        strict=True,
    ):
        assert rushlight.allclose(got, expected, rtol=10 * tolerance, atol=10 * tolerance)
