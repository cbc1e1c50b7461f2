"""Every operation of the table gives the same bits, forward and backward, on 1, 2, 3 and 7 threads.

The samples of the table are made large enough that the kernels split the work (they leave 16,384 elements and
fewer to one thread). LARGE has samples for operations whose own ones cannot simply grow, or that have none
because their results depend on chance or on memory.
"""

from __future__ import annotations

import hashlib
import warnings

import pytest
import samples

import rushlight

pytestmark = pytest.mark.slow  # runs the whole table on large tensors

THREADS = (1, 2, 3, 7)
ELEMENTS = 150_000  # nine chunks of an elementwise kernel
TABLE = rushlight._C._operations()

LARGE = {
    "bernoulli": "x(400, 400, lo=0, hi=1)",
    "binomial": "i(400, 400, hi=20).float(), x(400, 400, lo=0.1, hi=0.9)",
    "block_diag": "[x(300, 300), x(300, 300)]",
    "cartesian_prod": "[x(300), x(400)]",
    "combinations": "x(500)",
    "copy_": "x(400, 400), x(400)",
    "ctc_loss": "x(120, 8, 40).log_softmax(2), i(8, 30, lo=1, hi=40), (120,) * 8, (30,) * 8",
    "diag": "x(500)",
    "diag_embed": "x(40, 60)",
    "diagflat": "x(20, 20)",
    "dropout": "x(400, 400), 0.5, True",
    "einsum": "'ij,jk->ik', [x(300, 400), x(400, 300)]",
    "exponential_": "x(400, 400)",
    "expand": "x(400, 1), (400, 400)",
    "fill_": "x(400, 400), 2",
    "fold": "x(8, 64, 4096), (65, 65), 2",
    "ger": "x(400), x(500)",
    "gumbel_softmax": "x(400, 400)",
    "index_copy": "x(400, 400), 0, torch.arange(300), x(300, 400)",
    "index_put": "x(400, 400), (i(300, hi=400),), x(300, 400), True",
    "instance_norm": "x(8, 16, 40, 40), torch.zeros(16), torch.ones(16), x(16), x(16), True",
    "kron": "x(20, 30), x(20, 20)",
    "layer_norm": "x(400, 400), (400,), x(400), x(400)",
    "masked_scatter": "x(400, 400), b(400, 400), x(400, 400)",
    "meshgrid": "[x(400), x(400)], indexing='ij'",
    "multinomial": "x(100, 2000, lo=0, hi=1), 50",
    "normal": "x(400, 400), 2.0",
    "normal_": "x(400, 400)",
    "one_hot": "i(40000, hi=10), 10",
    "outer": "x(400), x(500)",
    "pad": "x(400, 400), (3, 3, 3, 3)",
    "poisson": "x(400, 400, lo=0, hi=9)",
    "put": "x(400, 400), torch.arange(0, 160000, 3), x(53334)",
    "rand": "400, 400",
    "randint": "0, 10, (400, 400)",
    "randn": "400, 400",
    "randperm": "150000",
    "repeat_interleave": "x(400, 400), 3, 0",
    "reshape": "x(400, 400).t(), (200, 800)",
    "rms_norm": "x(400, 400), (400,), x(400)",
    "scatter": "x(400, 400), 1, i(400, 400, hi=400), 2.0",
    "tensordot": "x(300, 400), x(400, 300), 1",
    "uniform_": "x(400, 400)",
    "vander": "x(400), 400",
}
# Their results on tensors of any size are small, or views, or each element's own index.
NEVER_SPLIT = ("broadcast_to", "diagonal", "split", "split_with_sizes", "sum_to_size", "unflatten", "view",
               "view_as_complex")  # fmt: skip
DRAWN = ("normal", "bernoulli", "poisson", "binomial", "multinomial")  # from the tensors, without gradients


def large_samples(entry: dict) -> list[str]:
    if samples.function(rushlight, entry) is None:
        return []  # one of those that the package calls behind a public function (_unique2)
    own = [] if entry["name"] in samples.PRODUCTS else samples.split(entry["samples"])
    grown = [samples.enlarged(s, ELEMENTS) for s in own if not samples.has_empty(s)]
    if entry["name"] in LARGE and entry["module"] in ("torch", "torch.nn.functional"):
        grown.append(LARGE[entry["name"]])
    return list(dict.fromkeys(grown))


def digest(value) -> str:
    """The bits of a result, with its dtype and shape."""
    if not samples.is_tensor(value):
        return repr(value)
    t = value.detach().contiguous()
    if t.is_complex():
        t = rushlight.view_as_real(t)
    bits = hashlib.sha256(t.flatten().view(rushlight.uint8).numpy()).hexdigest() if t.numel() else ""
    return f"{value.dtype} {tuple(value.shape)} {bits}"


def bits(entry: dict, sample: str, threads: int) -> list[str] | None:
    """Digests of the inputs, the results and the gradients; None if the call is refused."""
    rushlight.set_num_threads(threads)
    rushlight.manual_seed(0)
    makers = samples.LargeMakers(rushlight, "")
    args, kwargs = makers.arguments(sample)
    tracked = not entry["name"].endswith("_") and entry["name"] not in DRAWN
    inputs = [t for t in makers.inputs if t.dtype.is_floating_point and tracked]
    for t in inputs:
        t.requires_grad_()
    try:
        results = samples.flatten(samples.function(rushlight, entry)(*args, **kwargs))
    except (RuntimeError, ValueError, IndexError, TypeError):
        return None
    found = [digest(r) for r in [*makers.inputs, *results]]
    derived = [r for r in results if samples.is_tensor(r) and r.requires_grad]
    return found + (gradient_digests(derived, inputs) if derived else [])


def gradient_digests(results: list, inputs: list) -> list[str]:
    incoming = [rushlight.rand_like(r) for r in results]
    try:
        gradients = rushlight.autograd.grad(results, inputs, incoming, allow_unused=True)
    except RuntimeError as e:
        assert "is not implemented" in str(e), e  # floor_divide has a graph and no derivative
        return []
    return [digest(g) for g in gradients if g is not None]


@pytest.fixture(autouse=True)
def threads_are_left_as_found():
    before = rushlight.get_num_threads()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    rushlight.set_num_threads(before)


def cases():
    return [pytest.param(e, id=f"{e['name']}-{k}") for k, e in enumerate(TABLE) if large_samples(e)]


@pytest.mark.parametrize("entry", cases())
def test_same_bits(entry):
    ran = 0
    for sample in large_samples(entry):
        alone = bits(entry, sample, 1)
        if alone is None:
            continue
        ran += 1
        for threads in THREADS[1:]:
            assert bits(entry, sample, threads) == alone, f"{entry['name']}({sample}) on {threads} threads"
    assert ran or entry["name"] in NEVER_SPLIT, "no large sample works: LARGE needs one"


def test_the_comparison_sees_a_difference():
    """A sum in another order is another sum: digests differ where the last bit does."""
    t = rushlight.tensor([1.0, 2.0])
    assert digest(t) == digest(t.clone())
    assert digest(t) != digest(rushlight.nextafter(t, t + 1))
