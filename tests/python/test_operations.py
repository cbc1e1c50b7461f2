"""Every operation of the table against PyTorch: values, gradients, second gradients, every dtype, odd
strides, errors, and the example in its documentation. The expectations are recorded
(tests/golden/operations.json.gz); where PyTorch is installed its live results are compared instead.
"""

from __future__ import annotations

import doctest
import gzip
import json
import math
import pathlib

import pytest
import samples

import rushlight

TABLE = rushlight._C._operations()
GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "operations.json.gz"

# Tolerances, relative and absolute, by the dtype of the result.
TOLERANCE = {"float16": (2e-3, 2e-3), "bfloat16": (1.6e-2, 1.6e-2), "float32": (2e-5, 2e-5),
             "float64": (1e-9, 1e-9), "complex64": (2e-5, 2e-5), "complex128": (1e-9, 1e-9)}  # fmt: skip


def cases():
    for entry in TABLE:
        for k, sample in enumerate(samples.split(entry["samples"])):
            yield pytest.param(entry, sample, k, id=f"{entry['name']}({sample})")


@pytest.fixture(scope="session")
def expected(request):
    try:
        import torch
    except ImportError:
        recorded = json.loads(gzip.decompress(GOLDEN.read_bytes()))
        return lambda entry, sample: recorded.get(f"{entry['module']}.{entry['name']}({sample})")
    import warnings

    warnings.simplefilter("ignore")
    import sys

    sys.path.insert(0, str(GOLDEN.parent))
    import record_operations

    def live(entry, sample):
        if samples.function(torch, entry) is None:
            return None
        out = samples.run(torch, entry, sample, gradients=2)
        if sample == samples.split(entry["samples"])[0] and "x(" in sample:
            out["dtypes"] = {
                d: samples.run(torch, entry, sample, dtype=getattr(torch, d))
                for d in record_operations.DTYPES
            }
        return out

    return live


def close(got, want, rtol, atol):
    if isinstance(got, list):
        return all(close(g, w, rtol, atol) for g, w in zip(got, want, strict=True))
    if isinstance(want, bool) or isinstance(got, bool):
        return got == want
    if math.isnan(want) or math.isnan(got):
        return math.isnan(want) and math.isnan(got)
    return got == want or abs(got - want) <= atol + rtol * abs(want)


def compare(got, want, what):
    if want is None or got is None:
        # A gradient that is None in one library may be zeros in the other.
        rest = got or want
        assert rest is None or all(v == 0 for v in rest["data"]), f"{what}: got {got}, expected {want}"
        return
    if "value" in want:
        assert got == want, what
        return
    assert got["dtype"] == want["dtype"], f"{what}: dtype {got['dtype']}, expected {want['dtype']}"
    assert got["shape"] == want["shape"], f"{what}: shape {got['shape']}, expected {want['shape']}"
    rtol, atol = TOLERANCE.get(want["dtype"], (0, 0))
    assert close(got["data"], want["data"], rtol, atol), (
        f"{what}:\n got      {got['data']}\n expected {want['data']}"
    )


def compare_results(got, want, what):
    if "error" in want:
        assert "error" in got, f"{what}: expected {want['error']}: {want['text']}, got a result"
        assert got["error"] == want["error"], (
            f"{what}: {got['error']}: {got['text']}; expected {want['error']}: {want['text']}"
        )
        return
    assert "error" not in got, f"{what}: {got.get('error')}: {got.get('text')}"
    ends = got.get("refused"), want.get("refused")
    assert ends[0] == ends[1], f"{what}: the backward pass ends in {ends[0]}, not {ends[1]}"
    for key in ("outputs", "gradients", "second"):
        if key in want:
            if key == "second" and key not in got:  # a gradient that depends on nothing may say so
                got[key] = [None] * len(want[key])
            assert len(got.get(key, [])) == len(want[key]), (
                f"{what}: {key}: {got.get(key)}, expected {want[key]}"
            )
            for g, w in zip(got[key], want[key], strict=True):
                compare(g, w, f"{what}: {key}")


@pytest.mark.parametrize("entry, sample, k", list(cases()))
def test_values_and_gradients(entry, sample, k, expected):
    want = expected(entry, sample)
    if want is None:
        pytest.skip("PyTorch has no function of this name and place to compare with")
    compare_results(samples.run(rushlight, entry, sample, gradients=2), want, f"{entry['name']}({sample})")


@pytest.mark.parametrize("entry, sample, k", [c for c in cases() if c.values[2] == 0 and "x(" in c.values[1]])
def test_dtypes(entry, sample, k, expected):
    want = expected(entry, sample)
    if want is None:
        pytest.skip("PyTorch has no function of this name and place to compare with")
    for dtype, result in want["dtypes"].items():
        got = samples.run(rushlight, entry, sample, dtype=getattr(rushlight, dtype))
        compare_results(got, result, f"{entry['name']}({sample}) with {dtype}")


def spread(t):
    """The same values, three elements apart in memory and transposed."""
    if t.dim() == 0:
        return t
    wide = rushlight.zeros([s * 3 for s in reversed(t.shape)], dtype=t.dtype)
    view = (
        wide.as_strided(list(t.shape), [3 * s for s in wide.permute(*reversed(range(t.dim()))).stride()])
        if t.numel()
        else wide.permute(*reversed(range(t.dim())))[tuple(slice(0, s) for s in t.shape)]
    )
    view.copy_(t)
    assert t.numel() < 2 or not view.is_contiguous()
    return view


LAYOUT_DEPENDENT = {
    *("as_strided", "view", "view_as", "view_as_complex", "empty_like", "rand_like", "randn_like"),
}


@pytest.mark.parametrize("entry, sample, k", list(cases()))
def test_strides(entry, sample, k):
    dense = samples.run(rushlight, entry, sample)
    if entry["name"] in LAYOUT_DEPENDENT:
        pytest.skip("the result depends on the layout, or on chance, by definition")
    compare_results(
        samples.run(rushlight, entry, sample, transform=spread), dense, f"{entry['name']}({sample}), strided"
    )


@pytest.mark.parametrize("entry", [pytest.param(e, id=e["name"]) for e in TABLE if e["doc"]])
def test_documented_example(entry):
    assert ">>>" in entry["doc"], "a declaration's documentation has an example"
    test = doctest.DocTestParser().get_doctest(
        entry["doc"], {"torch": rushlight, "F": rushlight.nn.functional}, entry["name"], None, 0
    )
    runner = doctest.DocTestRunner(verbose=False)
    out: list[str] = []
    runner.run(test, out=out.append)
    assert runner.failures == 0, "".join(out)
