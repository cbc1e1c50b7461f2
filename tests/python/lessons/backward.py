# Leaves, graphs, modes, views and saved tensors: what backward and in-place changes do to each.
import numpy as np
import torch
from torch import nn

x = torch.ones(5, requires_grad=True)
y = x + 2
(
    x,
    y,
    y.requires_grad,
    y.grad_fn,
    x.grad_fn,
    x.grad,
    y.grad_fn.name(),
    y.grad_fn.next_functions,
    y.grad_fn.next_functions[0][0].variable is x,
    x.is_leaf,
    y.is_leaf,
    x.retains_grad,
    y.retains_grad,
    repr(y.grad_fn),
    y._version,
    x.output_nr,
    x.requires_grad,
)
# %%
y.requires_grad_(False)
# %%
y.requires_grad = True
y.requires_grad
# %%
y.is_leaf = True
# %%
y.grad_fn = None
# %%
x.requires_grad = "a"
# %%
x.requires_grad = 0
# %%
x.requires_grad_("a")
# %%
x.requires_grad_(requires_grad=True).requires_grad
# %%
z = y.sum()
z, z.backward(), x.grad, z.grad_fn, z.grad
# %%
z.backward()
# %%
x.grad
# %%
z = (x * x).sum()
z.backward()
z.backward()
# %%
z.backward(retain_graph=True)
# %%
z = (x * x).sum()
z.backward(retain_graph=True)
z.backward(retain_graph=True)
x.grad
# %%
x.grad.zero_(), x.grad
# %%
x.grad = None
y = x * 2
y.backward(torch.tensor([1.0, 0.0, 0.0, 0.0, 2.0]))
x.grad
# %%
y = x * 2
y.backward()
# %%
y.backward(1.0)
# %%
y.backward(torch.ones(3))
# %%
y.backward(torch.ones(5, dtype=torch.double))
# %%
y.backward(gradient=torch.ones(5), inputs=[x])
x.grad
# %%
y.backward(inputs=[])
# %%
(x * 2).sum().backward(inputs=x)
x.grad
# %%
torch.tensor(3.0).backward()
# %%
torch.tensor([1.0, 2.0]).backward()
# %%
(torch.tensor(3.0, requires_grad=True).backward(),)
# %%
a = torch.zeros_like(torch.tensor(3.0), requires_grad=True)
a.backward()
a.grad
# %%
torch.zeros_like(3, requires_grad=True)
# %%
torch.zeros_like(3, requires_grad=False)
# %%
torch.zeros_like(torch.tensor([3]), requires_grad=True)
# %%
torch.zeros(3, requires_grad=True, dtype=torch.int)
# %%
torch.arange(3, requires_grad=True)
# %%
(
    torch.arange(3.0, requires_grad=True),
    torch.rand(2, requires_grad=True).requires_grad,
    torch.eye(2, requires_grad=True),
    torch.full((2,), 1.0, requires_grad=True),
    torch.from_numpy(np.ones(2)).requires_grad_(),
    torch.randn(2, requires_grad=True).is_leaf,
    torch.tensor(2.0, requires_grad=True),
)
# %%
(
    torch.ones(2, requires_grad=True).long(),
    torch.ones(2, requires_grad=True).double(),
    torch.ones(2, requires_grad=True) > 0,
    torch.ones(2, requires_grad=True).argmax(),
)
# %%
torch.ones(2, requires_grad=True).long().sum().backward()
# %%
w = torch.ones(2, requires_grad=True)
w.numpy()
# %%
np.array(w)
# %%
np.sqrt(w)
# %%
(
    w.detach().numpy(),
    w.data.numpy(),
    w.cpu().detach().numpy(),
    w.detach().cpu().numpy(),
    w.tolist(),
    [float(v) for v in w],
    w[0].item(),
    w.numpy(force=True),
)
# %%
w * np.ones(2)
# %%
w + np.float64(1), w * np.float32(2)
# %%
w.add_(1)
# %%
w += 1
# %%
w[0] = 1
# %%
w.data += 1
w.data[0] = 5
w.data.add_(1)
w
# %%
w.data = torch.zeros(3)
w
# %%
w.data = torch.zeros(3, dtype=torch.int)
# %%
w.data = [1]
# %%
w.fill_(1)
# %%
w.view(-1).add_(1)
# %%
w.detach().add_(1)
w
# %%
w.detach_(), w.requires_grad
# %%
with torch.no_grad():
    w += 1
    w[0] = 3
    w.mul_(2)
w
# %%
w = torch.ones(2, requires_grad=True)
v = w.view(2)
v.detach_()
# %%
v = w * 2
v.detach_(), v.requires_grad, v.is_leaf, v.grad_fn
# %%
with torch.no_grad():
    v = w.view(2)
v.add_(1)
# %%
with torch.no_grad():
    a = w * 2
    b = torch.ones(2, requires_grad=True)
    c = w.view(2)
    d = w.detach()
a.requires_grad, b.requires_grad, c.requires_grad, d.requires_grad, a.grad_fn, torch.is_grad_enabled()
# %%
a.backward()
# %%
a.sum().backward()
# %%
torch.set_grad_enabled(False)
r = (w * 2).requires_grad
torch.set_grad_enabled(True)
r, (w * 2).requires_grad, torch.no_grad(), torch.no_grad, torch.enable_grad(), torch.inference_mode()
# %%
with torch.set_grad_enabled(False):
    print((w * 2).requires_grad)


@torch.no_grad
def f(t):
    return t * 2


@torch.no_grad()
def g(t):
    return t * 2


@torch.inference_mode()
def h(t):
    return t * 2


@torch.enable_grad()
def k(t):
    return t * 2


f(w).requires_grad, g(w).requires_grad, h(w).is_inference(), k(w).requires_grad, f.__name__, g.__name__
# %%
with torch.inference_mode():
    i = w * 2
i, i.requires_grad
# %%
i.requires_grad_(True)
# %%
i.add_(1)
# %%
i * w
# %%
i.backward()
# %%
for take in ("data", "detach"):
    x = torch.FloatTensor([[1.0, 2.0]])
    w1 = torch.FloatTensor([[2.0], [1.0]])
    w2 = torch.FloatTensor([3.0])
    w1.requires_grad = True
    w2.requires_grad = True
    d = torch.matmul(x, w1)
    d_ = d.data if take == "data" else d.detach()
    f = torch.matmul(d, w2)
    d_[:] = 1
    try:
        f.backward()
        print(w1.grad, w2.grad)
    except Exception as e:
        print(type(e).__name__, e)
# %%
x = torch.tensor(2.0, requires_grad=True)
y = x**3
(g,) = torch.autograd.grad(y, x, create_graph=True)
g, torch.autograd.grad(g, x), x.grad
# %%
torch.autograd.grad(torch.ones(1), x)
# %%
torch.autograd.grad((x * 2), torch.ones(1, requires_grad=True))
# %%
(
    torch.autograd.grad((x * 2), torch.ones(1, requires_grad=True), allow_unused=True),
    torch.autograd.grad(x * 2, [x, x]),
    torch.autograd.grad([x * 2, x * 3], x),
    torch.autograd.grad(x * 2, torch.ones(1, requires_grad=True), materialize_grads=True),
)
# %%
x.grad.zero_()
# %%
x.grad = 3
# %%
x.grad = torch.ones(2)
# %%
x.grad = torch.tensor(1.0, dtype=torch.double)
# %%
x.grad = torch.tensor(1.0)
x.grad
# %%
h = []
x = torch.ones(2, requires_grad=True)
x.register_hook(lambda g: h.append(g))
hook = x.register_hook(lambda g: g * 2)
(x * 3).sum().backward()
h, x.grad, hook.remove()
# %%
x.detach().register_hook(print)


# %%
class Sq(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return a * a

    @staticmethod
    def backward(ctx, g):
        (a,) = ctx.saved_tensors
        return 2 * a * g


a = torch.tensor([3.0], requires_grad=True)
b = Sq.apply(a)
b.backward()
(
    b,
    a.grad,
    b.grad_fn.name(),
    torch.autograd.gradcheck(Sq.apply, torch.rand(3, dtype=torch.double, requires_grad=True)),
)
# %%
Sq()(a)
# %%
(
    torch.autograd.set_detect_anomaly(False),
    torch.autograd.functional.jacobian(lambda t: t**2, torch.tensor([1.0, 2.0])),
    torch.autograd.Variable(torch.ones(2)),
    torch.autograd.Variable(torch.ones(2), requires_grad=True),
)
# %%
import torch
from torch import nn

w = torch.ones(2, requires_grad=True)
nl = w * 1
with torch.no_grad():
    vs = (
        w.view(2),
        w[0],
        w.t(),
        w.unsqueeze(0),
        w.expand(2, 2),
        w.detach(),
        w.data,
        w[:],
        w.squeeze(),
        w.reshape(2),
        w.reshape(1, 2),
        w.flatten(),
        w.T,
        nl.view(2),
        nl[0],
        nl.t(),
        nl.unsqueeze(0),
        w[[0]],
        w.clone(),
        w.real,
        w.view_as(w),
        w.permute(0),
        w.chunk(2)[0],
        w.split(1)[0],
        w.unbind()[0],
        w.diagonal(0, 0, 0) if 0 else 0,
        w.float(),
        w.cpu(),
        w.contiguous(),
        w.as_strided((1,), (1,)),
        w.narrow(0, 0, 1),
        w.select(0, 0),
        torch.real(w),
        w.to(torch.float32),
        w.squeeze(0),
    )
[getattr(v, "requires_grad", None) for v in vs]
# %%
[print(v) for v in vs]
# %%
with torch.no_grad():
    print(w.view(2), w[0], nl[0], nl.view(2), w[0].requires_grad, w.T)
# %%
[v.is_leaf for v in vs if v is not None]
# %%
[v.grad_fn for v in vs if v is not None]
# %%
with torch.inference_mode():
    a = w.view(2), w[0], nl[0], w * 2
[v.requires_grad for v in a], [v.is_inference() for v in a]
# %%
with torch.no_grad():
    v = w[0]
v.backward()
# %%
with torch.no_grad():
    v = w[0]
(v * 2).backward()
# %%
with torch.no_grad():
    v = w.view(2)
v * 2, (v * 2).requires_grad
# %%
with torch.no_grad():
    v = w.view(2)
(v * 2).sum().backward()
w.grad, v.grad
# %%
with torch.no_grad():
    v = w.view(2)
    v.add_(1)
    v[0] = 7
v, w, v.requires_grad
# %%
torch.set_grad_enabled(False)
v = w.view(2)
torch.set_grad_enabled(True)
v.requires_grad
# %%
torch.manual_seed(0)
l = nn.Linear(2, 2)
with torch.no_grad():
    print(
        l.weight.t(),
        l.weight[0],
        l.weight.view(4),
        l.weight.T,
        l.weight.data,
        l.weight.detach(),
        l.bias[None],
    )
# %%
with torch.no_grad():
    t = l.weight.t()
t.requires_grad, t
# %%
with torch.no_grad():
    l.weight[0] = 1
    l.weight[:, 0].fill_(2)
    l.weight.view(-1)[3] = 9
    l.weight.t().mul_(2)
    l.weight[0].zero_()
l.weight
# %%
l.weight.sum().backward()
l.weight.grad
# %%
with torch.no_grad():
    for p in l.parameters():
        p.view(-1)[:] = 3
l.weight, l.bias
# %%
with torch.no_grad():
    x = torch.ones(2, requires_grad=True)
    y = x.view(2)
    y.requires_grad_()
    z = y * 2
y.requires_grad, z.requires_grad
# %%
for fn in (
    lambda a: a.sort()[0],
    lambda a: a.topk(2)[0],
    lambda a: a.max(0)[0],
    lambda a: a.min(0).values,
    lambda a: a.cummax(0)[0],
    lambda a: a.median(0)[0],
    lambda a: a.mode()[0],
    lambda a: a.kthvalue(1)[0],
    lambda a: a.unbind()[0],
    lambda a: a.split(2)[0],
    lambda a: a.chunk(2)[1],
    lambda a: torch.var_mean(a)[0],
    lambda a: torch.std_mean(a)[1],
    lambda a: nn.functional.max_pool1d(a[None], 2, return_indices=True)[0],
    lambda a: torch.aminmax(a)[0],
    lambda a: torch.frexp(a)[0],
    lambda a: torch.meshgrid(a, a)[0],
    lambda a: a.unfold(0, 2, 1),
    lambda a: nn.MultiheadAttention(3, 1)(a[None], a[None], a[None])[0],
    lambda a: torch.tensor_split(a, 2)[0],
    lambda a: torch.cummin(a, 0)[0],
    lambda a: torch.nn.functional.batch_norm(a.view(3, 1), None, None, training=True),
    lambda a: torch.nanmedian(a, 0)[0],
    lambda a: torch.broadcast_tensors(a, torch.ones(2, 3))[0],
    lambda a: torch.atleast_2d(a, a)[0],
    lambda a: a.sort(descending=True, stable=True).values,
    lambda a: torch.unique(a),
    lambda a: torch.msort(a),
):
    torch.manual_seed(0)
    base = torch.tensor([0.5, 1.5, 2.5], requires_grad=True)
    mid = base * 1
    try:
        out = fn(mid)
        out.mul_(3)
        out.sum().backward()
        print(base.grad, out.grad_fn.name())
    except Exception as e:
        print(type(e).__name__, e)
# %%
import torch
from torch import nn

b = torch.ones(2, 2, requires_grad=True)
m = b * 1
m[0] = 3.0
m, m.grad_fn.name(), m.grad_fn
# %%
m = b * 1
m.zero_()
m, m.sum().backward(), b.grad
# %%
a = torch.tensor([0.5, 1.5, 2.5], requires_grad=True)
s = a.sort()[0]
s.mul_(3)
s.sum().backward()
a.grad, s.grad_fn.name(), s._is_view(), s._base
# %%
for f in (
    lambda t: t.sort()[0],
    lambda t: t.topk(2)[0],
    lambda t: t.median(0)[0],
    lambda t: t.kthvalue(1)[0],
    lambda t: t.mode()[0],
    lambda t: t.logsumexp(0, keepdim=True),
    lambda t: t.sort(descending=True).values,
    lambda t: torch.msort(t),
    lambda t: t.quantile(0.5),
):
    a = torch.tensor([0.5, 1.5, 2.5], requires_grad=True)
    s = f(a * 1)
    s.add_(1)
    s.sum().backward()
    print(a.grad, f(a.detach())._is_view())
# %%
import torch
from torch import nn

w = torch.ones(2, requires_grad=True)
with torch.no_grad():
    c = w.view(2)
c.requires_grad, c.grad_fn, c._version
# %%
w = torch.ones(2, requires_grad=True)
with torch.no_grad():
    c = w.view(2)
with torch.no_grad():
    w.add_(1)
c.requires_grad, c.grad_fn, c._version
# %%
w = torch.ones(2, requires_grad=True)
with torch.no_grad():
    c = w.view(2)
c.add_(1)
# %%
c.requires_grad, w.requires_grad, w.grad_fn, w.is_leaf, w
# %%
with torch.no_grad():
    c = w.view(2)
c.requires_grad
