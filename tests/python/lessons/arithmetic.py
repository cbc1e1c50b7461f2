# Every spelling of arithmetic, and what an in-place one may not do.
import torch

a = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
b = torch.tensor([[5.0, 6.0], [7.0, 8.0]])
# %%
a + b, torch.add(a, b), a.add(b), torch.add(a, b, alpha=10)
# %%
a - b, torch.sub(a, b), torch.subtract(a, b), a.sub(b, alpha=2)
# %%
a * b, torch.mul(a, b), torch.multiply(a, b), a.mul(10)
# %%
a / b, torch.div(a, b), torch.divide(a, b), torch.true_divide(a, b)
# %%
torch.div(a, 2, rounding_mode="floor"), torch.div(-a, 2, rounding_mode="trunc"), a // 2, -a // 2, a % 2, a**2
# %%
c = b
b.add_(a), b is c, c
# %%
b.sub_(a), b.mul_(a), b.div_(a)
# %%
b += 1
b *= 2
b -= 3
b /= 4
c
# %%
torch.add(a, b, out=torch.empty(0))
# %%
i = torch.tensor([1, 2, 3])
i + 10, i * 10, i - 10, i / 2, i // 2, i + 0.5, i * True
# %%
i.div_(2)
# %%
i.add_(0.5)
# %%
i += 1.5
# %%
i.sub_(torch.tensor([1, 2]))
# %%
torch.ones(2, 3) + torch.ones(2)
# %%
torch.ones(2, 3) + torch.ones(3), torch.ones(2, 1) * torch.ones(3)
# %%
torch.ones(3).add_(torch.ones(2, 3))
# %%
torch.tensor([True, False]) + torch.tensor([True, True])
# %%
torch.tensor([True]) - torch.tensor([True])
# %%
-torch.tensor([True])
# %%
half, whole = torch.tensor([3.0, 6.0]).type(torch.float16), torch.tensor([3, 6])
(
    half * whole,
    half * half.float(),
    (half + whole).dtype,
    (whole / whole).dtype,
    (whole * 1.0).dtype,
    (half * 2.0).dtype,
)
# %%
torch.tensor([1.0]) @ torch.tensor([2])
# %%
torch.matmul(torch.ones(2, 2), torch.ones(2, 2, dtype=torch.float64))
# %%
torch.mm(torch.ones(3, 2), torch.ones(3, 2))
# %%
torch.matmul(torch.ones(3, 2), torch.ones(3, 2))
# %%
torch.ones(3, 2) @ torch.ones(3)
# %%
torch.ones(3) @ torch.ones(2)
# %%
torch.ones(2, 3, 4) @ torch.ones(3, 4, 2)
# %%
torch.mm(torch.ones(3), torch.ones(3))
# %%
torch.dot(torch.ones(3), torch.ones(2))
# %%
torch.matmul(torch.tensor(2.0), torch.ones(2))
# %%
x = torch.tensor([[1, 2], [3, 4], [5, 6]])
x @ x.T, torch.matmul(x.T, x), x.mm(x.t()), x @ x.mT
# %%
value = 0
for n in i:
    value += n * n
value, torch.matmul(i, i), i.dot(i), (i * i).sum()
# %%
x = torch.arange(0, 100, 10)
(
    x.min(),
    x.max(),
    torch.sum(x),
    x.argmin(),
    x.argmax(),
    x.type(torch.float32).mean(),
    x.float().std(),
    x.prod(),
)
# %%
torch.mean(x)
# %%
torch.mean(x, dtype=torch.float64), x.median(), x.float().mean(dim=0, keepdim=True)
# %%
torch.argmax(torch.zeros(0))
# %%
torch.zeros(0).max()
# %%
torch.max(x.view(2, 5), dim=1), x.view(5, 2).min(dim=0)
# %%
torch.max(x, dim=2)
