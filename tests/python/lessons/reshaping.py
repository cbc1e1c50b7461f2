# Reshaping, stacking, indexing, arrays and seeds, as far as the lessons in shapes.py do not go.
import numpy as np
import torch

torch.manual_seed(7)
x = torch.arange(1.0, 10.0)
(
    x,
    x.shape,
    x.reshape(1, 9),
    x.reshape(9, 1).shape,
    x.reshape(3, 3),
    x.reshape((3, 3)).shape,
    x.reshape([3, -1]).shape,
    x.reshape(shape=(1, 9)).shape,
    torch.reshape(x, (9, 1)).shape,
    x.view(1, 9),
    x.view((3, 3)).shape,
    x.view(size=(3, 3)).shape,
    x.view([3, 3]).shape,
    x.view(torch.Size([3, 3])).shape,
    x.view_as(torch.ones(3, 3)).shape,
    x.reshape_as(torch.ones(3, 3)).shape,
)
# %%
x.reshape(1, 7)
# %%
x.reshape(2, 9)
# %%
x.reshape()
# %%
x.reshape(3.0, 3)
# %%
x.reshape("a")
# %%
x.view(1, 8)
# %%
x.view()
# %%
x.view(3.0, 3)
# %%
x.view(0, -1)
# %%
x.view(-1, 0)
# %%
x.view(torch.int32)[:2], x.view(torch.uint8).shape, x.view(dtype=torch.int32).dtype, x.view("a") if 0 else 1
# %%
x.view(torch.float64)
# %%
x.view("a")
# %%
torch.view(x, (3, 3))
# %%
z = x.view(1, 9)
z[:, 0] = 5
z, x
# %%
x.reshape(9)[1] = 7
x, x.reshape(9).data_ptr() == x.data_ptr(), x.reshape(3, 3).t().reshape(9).data_ptr() == x.data_ptr()
# %%
(
    torch.stack([x, x, x, x], dim=0).shape,
    torch.stack([x, x], dim=1),
    torch.stack((x, x), 1).shape,
    torch.stack([x, x], dim=-1).shape,
    torch.stack([x, x], dim=-2).shape,
    torch.vstack([x, x]),
    torch.hstack([x, x]).shape,
    torch.dstack([x, x]).shape,
    torch.column_stack([x, x]).shape,
    torch.row_stack([x, x]).shape,
    torch.concat([x, x]).shape,
    torch.concatenate([x, x], dim=0).shape,
    torch.cat((x, x), -1).shape,
)
# %%
torch.stack([x, x], dim=2)
# %%
torch.stack([x, x], dim=-3)
# %%
torch.stack([x, x[:2]])
# %%
torch.stack(x)
# %%
torch.stack(x.view(3, 3)).shape
# %%
torch.stack([x, 1])
# %%
torch.stack(1)
# %%
torch.stack([[1, 2]])
# %%
(
    torch.stack([x, x.long()]).dtype,
    torch.cat([x, x.long()]).dtype,
    torch.stack([torch.ones(1).half(), torch.ones(1, dtype=torch.int)]).dtype,
)
# %%
torch.cat([x, x], dim=1)
# %%
torch.cat([])
# %%
torch.cat(x)
# %%
torch.cat([torch.ones(2, 3), torch.ones(3)])
# %%
torch.cat([torch.ones(2, 3), torch.ones(2, 4)])
# %%
(
    torch.cat([torch.ones(2, 3), torch.ones(2, 4)], dim=1).shape,
    torch.cat([torch.zeros(0), torch.ones(2, 3)]).shape,
    torch.cat([torch.tensor([1]), torch.tensor([2.5])]),
)
# %%
torch.cat([torch.tensor(1), torch.tensor(2)])
# %%
torch.vstack([torch.ones(2), torch.ones(3)])
# %%
torch.hstack([torch.ones(2, 2), torch.ones(3, 2)])
# %%
torch.hstack([])
# %%
torch.hstack((torch.tensor(1), torch.tensor(2))), torch.vstack((torch.tensor(1), torch.tensor(2)))
# %%
xr = x.reshape(1, 9)
(
    xr.squeeze(),
    xr.squeeze().shape,
    xr.squeeze(0).shape,
    xr.squeeze(1).shape,
    xr.squeeze(dim=0).shape,
    xr.squeeze((0, 1)).shape,
    torch.squeeze(xr).shape,
    torch.squeeze(xr, 0).shape,
    x.squeeze().shape,
    torch.ones(1, 1).squeeze(),
    torch.ones(1, 2, 1, 3).squeeze().shape,
    torch.ones(1, 2, 1).squeeze(-1).shape,
)
# %%
xr.squeeze(2)
# %%
xr.squeeze(-3)
# %%
(
    x.unsqueeze(dim=0).shape,
    x.unsqueeze(0),
    x.unsqueeze(1).shape,
    x.unsqueeze(-1).shape,
    x.unsqueeze(-2).shape,
    torch.unsqueeze(x, dim=0).shape,
    x[None].shape,
    x[:, None].shape,
    torch.tensor(1).unsqueeze(0),
)
# %%
x.unsqueeze(2)
# %%
x.unsqueeze(-3)
# %%
x.unsqueeze()
# %%
torch.unsqueeze(x)
# %%
x.unsqueeze(0, 1)
# %%
x.unsqueeze(1.0)
# %%
(
    xr.clone().squeeze_().shape,
    x.clone().unsqueeze_(0).shape,
    x.clone().t_().shape,
    x.clone().resize_(2, 2),
    x.clone().view(3, 3).transpose_(0, 1),
)
# %%
o = torch.rand(size=(8, 8, 3))
p = o.permute(2, 0, 1)
(
    o.shape,
    p.shape,
    torch.permute(o, (2, 0, 1)).shape,
    o.permute((2, 0, 1)).shape,
    o.permute([2, 0, 1]).shape,
    o.permute(dims=(2, 0, 1)).shape,
    torch.permute(o, dims=(2, 0, 1)).shape,
    o.permute(-1, 0, 1).shape,
    o.movedim(2, 0).shape,
    torch.moveaxis(o, 2, 0).shape,
    torch.einsum("hwc->chw", o).shape,
    o.permute(2, 0, 1).is_contiguous(),
)
# %%
o.permute(2, 0)
# %%
o.permute(0, 1, 1)
# %%
o.permute(0, 1, 3)
# %%
o.permute(0, 1, 2, 3)
# %%
o.permute()
# %%
torch.permute(o, 2, 0, 1)
# %%
torch.permute(o)
# %%
o.permute("a")
# %%
o[0, 0, 0] = 100
o[0, 0, 0], p[0, 0, 0], o.view(-1)[0], p.data_ptr() == o.data_ptr(), p._base is o
# %%
p.view(-1)
# %%
(
    p.reshape(-1).shape,
    p.contiguous().view(-1).shape,
    p.flatten().shape,
    p.ravel().shape,
    p.flatten(1).shape,
    p.flatten(0, 1).shape,
    p.unflatten(1, (2, 4)).shape,
    p.unflatten(1, (-1, 4)).shape,
)
# %%
p.flatten(2, 1)
# %%
p.unflatten(1, (3, 4))
# %%
o[0, 0, 0] = torch.tensor([1, 2])
# %%
o[0, 0, 0] = "a"
# %%
o[0, 0, 0] = torch.tensor([7])
o[0, 0, 0]
# %%
o[0, 0] = [1, 2, 3]
o[0, 0]
# %%
o[0, 0] = [1, 2]
# %%
o[0, 0] = np.array([4, 5, 6])
o[0, 0]
# %%
o[0, 0] = (1, 2, 3)
o[0, 0]
# %%
o[0, 0] = None
# %%
o[9] = 1
# %%
o[0, 0, 0, 0] = 1
# %%
o[:, :, 0] = torch.ones(8, 7)
# %%
x = torch.arange(1, 10).reshape(1, 3, 3)
(
    x,
    x.shape,
    x[0],
    x[0, 0],
    x[0][0],
    x[0, 0, 0],
    x[0, 2, 2],
    x[0][2][2],
    x[:, 0],
    x[:, :, 1],
    x[0, :, 1],
    x[:, 1, 1],
    x[0, 0, :],
    x[:, :, 2],
    x[..., 2],
    x[0, ...],
    x[:, -1],
    x[:, 1:],
    x[0, ::2],
    x[:, :, -1:],
    x[0, 0:2, 0:2],
    x[0, :, [0, 2]],
    x[0, [0, 1], [1, 2]],
    x[:, torch.tensor([True, False, True])],
    x[x > 5],
    x[(x > 2) & (x < 7)],
    x[None].shape,
    x[0, None].shape,
    x[True].shape,
    x[False].shape,
    x[[0]].shape,
    x[0, torch.tensor(1)],
    x[(0, 1)],
    x[0, 1, torch.tensor([[0, 1]])],
    x[np.array([0])].shape,
    x[np.int64(0), 1],
)
# %%
x[1]
# %%
x[0, 3]
# %%
x[0, 0, 3]
# %%
x[-2]
# %%
x[:, :, :, 0]
# %%
x[0][0][0][0]
# %%
x[1.0]
# %%
x[0, "a"]
# %%
x[{}]
# %%
x[0, ::-1]
# %%
x[0, ::0]
# %%
x[0, 1.0:2]
# %%
x[torch.tensor([True, False])]
# %%
x[0, torch.tensor([0, 3])]
# %%
x[0, [0, 3]]
# %%
x[0, torch.tensor([0.0, 1.0])]
# %%
x[[0, 0], [0, 1, 2]]
# %%
x[x > 5] = 0
x
# %%
x[0, 1] += 5
x[0, :, 0] *= 2
x
# %%
x[0, 0] = 1.9
x[0, 0]
# %%
x[0, 0] = 1j
# %%
x[x == 0] = torch.tensor([1, 2])
# %%
x[0, 0] = torch.tensor([1.5, 2.5, 3.5])
x[0, 0]
# %%
(
    x.index_select(1, torch.tensor([0, 2])),
    torch.gather(x[0], 1, torch.tensor([[0], [1], [2]])),
    x[0].diagonal(),
    torch.where(x > 3, x, 0),
    torch.where(x > 3),
    x.nonzero()[:2],
    torch.take(x, torch.tensor([0, 4])),
    x.masked_select(x > 5),
    x.select(1, 0),
    x.narrow(2, 0, 2),
    torch.tril(x),
    x[0].diag(),
    torch.nonzero(x[0, 0]),
    x.flip(2),
    x.roll(1, 2),
    x.chunk(3, 1)[0],
    x.split(2, 1)[1],
    x.unbind(1)[0],
    x.expand(2, 3, 3).shape,
    x.repeat(2, 1, 1).shape,
    x.tile(2).shape,
    torch.rot90(x[0]),
    x.squeeze(0).tolist(),
)
# %%
x.expand(1, 3, 4)
# %%
x.expand(3)
# %%
x.repeat(2)
# %%
del x[0]
# %%
array = np.arange(1.0, 8.0)
t = torch.from_numpy(array)
(
    array,
    t,
    t.dtype,
    torch.from_numpy(array).type(torch.float32),
    torch.tensor(array),
    torch.as_tensor(array).dtype,
    torch.Tensor(array).dtype,
    torch.from_numpy(array).float(),
    torch.from_numpy(array.astype(np.float32)).dtype,
)
# %%
array = array + 1
array, t
# %%
array += 1
array, t
# %%
t = torch.ones(7)
n = t.numpy()
t = t + 1
t, n, n.dtype, type(n), n.flags.owndata
# %%
t = torch.ones(7)
n = t.numpy()
t += 1
n, t
# %%
(
    t.numpy().dtype,
    t.double().numpy().dtype,
    t.long().numpy(),
    t.bool().numpy(),
    t.half().numpy(),
    torch.tensor(3).numpy(),
    torch.tensor(3.5).numpy().shape,
    (t + 1j).numpy().dtype,
    torch.tensor([]).numpy(),
    torch.ones(2, 3).t().numpy().strides,
)
# %%
torch.from_numpy(None)
# %%
t.numpy(1)
# %%
(
    np.array(t),
    np.asarray(t),
    np.array([t, t]).shape,
    np.array(t, dtype=np.int64),
    np.sqrt(t),
    np.concatenate([t, t]).shape,
    np.stack([t, t]).shape,
    np.dot(t, t),
    np.reshape(t, (7, 1)).shape,
    np.where(t > 1, 1, 0),
    np.exp(t)[0],
    np.isnan(t),
    np.argmax(t),
    np.allclose(t, t),
    np.array_equal(t, t),
    np.transpose(t).shape,
    np.linalg.norm(t),
    np.expand_dims(t, 0).shape,
    np.round(t),
    np.clip(t, 0, 1),
    np.unique(t),
    np.abs(t),
    np.cumsum(t),
)
# %%
(
    np.testing.assert_allclose(t, t),
    np.ones(7) * t,
    t * np.ones(7),
    np.ones(7) + t,
    t + np.ones(7),
    np.float32(2) * t,
    t * np.float64(2),
    np.int64(3) + torch.tensor([1]),
    np.ones(7) - t,
    t > np.ones(7),
    np.ones(7) == t,
    np.array(2.0) * t,
)
# %%
torch.sum(np.ones(3))
# %%
torch.sqrt(np.ones(3))
# %%
t @ np.ones(7)
# %%
(
    torch.ones(2).tolist(),
    torch.tensor(2).tolist(),
    torch.ones(2, 1).tolist(),
    torch.ones(0).tolist(),
    torch.tensor([True]).tolist(),
    torch.tensor([1j]).tolist(),
)
# %%
A = torch.rand(3, 4)
B = torch.rand(3, 4)
print(A)
print(B)
print(A == B)
torch.manual_seed(42)
C = torch.rand(3, 4)
torch.manual_seed(42)
D = torch.rand(3, 4)
print(C)
print(C == D)
torch.random.manual_seed(42)
print(torch.rand(3))
(
    torch.manual_seed(seed=42),
    torch.initial_seed(),
    torch.get_rng_state().shape,
    torch.get_rng_state().dtype,
    type(torch.seed()),
)
# %%
torch.manual_seed("a")
# %%
torch.manual_seed(1.5)
torch.rand(1)
# %%
(
    torch.manual_seed(-1),
    torch.rand(1),
    torch.manual_seed(2**63),
    torch.rand(1),
    torch.manual_seed(2**64 - 1),
    torch.rand(1),
)
# %%
torch.manual_seed(None)
# %%
torch.manual_seed()
# %%
s = torch.get_rng_state()
a = torch.rand(2)
torch.set_rng_state(s)
b = torch.rand(2)
a == b
# %%
g = torch.Generator().manual_seed(42)
(
    torch.rand(3, generator=g),
    torch.rand(3, generator=torch.manual_seed(42)),
    torch.randn(2, generator=g),
    torch.randperm(5, generator=g),
    torch.randint(3, (2,), generator=g),
    g.initial_seed(),
    g.device,
)
# %%
with torch.random.fork_rng():
    torch.manual_seed(0)
    a = torch.rand(1)
a
# %%
torch.use_deterministic_algorithms(True)
r = torch.are_deterministic_algorithms_enabled()
torch.use_deterministic_algorithms(False)
torch.backends.cudnn.deterministic = True
torch.backends.cudnn.benchmark = False
r
# %%
for seed in (0, 1, 42, 1234):
    torch.manual_seed(seed)
    print(
        torch.rand(2),
        torch.randn(3),
        torch.randn(20)[:2],
        torch.randint(0, 100, (3,)),
        torch.randperm(6),
        torch.bernoulli(torch.full((4,), 0.5)),
        torch.normal(0.0, 1.0, (2,)),
        torch.empty(3).uniform_(-1, 1),
        torch.empty(2).normal_(2, 3),
        torch.multinomial(torch.ones(4), 2),
        torch.empty(2).exponential_(),
        torch.rand(2, dtype=torch.float64),
        torch.randn(2, dtype=torch.float64),
        torch.rand(2, dtype=torch.half),
        torch.empty(3).random_(10),
        torch.poisson(torch.ones(3)),
        torch.empty(2).geometric_(0.5),
        torch.empty(2).cauchy_(),
        torch.empty(2).log_normal_(),
    )
