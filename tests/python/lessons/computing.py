# Operators, matrix products and aggregation: every spelling, and what is refused.
import numpy as np
import torch

torch.manual_seed(7)
tensor = torch.tensor([1, 2, 3])
(
    tensor + 10,
    tensor * 10,
    tensor,
    tensor - 10,
    torch.mul(tensor, 10),
    torch.add(tensor, 10),
    torch.sub(tensor, 10),
    torch.div(tensor, 10),
    tensor / 10,
    10 - tensor,
    10 / tensor,
    tensor // 10,
    tensor % 2,
    tensor**2,
    2**tensor,
    abs(-tensor),
    +tensor,
    ~tensor,
    tensor ^ 1,
    tensor & 1,
    tensor | 4,
    tensor << 1,
    tensor >> 1,
    1 << tensor,
    7 & tensor,
    divmod(tensor, 2) if hasattr(tensor, "__divmod__") else None,
)
# %%
divmod(tensor, 2)
# %%
(
    tensor + 1.5,
    tensor * 1j,
    tensor + True,
    tensor / 0,
    tensor / 0.0,
    -tensor / 0,
    tensor**-1.0,
    tensor**0.5,
    tensor.float() ** -1,
)
# %%
tensor**-1
# %%
(
    2.0**tensor,
    (-2) ** tensor,
    torch.pow(2, tensor),
    torch.pow(tensor, 2),
    torch.pow(tensor.float(), 0.5),
    pow(tensor, 2),
)
# %%
tensor // 0
# %%
tensor % 0
# %%
tensor.float() // 0, tensor.float() % 0, torch.tensor([0.0]) / 0
# %%
~torch.rand(2)
# %%
torch.rand(2) & 1
# %%
torch.rand(2) << 1
# %%
not torch.tensor(0), torch.tensor([0.0]) and 3, torch.tensor(1) or 2
# %%
not tensor
# %%
if tensor:
    pass
# %%
bool(torch.zeros(0))
# %%
if torch.tensor([[1]]):
    print("yes")
# %%
(
    tensor == tensor,
    tensor == 2,
    tensor != 2,
    tensor < torch.tensor(2),
    tensor >= 2,
    tensor == [1, 2, 3],
    tensor == "a",
    tensor == None,
    tensor != None,
)
# %%
tensor < "a"
# %%
tensor < None
# %%
tensor == torch.ones(2)
# %%
(
    tensor is tensor,
    tensor.equal(tensor),
    torch.equal(tensor, tensor.float()),
    torch.equal(tensor, torch.ones(2)),
    torch.allclose(tensor.float(), tensor + 1e-9),
    torch.eq(tensor, tensor).all(),
    torch.isclose(torch.tensor([1.0, float("nan")]), torch.tensor([1.0, float("nan")]), equal_nan=True),
)
# %%
torch.allclose(tensor, tensor.float())
# %%
torch.equal(tensor, 3)
# %%
torch.matmul(torch.rand(10, 10), torch.rand(10, 10)).shape
# %%
(
    torch.matmul(tensor, tensor),
    tensor @ tensor,
    tensor.dot(tensor),
    tensor.matmul(tensor),
    torch.inner(tensor, tensor),
    torch.outer(tensor, tensor),
    tensor.mul(tensor).sum(),
    torch.einsum("i,i->", tensor, tensor),
)
# %%
tensor @ 3
# %%
3 @ tensor
# %%
tensor @ [1, 2, 3]
# %%
tensor @ np.array([1, 2, 3])
# %%
np.array([1, 2, 3]) @ tensor
# %%
torch.matmul(tensor, 3)
# %%
torch.matmul(tensor)
# %%
torch.matmul(tensor, tensor, tensor)
# %%
(
    torch.matmul(tensor, other=tensor),
    torch.matmul(input=tensor, other=tensor),
    torch.matmul(tensor, tensor, out=torch.empty(0, dtype=torch.long)),
)
# %%
torch.matmul(tensor.float(), tensor)
# %%
torch.mm(torch.ones(2, 2), torch.ones(2, 2, dtype=torch.long))
# %%
torch.ones(2, 2, dtype=torch.bool) @ torch.ones(2, 2, dtype=torch.bool)
# %%
(
    torch.ones(2, 2, dtype=torch.int8) @ torch.ones(2, 2, dtype=torch.int8),
    torch.ones(2, dtype=torch.float16) @ torch.ones(2, dtype=torch.float16),
)
# %%
print(tensor, "*", tensor)
print(f"Equals: {tensor * tensor}")
value = 0
for i in range(len(tensor)):
    value += tensor[i] * tensor[i]
print(value)
value, type(value)
# %%
A = torch.tensor([[1, 2], [3, 4], [5, 6]])
B = torch.tensor([[7, 10], [8, 11], [9, 12]])
torch.mm(A, B)
# %%
torch.matmul(A, B)
# %%
A @ B
# %%
(
    A.mm(B.T),
    B.T,
    B.t(),
    B.mT,
    B.transpose(0, 1),
    B.transpose(-1, -2),
    torch.transpose(B, 0, 1),
    B.swapaxes(0, 1),
    B.swapdims(0, 1),
    B.adjoint(),
    B.H,
    torch.t(B),
    B.permute(1, 0),
)
# %%
B.T.shape, B.shape, B.T.is_contiguous(), B.T.stride(), B.T.contiguous().stride()
# %%
torch.ones(2, 2, 2).t()
# %%
torch.ones(3).T
# %%
torch.ones(2, 3, 4).T.shape
# %%
torch.ones(3).mT
# %%
torch.ones(2, 3, 4).H
# %%
torch.tensor(3).T, torch.tensor(3).t(), torch.ones(3).t()
# %%
B.transpose(0, 2)
# %%
B.transpose(0)
# %%
B.T()
# %%
B.transpose()
# %%
x = torch.arange(1, 100, 10)
(
    x,
    x.dtype,
    torch.min(x),
    x.min(),
    torch.max(x),
    x.max(),
    torch.sum(x),
    x.sum(),
    x.argmin(),
    x.argmax(),
    x.prod(),
    x.float().mean(),
    x.median(),
    x.float().std(),
    x.float().var(),
    x.mode(),
    x.cumsum(0),
    x.amax(),
    x.amin(),
    x.aminmax(),
    x.sort(descending=True),
    x.topk(2),
    x.argsort(),
    x.any(),
    x.all(),
    x.count_nonzero(),
    x.float().norm(),
    x.unique(),
    x.diff(),
    x.float().quantile(0.5),
    x.bincount()[:3],
    x.kthvalue(2),
    x.logsumexp(0),
)
# %%
torch.mean(x)
# %%
x.mean()
# %%
(
    x.mean(dtype=torch.float32),
    torch.mean(x.float()),
    x.type(torch.float32).mean(),
    torch.mean(x.type(torch.complex64)),
    x.half().mean(),
    x.bfloat16().mean(),
)
# %%
torch.mean(torch.tensor([True, False]))
# %%
x.std()
# %%
x.var()
# %%
x.norm()
# %%
(
    torch.tensor([True, True]).sum(),
    torch.tensor([1, 2], dtype=torch.int8).sum(),
    torch.tensor([1, 2], dtype=torch.uint8).prod(),
    torch.tensor([1.5]).sum(dtype=torch.long),
    torch.ones(3, dtype=torch.half).sum(),
)
# %%
(
    torch.min(x, 0),
    torch.max(x, dim=0),
    x.max(0)[0],
    x.max(0).values,
    x.max(0).indices,
    x.min(dim=0, keepdim=True),
    torch.max(x, torch.tensor(50)),
    torch.maximum(x, x.flip(0)),
)
# %%
v, i = x.max(0)
v, i, type(x.max(0)), x.max(0)._fields if hasattr(x.max(0), "_fields") else None
# %%
x.max(1)
# %%
torch.max(3)
# %%
torch.max([1, 2])
# %%
torch.zeros(0).max()
# %%
torch.zeros(0).min()
# %%
torch.zeros(0).argmin()
# %%
torch.zeros(0, 3).max(0)
# %%
(
    torch.zeros(0).sum(),
    torch.zeros(0).mean(),
    torch.zeros(0).prod(),
    torch.zeros(0).std(),
    torch.zeros(0, 3).sum(0),
    torch.zeros(0).median() if 0 else None,
    torch.zeros(0).any(),
    torch.zeros(0).all(),
)
# %%
torch.zeros(0).median()
# %%
(
    torch.tensor([1.0, float("nan"), 3.0]).max(),
    torch.tensor([1.0, float("nan"), 3.0]).argmax(),
    torch.tensor([1.0, float("nan")]).nanmean(),
    torch.tensor([1.0, float("nan")]).nansum(),
    torch.tensor([2.0, float("nan"), 1.0]).sort(),
)
# %%
x[x.argmin()], x[x.argmax()], x[0], x[9], x[-1], x[x.argmax().item()]
# %%
x[10]
# %%
x[-11]
# %%
(
    x.argmax(dim=0),
    x.view(2, 5).argmax(),
    x.view(2, 5).argmax(0),
    x.view(2, 5).argmax(dim=1, keepdim=True),
    torch.argmin(x.view(5, 2), dim=-1),
    x.argmax().dtype,
    torch.argmax(torch.tensor([1, 3, 3])),
    torch.argmin(torch.tensor([2.0, 2.0])),
)
# %%
torch.argmax(torch.tensor([True, False]))
# %%
x.argmax(3)
# %%
torch.tensor([1j]).max()
# %%
x.sum(dim=1)
# %%
(
    x.view(2, 5).sum(0),
    x.view(2, 5).sum(dim=(0, 1)),
    x.view(2, 5).sum(1, keepdim=True),
    x.view(2, 5).float().mean((0, 1)),
    x.view(2, 5).sum(axis=1),
    x.view(2, 5).amax(dim=(0, 1)),
    x.view(2, 5).float().std(0),
    x.view(2, 5).float().var(dim=1, unbiased=False),
    x.view(2, 5).float().std(correction=0),
)
# %%
x.view(2, 5).sum(dim=(0, 0))
# %%
x.view(2, 5).sum(2)
# %%
(
    sum(x),
    max(x),
    min(x),
    sorted(x),
    list(x),
    len(x),
    list(enumerate(x))[1],
    list(zip(x, x))[0],
    list(reversed(x))[0],
    set(x) and 1,
    tuple(x[:2]),
    [*x[:2]],
    max(x).item(),
)
# %%
(
    round(torch.tensor(2.567), 2),
    round(torch.tensor(2.567)),
    torch.round(torch.tensor([2.567, -0.5, 1.5]), decimals=2),
    torch.round(torch.tensor([0.5, 1.5, 2.5])),
    torch.floor(torch.tensor(-1.5)),
    torch.ceil(torch.tensor(1.2)),
    torch.trunc(torch.tensor(-1.5)),
)
# %%
import math

(
    math.floor(torch.tensor(1.5)),
    math.sqrt(torch.tensor(4.0)),
    math.ceil(torch.tensor(1.5)),
    math.trunc(torch.tensor(1.5)),
    math.isnan(torch.tensor(float("nan"))),
)
# %%
math.sqrt(torch.ones(2))
# %%
math.sqrt(torch.tensor([4.0]))
# %%
torch.sqrt(4)
# %%
(
    torch.sqrt(torch.tensor(4)),
    torch.exp(torch.tensor([0, 1])),
    torch.log(torch.tensor([0.0, -1.0])),
    torch.sin(torch.tensor(0)),
    torch.abs(torch.tensor([-1, 2])),
    torch.sigmoid(torch.tensor([0])),
    torch.relu(torch.tensor([-1, 2])),
    torch.clamp(torch.tensor([1, 5]), 2, 3),
    torch.tensor([3, 1]).clip(max=2),
)
# %%
torch.clamp(torch.tensor([1, 5]))
# %%
torch.softmax(torch.tensor([1, 2]), 0)
# %%
torch.softmax(torch.tensor([1.0, 2.0]))
# %%
torch.softmax(torch.tensor([1.0, 2.0]), dim=1)
# %%
(
    torch.softmax(torch.tensor([1.0, 2.0]), dim=0),
    torch.tensor([1.0, 2.0]).softmax(-1),
    torch.nn.functional.softmax(torch.tensor([1.0, 2.0]), dim=0),
    torch.softmax(torch.tensor([1, 2]), 0, dtype=torch.float),
)
