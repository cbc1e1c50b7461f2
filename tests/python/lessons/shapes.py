# Creating, shaping, stacking and indexing.
import torch

torch.manual_seed(42)
torch.rand(2, 3), torch.rand(size=(1, 2)), torch.randn(3), torch.randint(0, 10, (4,)), torch.randperm(5)
# %%
torch.manual_seed(42)
c = torch.rand(3, 4)
torch.manual_seed(42)
d = torch.rand(3, 4)
e = torch.rand(3, 4)
c == d, torch.equal(c, e), torch.allclose(c, d)
# %%
(
    torch.zeros(2, 3),
    torch.zeros(size=(2, 3)).dtype,
    torch.ones(2, 2, dtype=torch.int),
    torch.full((2,), 7),
    torch.eye(2),
)
# %%
torch.arange(start=1, end=11, step=3), torch.arange(3), torch.arange(0.0, 1.0, 0.25), torch.linspace(0, 1, 3)
# %%
import warnings

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(torch.range(0, 3))
    print([(w.category.__name__, str(w.message)) for w in caught])
# %%
torch.arange(5, 1)
# %%
t = torch.arange(1, 4)
torch.zeros_like(t), torch.zeros_like(input=t), torch.ones_like(t, dtype=torch.float), torch.full_like(t, 5)
# %%
torch.zeros_like(3)
# %%
(
    torch.rand(3, 4).dtype,
    torch.tensor(7).ndim,
    torch.tensor([7, 7]).shape,
    torch.tensor(7).item(),
    torch.tensor([[7]]).item(),
)
# %%
torch.tensor([1, 2]).item()
# %%
torch.rand(2, 2).item()
# %%
torch.zeros(0).item()
# %%
(
    torch.tensor([1.5]).tolist(),
    torch.tensor(3).tolist(),
    int(torch.tensor(3.9)),
    float(torch.tensor([2])),
    bool(torch.tensor(0)),
)
# %%
int(torch.tensor([1, 2]))
# %%
bool(torch.tensor([1, 2]))
# %%
x = torch.arange(16.0).view(4, 4)
(
    x.view(16).shape,
    x.view(-1, 8).shape,
    x.view(4, -1).shape,
    x.view(-1, 2, 2).shape,
    x.view(2, -1, 2).size(),
    x.view(-1).size(0),
)
# %%
x.view(-1, -1)
# %%
x.reshape(-1, -1)
# %%
x.view(3, -1)
# %%
x.view(5, 5)
# %%
x.reshape(3, 5)
# %%
x.view(-2, 8)
# %%
x.t().view(16)
# %%
x.t().reshape(16)
# %%
x.t().contiguous().view(16)[:3], x.t().is_contiguous(), x.reshape(2, 8).data_ptr() == x.data_ptr()
# %%
torch.zeros(0, 3).view(-1, 0)
# %%
torch.zeros(2, 0).view(0, -1)
# %%
y = torch.arange(1.0, 10.0)
z = y.view(1, 9)
z[:, 0] = 5
z, y
# %%
(
    torch.stack([y, y], dim=0).shape,
    torch.stack([y, y], dim=1).shape,
    torch.vstack([y, y]).shape,
    torch.hstack([y, y]).shape,
)
# %%
torch.stack([y, y[:3]])
# %%
torch.stack([y, y], dim=3)
# %%
torch.cat([torch.rand(2, 3), torch.rand(3, 2)])
# %%
torch.cat([torch.ones(1, 2), torch.zeros(2, 2)]), torch.cat([torch.ones(2, 1), torch.zeros(2, 2)], dim=1)
# %%
torch.stack([])
# %%
s = torch.zeros(1, 3, 1)
(
    s.squeeze().shape,
    s.squeeze(0).shape,
    s.squeeze(1).shape,
    s.squeeze(dim=-1).shape,
    s.unsqueeze(0).shape,
    s.unsqueeze(-1).shape,
)
# %%
s.unsqueeze(5)
# %%
s.squeeze(3)
# %%
image = torch.zeros(5, 4, 3)
(
    image.permute(2, 0, 1).shape,
    torch.permute(image, (2, 0, 1)).shape,
    image.transpose(0, 2).shape,
    image.movedim(-1, 0).shape,
)
# %%
image.permute(2, 0)
# %%
image.permute(0, 0, 1)
# %%
chw = image.permute(2, 0, 1)
image[0, 0, 0] = 100
chw[0, 0, 0], chw.stride(), image.stride()
# %%
x = torch.arange(1, 10).reshape(1, 3, 3)
x[0], x[0, 0], x[0, 2, 2], x[:, 0], x[:, :, 1], x[0, :, 1], x[:, 1, 1], x[0, 0, :], x[..., -1], x[0][1][2]
# %%
x[1]
# %%
x[0, 3]
# %%
x[0, 0, 0, 0]
# %%
x[0, 1.0]
# %%
x["a"]
# %%
x[x > 4], x[:, [0, 2]], x[0, torch.tensor([2, 0])], x[None].shape, x[0, ::2, 1:]
# %%
x[:, :, ::-1]
# %%
x[0, 0] = torch.tensor([1, 2])
# %%
x[0, 0] = 7
x[0, :, 2] = torch.tensor([10, 20, 30])
x
# %%
len(x), len(x[0]), [int(v) for v in x[0, 0]], 7 in x, x.numel(), x.nelement(), x.dim()
# %%
len(torch.tensor(3))
# %%
for v in torch.tensor(3):
    pass
# %%
x.size(), x.size(1), x.size(-1), x.shape[0], x.shape == (1, 3, 3), list(x.shape), x.shape + (2,), x.T.shape
# %%
x.size(3)
# %%
torch.tensor([[1, 2], [3]])
# %%
(
    torch.tensor([1, 2.5]),
    torch.tensor([True, 2]),
    torch.tensor([1 + 2j]),
    torch.tensor([]),
    torch.tensor([[]]).shape,
)
# %%
torch.tensor("text")
# %%
torch.rand(-1)
# %%
torch.ones(2.5)
