# In-place arithmetic, elements, view() and memory that is shared.
import numpy as np
import torch

torch.manual_seed(3)
x = torch.rand(2, 2)
y = torch.rand(2, 2)
(
    x + y,
    torch.add(x, y),
    y.add_(x),
    y,
    x - y,
    torch.sub(x, y),
    x * y,
    torch.mul(x, y),
    x / y,
    torch.div(x, y),
    x.sub_(y),
    x.mul_(y),
    x.div_(y),
    x.pow_(2),
    x.neg_(),
    x.abs_(),
    x.sqrt_(),
    x.exp_(),
    x.zero_(),
    x.fill_(3),
    x.clamp_(0, 1),
    x.add_(1, alpha=2),
    x.sub_(1, alpha=3),
    torch.add(x, 1, alpha=2),
    torch.add(x, y, alpha=-1),
    x.addcmul_(y, y),
    x.lerp_(y, 0.5),
    x.copy_(y),
    x.floor_(),
    x.remainder_(2),
    x.uniform_(),
    x.normal_(),
    x.mul_(torch.tensor(2)),
    x.div_(2, rounding_mode="floor"),
)
# %%
x.add_("a")
# %%
x.add_(None)
# %%
x.add_([1, 2])
# %%
x.add_(torch.ones(3))
# %%
x.add_(torch.ones(2, 2, 2))
# %%
x.sub(y, y)
# %%
torch.sub(torch.tensor([True]), torch.tensor([1]))
# %%
x.sub_(torch.tensor([1j]))
# %%
x.mul_(1j)
# %%
torch.tensor([1]).div_(2)
# %%
torch.tensor([1]).mul_(1.5)
# %%
torch.tensor([1]).add_(torch.tensor([1.5]))
# %%
torch.tensor([True]).add_(1)
# %%
torch.tensor([True]).mul_(2)
# %%
(
    torch.tensor([1], dtype=torch.int8).add_(300),
    torch.tensor([100], dtype=torch.int8) + torch.tensor([100], dtype=torch.int8),
    torch.tensor([1], dtype=torch.uint8) - 2,
    torch.tensor([1], dtype=torch.uint8).sub_(2),
    -torch.tensor([1], dtype=torch.uint8),
    torch.tensor([1.0]).add_(torch.tensor(2, dtype=torch.double)),
    torch.tensor([2**31 - 1], dtype=torch.int) + 1,
)
# %%
torch.div(x, y, rounding_mode="round")
# %%
(
    torch.div(torch.tensor([7, -7]), 2, rounding_mode="floor"),
    torch.div(torch.tensor([7, -7]), 2, rounding_mode="trunc"),
    torch.div(torch.tensor([7, -7]), 2),
    torch.floor_divide(torch.tensor([7, -7]), 2),
    torch.true_divide(torch.tensor([7, -7]), 2),
    torch.remainder(torch.tensor([7, -7]), 2),
    torch.fmod(torch.tensor([7, -7]), 2),
    torch.div(1, torch.tensor(2)),
    torch.div(torch.tensor([1.0, 0.0, -1.0]), 0),
    torch.div(torch.tensor([1, 0]), 0),
)
# %%
torch.div(torch.tensor([1, 0]), 0, rounding_mode="floor")
# %%
torch.div(torch.tensor([1.0, 0]), 0, rounding_mode="floor")
# %%
(
    torch.ones(2, 3, 4, dtype=torch.int).dtype,
    torch.ones(2, dtype=torch.double),
    torch.ones(2, 3, 4).size(),
    torch.ones(2, dtype=torch.int).double(),
    torch.ones(1, dtype=torch.int).size(),
    torch.rand(2, 3, 4).shape,
)
# %%
(
    torch.ones(2, dtype=int).dtype,
    torch.ones(2, dtype=float).dtype,
    torch.ones(2, dtype=bool).dtype,
    torch.ones(2, dtype=complex).dtype,
)
# %%
torch.ones(2, dtype=np.float32)
# %%
torch.ones(2, dtype=str)
# %%
torch.ones(2, 3, torch.int)
# %%
torch.ones(2, names=("a",))
# %%
torch.tensor([1.0, 2.0], pin_memory=True)
# %%
torch.ones(2).pin_memory()
# %%
torch.manual_seed(4)
a = torch.rand(2, 3)
a1 = a
b = torch.rand(2, 3)
a.sub_(b)
a = a1
a.mul_(b), a.div_(b), torch.div(a, b), a is a1, id(a) == id(a1), a.sub_(b) is a
# %%
a -= b
a *= b
a /= b
a **= 2
a //= 0.1
a %= 3
a is a1, a
# %%
i = torch.tensor([1, 2])
i /= 2
# %%
i += 0.5
# %%
i //= 2
i **= 2
i <<= 1
i |= 1
i &= 7
i ^= 3
i >>= 1
i %= 3
i
# %%
a @= b.T
# %%
a = torch.rand(2, 3)
a @= b
# %%
torch.manual_seed(5)
x = torch.rand(3, 4)
(
    x,
    x[:, :],
    x[0, :],
    x[1, :],
    x[0, 0],
    x[0, 1],
    x[1, 2],
    x[1, 2].item(),
    x.numpy(),
    x.shape,
    x.size(),
    x[:, 1],
    x[:, 1:3],
    x[-1],
    x[:, -1],
    x[1:, :2],
    x[::2],
    x[:, ::3],
    x[0],
    x[0][0],
    x[2, 3],
    x[1, 2].shape,
    type(x[1, 2]),
    type(x[1, 2].item()),
    x[1][2].item(),
    x[x > 0.5].shape,
    x.max().item() < 1,
    x.cpu().numpy().shape,
    x.numpy().dtype,
    x.tolist()[0][0] == x[0, 0].item(),
)
# %%
x[0].item()
# %%
x.item()
# %%
x[:, :, :]
# %%
x[3, 0]
# %%
x[0, 4]
# %%
x[0:10], x[5:], x[2:1], x[:, 4:]
# %%
x[0, 0] = 5
x[1, :] = 0
x[:, 1] = torch.tensor([1.0, 2.0, 3.0])
x[2] = x[0]
x
# %%
x[:, 1] = torch.tensor([1.0, 2.0])
# %%
(
    torch.tensor([1.5]).item(),
    torch.tensor([[[2]]]).item(),
    torch.tensor(True).item(),
    torch.tensor(1 + 2j).item(),
    torch.tensor(1.5, dtype=torch.half).item(),
    torch.tensor(0.1).item(),
    torch.tensor(0.1, dtype=torch.double).item(),
    torch.tensor(float("inf")).item(),
)
# %%
torch.tensor([]).item()
# %%
torch.manual_seed(6)
x = torch.rand(4, 4)
y = x.view(16)
(
    y,
    x.view(-1, 8),
    x.view(-1, 8).size(),
    x.view(4, -1),
    x.view(-1, 2, 2),
    x.view(2, 2, -1).shape,
    x.view(-1).shape,
    x.view(16, 1).shape,
    x.view(1, -1).shape,
    x.view(2, -1, 2, 2).shape,
    x.view(8, 2).shape,
    x.reshape(-1, 8).shape,
    x.reshape(8, -1).shape,
    torch.reshape(x, (-1, 2)).shape,
)
# %%
x.view(-1, -1)
# %%
x.view(-1, 3)
# %%
x.view(17)
# %%
x.view(-1, 2, -1)
# %%
x.reshape(-1, -1)
# %%
x.view(-2)
# %%
x.view(-1, 0)
# %%
x.view(4, 4, 2)
# %%
x.view((-1, -1))
# %%
x.view(16.0)
# %%
x.view("16")
# %%
x.view([4, "a"])
# %%
x.view(None)
# %%
x.t().view(-1)
# %%
x[:, :2].view(-1)
# %%
(
    x[:, :2].reshape(-1).shape,
    x.view(16)[3] == x[0, 3],
    x.view(2**4).shape,
    x.view(torch.tensor(16)).shape,
    x.view(torch.tensor(4), 4).shape,
    x.view(np.int64(16)).shape,
    x.view(True, 16).shape,
)
# %%
y[0] = 9
x[0, 0], y.data_ptr() == x.data_ptr(), y._base is x, y._is_view(), x._is_view(), x.untyped_storage().nbytes()
# %%
a = torch.ones(5)
b = a.numpy()
print(b, type(b))
a[0] = 2
print(b)
a.add_(1)
print(a, b)
a.add(1)
print(b)
a = a.add(1)
print(b)
b[1] = 7
print(a, b)
# %%
a = torch.ones(5)
b = a.numpy()
b += 1
np.add(a, 1, out=b)
print(a)
b[:] = 0
print(a)
a.mul_(2).sub_(1)
print(b)
np.multiply(b, 3, out=b)
a
# %%
np.add(a, 1, out=a)
# %%
x = np.ones(5)
y = torch.from_numpy(x)
print(y, type(y), y.type())
x += 1
print(x, y)
y.mul_(2)
print(x)
x = x * 2
print(x, y)
y = y + 1
print(x, y)
# %%
x = np.ones(5)
y = torch.tensor(x)
x += 1
print(x, y)
a = torch.ones(5)
b = a.clone().numpy()
a[0] = 9
print(a, b)
c = torch.as_tensor(x)
x += 1
print(c)
d = torch.Tensor(x)
x += 1
print(d)
e = torch.FloatTensor(x)
x += 1
print(e)
f = torch.DoubleTensor(x)
x += 1
f
# %%
torch.from_numpy(np.float64(1.0))
# %%
(
    torch.from_numpy(np.matrix([[1, 2]])),
    torch.from_numpy(np.ones((2, 3)).T).stride(),
    torch.from_numpy(np.ones(4)[::2]).stride(),
    torch.from_numpy(np.ma.array([1, 2])),
    torch.from_numpy(np.asfortranarray(np.ones((2, 3)))).is_contiguous(),
    torch.from_numpy(np.ones((2, 0))),
    torch.from_numpy(np.array(1)),
    torch.from_numpy(np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1)).shape,
)
# %%
torch.from_numpy(np.array([b"a"]))
# %%
torch.from_numpy(np.zeros(2, "V4"))
# %%
torch.from_numpy(np.zeros(2, ">u2"))
# %%
torch.from_numpy(np.zeros(2, "m8[s]"))
# %%
torch.from_numpy(np.zeros(2, "clongdouble"))
# %%
torch.from_numpy(np.zeros((2, 3))[:, ::-1])
# %%
torch.from_numpy(np.lib.stride_tricks.as_strided(np.arange(10, dtype=np.int64), (3,), (12,)))
# %%
torch.tensor(np.zeros(2, ">i4"))
# %%
torch.tensor(np.zeros(2, np.longdouble))
# %%
torch.tensor(np.array([1, None]))
# %%
torch.tensor(np.array(["a", "b"]))
# %%
torch.as_tensor(np.array(["2020-01-01"], "M8[D]"))
# %%
torch.as_tensor(np.arange(3)[::-1])
# %%
torch.Tensor(np.arange(3)[::-1])
# %%
torch.tensor(np.arange(6).reshape(2, 3)[::-1, ::2])
# %%
y = torch.from_numpy(np.ones(3))
y.resize_(5)
# %%
n = torch.ones(4).numpy()
n.resize(6)
# %%
t = torch.ones(4)
n = t.numpy()
t.resize_(8)
# %%
t = torch.ones(4)
n = t.numpy()
t.resize_(2)
n, t
# %%
x = torch.ones(2, 2)
n = x[0].numpy()
m = x.t().numpy()
n[0] = 3
m[1, 0] = 7
(
    x,
    np.shares_memory(n, m),
    n.flags["C_CONTIGUOUS"],
    m.flags["F_CONTIGUOUS"],
    np.may_share_memory(x.numpy(), x.clone().numpy()),
    x.expand(2, 2, 2).numpy().strides,
    x[:, None].numpy().shape,
)
# %%
(
    np.asarray(x).base is not None,
    np.shares_memory(np.asarray(x), x.numpy()),
    np.shares_memory(np.array(x), x.numpy()),
    np.shares_memory(np.ascontiguousarray(x), x.numpy()),
    memoryview(x.numpy())[0, 0],
    np.frombuffer(x.numpy()).shape,
    torch.frombuffer(bytearray(8), dtype=torch.float32),
    x.__array__().dtype,
    x.__array__(np.float64).dtype,
)
# %%
torch.frombuffer(b"abcdefgh", dtype=torch.int32)
# %%
(
    x.numpy(force=True),
    x.numpy(force=False),
    torch.ones(2, requires_grad=True).numpy(force=True),
    torch.ones(2).conj().numpy(),
    torch.ones(2, dtype=torch.cfloat).conj().numpy(force=True),
)
# %%
torch.ones(2, dtype=torch.bfloat16).numpy()
# %%
(
    torch.ones(2, requires_grad=True).tolist(),
    torch.ones(2, requires_grad=True)[0].item(),
    float(torch.ones(1, requires_grad=True)),
)
# %%
(
    torch.tensor(torch.ones(2)),
    torch.as_tensor(torch.ones(2)),
    torch.asarray([1, 2]),
    torch.asarray(np.ones(2)),
    torch.tensor([1, 2]).clone().detach(),
)
# %%
x = torch.ones(3)
y = x
y = x + y
x, y, x.data_ptr() == y.data_ptr()
# %%
x = torch.ones(3)
p = x.data_ptr()
x += 1
q = x.data_ptr() == p
x = x + 1
(
    q,
    x.data_ptr() == p,
    x[:1].data_ptr() == x.data_ptr(),
    x[1:].data_ptr() - x.data_ptr(),
    torch.add(x, 1, out=x).data_ptr() == x.data_ptr(),
)
# %%
import copy

c = copy.copy(x)
d = copy.deepcopy(x)
x.zero_()
c, d, c.data_ptr() == x.data_ptr()
