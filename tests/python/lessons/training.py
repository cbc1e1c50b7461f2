# Modules, losses and optimizers: modes, freezing, and the shapes they refuse.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
model, [(n, tuple(p.shape), p.requires_grad) for n, p in model.named_parameters()], list(model.state_dict())
# %%
model[0].weight, model[0].bias, model(torch.ones(1, 4))
# %%
(
    [isinstance(m, nn.Module) for m in (nn.MSELoss(), nn.CrossEntropyLoss(), nn.BCELoss(), nn.L1Loss())],
    nn.MSELoss(),
    nn.BCELoss(),
)
# %%
model(torch.ones(1, 5))
# %%
model(torch.ones(1, 4, dtype=torch.float64))
# %%
model(torch.ones(1, 4, dtype=torch.long))
# %%
nn.Conv2d(3, 8, 3)(torch.ones(1, 1, 8, 8))
# %%
nn.Conv2d(3, 8, 3)(torch.ones(8, 8))
# %%
nn.Conv2d(1, 1, 5)(torch.ones(1, 1, 3, 3))
# %%
nn.BatchNorm1d(3)(torch.ones(1, 3))
# %%
nn.BatchNorm2d(3)(torch.ones(2, 3))
# %%
logits = torch.tensor([[2.0, 0.5, -1.0], [0.0, 1.0, 3.0]])
loss = nn.CrossEntropyLoss()
loss(logits, torch.tensor([0, 2])), loss(logits, torch.softmax(logits, 1)), loss(logits[0], torch.tensor(1))
# %%
loss(logits, torch.tensor([0, 3]))
# %%
loss(logits, torch.tensor([0.0, 2.0]))
# %%
loss(logits, torch.tensor([0]))
# %%
loss(logits, torch.tensor([0, 2], dtype=torch.int32))
# %%
nn.BCELoss()(torch.tensor([0.5, 1.5]), torch.tensor([0.0, 1.0]))
# %%
(
    nn.BCELoss()(torch.tensor([0.5, 0.25]), torch.tensor([0.0, 1.0])),
    nn.BCELoss()(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 1.0])),
)
# %%
nn.BCELoss()(torch.tensor([0.5]), torch.tensor([1]))
# %%
nn.BCELoss()(torch.tensor([0.5]), torch.tensor([1.0, 0.0]))
# %%
import warnings

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(nn.MSELoss()(torch.ones(3), torch.zeros(2, 3)), nn.L1Loss()(torch.ones(2, 3), torch.zeros(3)))
    print([(w.category.__name__, str(w.message)) for w in caught])
# %%
nn.MSELoss()(torch.ones(2), torch.ones(3))
# %%
torch.manual_seed(1)
drop = nn.Dropout(0.5)
ones = torch.ones(8)
drop(ones), drop.eval()(ones), drop.training, drop.train()(ones)
# %%
nn.Dropout(1.5)
# %%
torch.manual_seed(2)
norm = nn.BatchNorm1d(2)
batch = torch.randn(16, 2) * 3 + 1
norm(batch).mean(0).abs().max() < 1e-6, norm.running_mean, norm.running_var, norm.num_batches_tracked
# %%
before = norm.running_mean.clone()
norm.eval()
norm(batch)[0], torch.equal(norm.running_mean, before), norm.num_batches_tracked


# %%
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.25))
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.features(x))


torch.manual_seed(3)
net = Net()
net
# %%
net.eval()
(
    [(n, m.training) for n, m in net.named_modules()],
    torch.equal(net(batch.repeat(1, 2)), net(batch.repeat(1, 2))),
)
# %%
net.train()
net.features[1].eval()
[m.training for m in net.modules()]
# %%
x, t = batch.repeat(1, 2), torch.arange(16) % 3
for p in net.features.parameters():
    p.requires_grad_(False)
start = {n: v.clone() for n, v in net.state_dict().items()}
optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.1, momentum=0.9)
for step in range(3):
    optimizer.zero_grad()
    out = net(x)
    error = nn.functional.cross_entropy(out, t)
    error.backward()
    optimizer.step()
    print(step, f"{error.item():.4f}")
(
    [n for n, v in net.state_dict().items() if not torch.equal(v, start[n])],
    [n for n, p in net.named_parameters() if p.grad is not None],
)
# %%
hidden = net.features(x)
hidden.requires_grad, hidden.grad_fn, net.head(hidden).grad_fn.name()
# %%
net.requires_grad_(True)
net.features.requires_grad_(False)
net(x).sum().backward()
[n for n, p in net.named_parameters() if p.requires_grad]
# %%
for p in net.parameters():
    p.requires_grad = False
net(x).sum().backward()
# %%
net.requires_grad_(True)
with torch.no_grad():
    out = net(x)
out.requires_grad, out.grad_fn
# %%
out.sum().backward()
# %%
torch.optim.SGD([], lr=0.1)
# %%
torch.optim.SGD(net, lr=0.1)
# %%
torch.optim.SGD(net.parameters(), lr=-1)
# %%
torch.optim.Adam(net.parameters(), lr=0.1, betas=(1.0, 0.9))
# %%
torch.optim.SGD([net(x)], lr=0.1)
# %%
optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
optimizer
# %%
optimizer.step()
optimizer.state_dict()["param_groups"][0]["params"]


# %%
def train(kind, loss, target, seed=5, **options):
    torch.manual_seed(seed)
    last = [nn.Sigmoid()] if loss is nn.BCELoss else []
    small = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Dropout(0.1), nn.Linear(6, 3), *last)
    optimizer, seen = kind(small.parameters(), lr=0.05, **options), []
    for _ in range(4):
        small.train()
        value = loss()(small(x), target)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        seen.append(round(value.item(), 4))
    small.eval()
    with torch.no_grad():
        return [*seen, round(small(x).abs().mean().item(), 4)]


goal = torch.rand(16, 3)
# %%
for kind in (torch.optim.Adam, torch.optim.Adagrad, torch.optim.SGD, torch.optim.RMSprop, torch.optim.AdamW):
    for loss, target in (
        (nn.MSELoss, goal),
        (nn.L1Loss, goal),
        (nn.CrossEntropyLoss, t),
        (nn.BCELoss, (goal > 0.5).float()),
    ):
        print(kind.__name__, loss.__name__, train(kind, loss, target))
# %%
train(torch.optim.SGD, nn.MSELoss, goal, momentum=0.9, nesterov=True, weight_decay=0.01)
# %%
net.load_state_dict({"head.weight": torch.zeros(3, 8)})
# %%
net.load_state_dict({**net.state_dict(), "head.bias": torch.zeros(4), "extra": torch.zeros(1)})
# %%
(
    net.load_state_dict(net.state_dict()),
    net.load_state_dict({"nothing": torch.zeros(1)}, strict=False).unexpected_keys,
)
# %%
net.nonesuch


# %%
class Forgetful(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(1, 1)


Forgetful()
# %%
nn.Module()(1)
# %%
net.weight = nn.Parameter(torch.ones(2))
net.weight = torch.ones(2)
# %%
(
    nn.Linear(0, 1),
    nn.Linear(2, 3, bias=False),
    nn.Linear(2, 2)(torch.ones(2)).shape,
    nn.Flatten()(torch.ones(2, 3, 4)).shape,
)
