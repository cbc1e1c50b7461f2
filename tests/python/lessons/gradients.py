# What is recorded, what a backward needs, and what an in-place change does to it.
import torch

x = torch.ones(5, requires_grad=True)
y = x + 2
x, y, y.grad_fn.name(), x.grad_fn, x.grad, x.is_leaf, y.is_leaf, y.requires_grad
# %%
z = y.sum()
z.backward()
x.grad, y.is_leaf, z
# %%
z.backward()
# %%
y.sum().backward()
x.grad
# %%
q = (x * x).sum()
q.backward()
q.backward()
# %%
q = (x * x).sum()
q.backward(retain_graph=True)
q.backward()
x.grad
# %%
x.grad.zero_()
x.grad = None
x.grad is None
# %%
y.backward()
# %%
y = x + 2
y.backward(torch.ones(5))
x.grad
# %%
(x + 2).backward(torch.ones(4))
# %%
torch.zeros(3).sum().backward()
# %%
torch.zeros(3, requires_grad=True).backward()
# %%
torch.zeros_like(3, requires_grad=True)
# %%
torch.ones(3, dtype=torch.int64, requires_grad=True)
# %%
torch.ones(3, dtype=torch.long).requires_grad_()
# %%
y.grad
# %%
y.requires_grad = False
# %%
x.requires_grad = False
x.requires_grad, (x + 2).requires_grad
# %%
x.requires_grad_(True)
# %%
x.add_(1)
# %%
x[0] = 3.0
# %%
x += 1
# %%
x.zero_()
# %%
x.view(5).mul_(2)
# %%
with torch.no_grad():
    x.add_(1)
x, x.requires_grad, x.grad_fn
# %%
x.detach().mul_(2)
x
# %%
a = torch.ones(2, requires_grad=True)
b = a * 3
b.mul_(2)
b.sum().backward()
b, a.grad
# %%
a = torch.ones(2, requires_grad=True)
b = a.exp()
b.add_(1)
b.sum().backward()
# %%
a = torch.ones(2, requires_grad=True)
b = a * a
a.data.add_(1)
b.sum().backward()
a.grad
# %%
a = torch.ones(2, requires_grad=True)
b = a * a
with torch.no_grad():
    a.add_(1)
b.sum().backward()


# %%
def matmul_then(change):
    w1, w2 = torch.tensor([[2.0], [1.0]], requires_grad=True), torch.tensor([3.0], requires_grad=True)
    d = torch.matmul(torch.tensor([[1.0, 2.0]]), w1)
    f = torch.matmul(d, w2)
    change(d)
    f.backward()
    return w1.grad, w2.grad


matmul_then(lambda d: None)
# %%
matmul_then(lambda d: d.data.fill_(1))
# %%
matmul_then(lambda d: d.detach().fill_(1))
# %%
matmul_then(lambda d: d.detach()[:].copy_(torch.zeros(1)))
# %%
matmul_then(lambda d: d.detach().clone().fill_(1))
# %%
a = torch.ones(2, requires_grad=True)
a._version, a.detach()._version, a.data._version
# %%
c = torch.zeros(2)
c.add_(1), c.data.add_(1), c.detach().add_(1)
c._version
# %%
with torch.no_grad():
    inside = a * 2
inside.requires_grad, inside.grad_fn, (a * 2).requires_grad, torch.is_grad_enabled()
# %%
inside.sum().backward()
# %%
with torch.inference_mode():
    frozen = a * 2
frozen.is_inference(), frozen.requires_grad
# %%
frozen * a


# %%
@torch.no_grad()
def predict(t):
    return t * 2


predict(a).requires_grad, predict.__name__
# %%
with torch.no_grad():
    with torch.enable_grad():
        print((a * 2).requires_grad)
    made = torch.ones(2, requires_grad=True)
made.requires_grad, torch.set_grad_enabled(True)
# %%
d = (a * 2).detach()
d.requires_grad, d.grad_fn, d.is_leaf, (a * 2).detach_().requires_grad
# %%
a.data, a.data.requires_grad, a.data.data_ptr() == a.data_ptr()
# %%
a = torch.tensor([1.0, 2.0], requires_grad=True)
(
    torch.tensor(a.tolist()),
    a.clone(),
    a.view(2, 1),
    a[0],
    a.sum(),
    a.max(),
    a @ a,
    a.relu(),
    a.to(torch.float64),
    -a,
    2 / a,
)
# %%
(
    (a * a).grad_fn.next_functions[0][0].name(),
    (a + 1).grad_fn.next_functions,
    a.sum().grad_fn.next_functions[0][1],
)
# %%
h = (a * 2).retain_grad()
e = a * 2
e.retain_grad()
e.sum().backward()
e.grad, a.grad
# %%
a.grad = torch.ones(3)
# %%
a.grad = torch.ones(2, dtype=torch.float64)
# %%
a.item()
# %%
torch.autograd.grad((a**2).sum(), a), torch.autograd.grad((a**2).sum(), [a], create_graph=True)
# %%
torch.autograd.grad(a.sum(), torch.ones(1, requires_grad=True))
# %%
(a.argmax()).backward()
# %%
print(a > 1, (a > 1).requires_grad, (a * 2).round())
# %%
float(a[0]), a.sum().item(), str(a[1]), f"{a[0]:.2f}", round(a[1].item(), 1)
# %%
"{:.3f}".format(a)
