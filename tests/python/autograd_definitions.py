# ruff: noqa: F821
"""Custom functions for the autograd expressions, right and wrong ones; `torch` is given."""


class F1(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        return a * b

    @staticmethod
    def backward(ctx, g):
        return g


class F2(F1):
    @staticmethod
    def backward(ctx, g):
        return g, g, g


class F3(F1):
    @staticmethod
    def backward(ctx, g):
        return g, g, None


class F4(F1):
    @staticmethod
    def backward(ctx, g):
        return torch.ones(3), g


class F5(F1):
    @staticmethod
    def forward(ctx, a, b):
        return a * b

    @staticmethod
    def backward(ctx, g):
        return 1, g


class F6(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(1)
        return a * 2


class F7(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        return a * 2


class F8(torch.autograd.Function):
    pass


class F9(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        ctx.mark_dirty(a)
        a.mul_(2)
        return a

    @staticmethod
    def backward(ctx, g):
        return g * 2


class F10(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return a * 2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        (a,) = ctx.saved_tensors
        return g * a


class F11(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, n):
        ctx.n = n
        return a * n

    @staticmethod
    def backward(ctx, g):
        return g, g


log = []


def saved(f, pack=None, unpack=None):
    """f() with hooks on what it saves, and what they have seen in `log`."""
    log.clear()

    def note(t):
        log.append((t.requires_grad, t.grad_fn, t.is_leaf))
        return t.clone()

    def give_back(t):
        log.append("unpack")
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack or note, unpack or give_back):
        return f()


def failure(f):
    try:
        return f()
    except Exception as error:
        return repr(error)
