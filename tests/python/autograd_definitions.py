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
