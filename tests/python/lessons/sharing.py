# Which objects share memory, and what arrays a tensor can be made of.
import warnings

import numpy as np
import torch

a = torch.ones(5)
b = a.numpy()
a[0] = 2
a.add_(1)
b[4] = 9
a, b, type(b), b.dtype
# %%
a = a.add(1)
a, b
# %%
x = np.ones(3)
y = torch.from_numpy(x)
x += 1
y[0] = -1
x, y, y.dtype, type(y)
# %%
x = x + 1
x, y
# %%
copies = (
    torch.tensor(x),
    torch.from_numpy(x).clone(),
    torch.from_numpy(x) + 0,
    torch.from_numpy(x).float(),
    torch.Tensor(x),
)
shares = torch.from_numpy(x), torch.as_tensor(x), torch.asarray(x), torch.from_dlpack(x)
x[:] = 0
[t.tolist() for t in copies], [t.tolist() for t in shares]
# %%
t = torch.zeros(2, 3)
views = (
    t.view(6),
    t.reshape(3, 2),
    t[0],
    t[:, 1],
    t.t(),
    t.permute(1, 0),
    t.unsqueeze(0),
    t.flatten(),
    t.detach(),
    t.data,
)
t.fill_(3)
[v.sum().item() for v in views], [(v.data_ptr() - t.data_ptr()) // 4 for v in views]
# %%
others = (
    t.clone(),
    t + 0,
    t[[0, 1]],
    t[t > 0],
    torch.tensor(t.tolist()),
    t.to(torch.float64),
    t.contiguous().clone(),
    t.repeat(1, 1),
)
t.fill_(4)
[v.sum().item() for v in others]
# %%
(
    t.to(torch.float32) is t,
    t.float() is t,
    t.cpu() is t,
    t.contiguous() is t,
    t.to("cpu") is t,
    t.to(torch.float32, copy=True) is t,
)
# %%
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    again = torch.tensor(t)
    print([(w.category.__name__, str(w.message)) for w in caught])
again.data_ptr() == t.data_ptr()
# %%
n = t[:, 1].numpy()
n.strides, n.flags.writeable, n.base is not None, t.t().numpy().shape, np.shares_memory(n, t.numpy())
# %%
row = t[0]
row[1] = 100
t, row._base is t, t._base, row.storage_offset(), t[1].storage_offset()
# %%
fixed = np.arange(3)
fixed.setflags(write=False)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    shared = torch.from_numpy(fixed)
    print([(w.category.__name__, str(w.message).split("\n")[0][:160]) for w in caught])
shared
# %%
torch.from_numpy(np.arange(4)[::-1])
# %%
torch.tensor(np.arange(4)[::-1])
# %%
torch.tensor(np.arange(4)[::-1].copy()), torch.from_numpy(np.arange(8).reshape(2, 4)[:, ::2])
# %%
torch.from_numpy(np.arange(3, dtype=">i4"))
# %%
torch.tensor(np.arange(3, dtype=">f8"))
# %%
torch.from_numpy(np.array(["a", "b"]))
# %%
torch.from_numpy(np.array([1, None], dtype=object))
# %%
torch.tensor(np.array(["a"]))
# %%
torch.from_numpy(np.array(["2020-01-01"], dtype="datetime64[D]"))
# %%
torch.from_numpy(np.zeros(2, dtype=np.longdouble))
# %%
torch.from_numpy([1, 2])
# %%
torch.from_numpy(3.0)
# %%
torch.from_numpy(torch.ones(2))
# %%
[
    torch.from_numpy(np.ones(1, dtype=d)).dtype
    for d in ("bool", "u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16")
]
# %%
(
    torch.from_numpy(np.array(3.5)),
    torch.tensor(np.float32(2)),
    torch.tensor(np.int64(2)),
    torch.from_numpy(np.zeros((0, 2))),
)
# %%
w = torch.ones(3, requires_grad=True)
w.numpy()
# %%
(w * 2).numpy()
# %%
np.array(w)
# %%
np.asarray(w.detach()), w.detach().numpy(), w.detach().cpu().numpy(), w.data.numpy(), w.numpy(force=True)
# %%
with torch.no_grad():
    print((w * 2).numpy())
# %%
torch.ones(2, dtype=torch.bfloat16).numpy()
# %%
(
    np.sqrt(torch.tensor([4.0, 9.0])),
    np.add(torch.ones(2), 1),
    np.array(torch.ones(2)) + 1,
    torch.ones(2) + np.ones(2),
)
# %%
np.float64(2) * torch.ones(2), torch.ones(2) * np.float32(2)
# %%
m = torch.ones(2, 2)
array = m.numpy()
del m
array.sum(), array.flags.owndata
