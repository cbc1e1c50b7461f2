"""Backward, hooks, modes and custom functions: the expressions of autograd_expressions.txt as PyTorch answers
them, and what needs more than one."""

from __future__ import annotations

import json

import expressions
import numpy as np
import pytest

import rushlight as torch

EXPECTED = json.loads(expressions.GOLDEN.read_text())
EXTRA = expressions.definitions(torch)


@pytest.mark.parametrize("line", expressions.lines("autograd"))
def test_expression(line):
    assert expressions.outcome(torch, line, np, EXTRA)[0] == EXPECTED[line][0]


def ones(*size, **options):
    return torch.ones(*size, requires_grad=True, **options)


def test_modes_as_scopes_and_decorators():
    assert torch.is_grad_enabled()
    with torch.no_grad():
        assert not torch.is_grad_enabled()
        with torch.enable_grad():
            assert torch.is_grad_enabled()
        assert not torch.is_grad_enabled()

    @torch.no_grad()
    def called():
        return torch.is_grad_enabled()

    @torch.no_grad
    def bare():
        return torch.is_grad_enabled()

    @torch.no_grad()
    def generator():
        yield torch.is_grad_enabled()
        yield torch.is_grad_enabled()

    assert called() is False
    assert bare() is False
    assert called.__name__ == "called"
    steps = []
    for value in generator():
        steps.append((value, torch.is_grad_enabled()))
    assert steps == [(False, True), (False, True)]
    torch.set_grad_enabled(False)
    assert not torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    with torch.set_grad_enabled(False):
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    with pytest.raises(ZeroDivisionError), torch.no_grad():
        1 / 0  # noqa: B018
    assert torch.is_grad_enabled()


def test_inference_mode():
    with torch.inference_mode():
        y = torch.ones(2)
        assert torch.is_inference_mode_enabled()
        assert y.is_inference()
    assert not torch.is_inference_mode_enabled()
    with pytest.raises(RuntimeError, match="outside InferenceMode"):
        y.add_(1)
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved"):
        ones(2) * y


def test_retained_gradients_are_what_hooks_make_of_them():
    x = ones(2)
    y = x * 3
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    y.sum().backward(retain_graph=True)
    assert y.grad.tolist() == [2, 2]
    y.sum().backward()
    assert y.grad.tolist() == [4, 4]
    assert x.grad.tolist() == [12, 12]


def test_retained_gradient_follows_in_place_changes():
    x = ones(2)
    y = x * 3
    y.retain_grad()
    y.mul_(5)
    y.sum().backward()
    assert y.grad.tolist() == [1, 1]
    assert x.grad.tolist() == [15, 15]


def test_hooks_can_be_removed():
    seen = []
    x = ones(1)
    handle = x.register_hook(lambda g: seen.append(g.item()))
    x.sum().backward()
    handle.remove()
    x.sum().backward()
    assert seen == [1]
    with x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.item())):
        x.sum().backward()
    x.sum().backward()
    assert seen == [1, 3]


def test_node_hooks():
    x = ones(2)
    y = x * 2
    seen = []
    y.grad_fn.register_prehook(lambda grads: (grads[0] * 10,))
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append((inputs[0].tolist(), outputs[0].tolist())))
    y.sum().backward()
    assert seen == [([20, 20], [10, 10])]
    assert x.grad.tolist() == [20, 20]


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale=1):
        ctx.save_for_backward(x)
        ctx.scale = scale
        return scale * x**3

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        assert ctx.needs_input_grad == (True, False)
        return grad * 3 * ctx.scale * x**2, None


def test_custom_function_and_its_second_derivative():
    x = torch.tensor([2.0], requires_grad=True)
    y = Cube.apply(x, 2)
    assert y.grad_fn.name() == "CubeBackward"
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    assert g.item() == 24
    g.backward()
    assert x.grad.item() == 24
    assert torch.autograd.gradcheck(
        lambda v: Cube.apply(v, 2), (torch.rand(3, dtype=torch.float64, requires_grad=True),)
    )
    assert torch.autograd.gradgradcheck(
        lambda v: Cube.apply(v, 2), (torch.rand(3, dtype=torch.float64, requires_grad=True),)
    )


def test_custom_function_with_setup_context_and_several_outputs():
    class Both(torch.autograd.Function):
        @staticmethod
        def forward(a, b=2):
            return a * b, a > 0, "text"

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.b = inputs[1]
            ctx.mark_non_differentiable(output[1])

        @staticmethod
        def backward(ctx, grad, mask_grad, text_grad):
            assert text_grad is None
            return grad * ctx.b, None

    x = ones(2)
    y, mask, text = Both.apply(x)
    assert text == "text"
    assert not mask.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_contexts_are_freed_with_their_graph():
    import gc
    import weakref

    x = ones(2)
    y = Cube.apply(x)
    ref = weakref.ref(y.grad_fn)
    assert ref() is y.grad_fn
    del y
    gc.collect()
    assert ref() is None


def test_gradcheck_finds_a_wrong_gradient():
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            return grad * 3

    x = torch.rand(2, dtype=torch.float64, requires_grad=True)
    with pytest.raises(RuntimeError, match="Jacobian mismatch for output 0 with respect to input 0"):
        torch.autograd.gradcheck(Wrong.apply, (x,))
    assert not torch.autograd.gradcheck(Wrong.apply, (x,), raise_exception=False)


def test_jacobian_and_hessian():
    from rushlight.autograd.functional import hessian, jacobian, vjp

    x = torch.tensor([1.0, 2.0])
    assert jacobian(lambda v: v**2, x).tolist() == [[2, 0], [0, 4]]
    assert hessian(lambda v: (v**3).sum(), x).tolist() == [[6, 0], [0, 12]]
    assert vjp(lambda v: (v**2).sum(), x)[1].tolist() == [2, 4]


def test_anomaly_mode_names_the_line():
    with torch.autograd.detect_anomaly(), pytest.warns(UserWarning, match="Traceback of forward call"):
        x = torch.zeros(1, requires_grad=True)
        y = torch.sqrt(x * 0 - 1)  # the line
        with pytest.raises(
            RuntimeError, match="Function 'SqrtBackward0' returned nan values in its 0th output."
        ):
            y.sum().backward()


def test_long_chains_neither_overflow_nor_leak():
    x = ones(1)
    y = x
    for _ in range(100_000):
        y = y + 1
    y.backward()
    assert x.grad.item() == 1
    del y


def test_backward_to_chosen_inputs():
    a, b = ones(1), ones(1)
    c = a * 2
    (c * b).sum().backward(inputs=[b, c])
    assert a.grad is None
    assert b.grad.item() == 2
    assert c.grad.item() == 1


def test_threads_share_leaves():
    import threading

    x = ones(1000)

    def work():
        for _ in range(50):
            (x * 2).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert x.grad.tolist() == [400] * 1000
