# Layers, losses, optimizers and the training loop, with the mistakes one makes there.
import numpy as np, warnings
import torch
from torch import nn

torch.manual_seed(0)
D_in, H, D_out = 6, 5, 3
model = nn.Sequential(nn.Linear(D_in, H), nn.ReLU(), nn.Linear(H, D_out)).to("cpu")
(
    model,
    model[0],
    model[-1],
    model[0:2],
    len(model),
    list(model),
    model[0].weight.shape,
    model[0].in_features,
    model.training,
    [n for n, _ in model.named_parameters()],
    [n for n, _ in model.named_modules()],
    [n for n, _ in model.named_children()],
    model.state_dict(),
    list(model.parameters())[1],
    sum(p.numel() for p in model.parameters()),
    model[0].bias.grad,
    model[0].extra_repr(),
    nn.Linear(2, 3, bias=False),
    str(nn.ReLU()),
    model.eval() is model,
    model.train() is model,
    model.train(False).training,
    model.train(True)[0].training,
    model.requires_grad_(False)[0].weight.requires_grad,
    model.requires_grad_(True) is model,
    model.zero_grad(),
    model.apply(lambda m: None) is model,
)
# %%
model[5]
# %%
model["a"]
# %%
model.foo
# %%
model(torch.rand(2, 5))
# %%
model(torch.rand(2, 6).double())
# %%
model(torch.ones(2, 6, dtype=torch.long))
# %%
model(np.ones((2, 6)))
# %%
model([1, 2])
# %%
model()
# %%
model(torch.rand(2, 6), 3)
# %%
model(torch.rand(6)), model(torch.rand(2, 3, 6)).shape, model(torch.rand(0, 6)).shape
# %%
model.train("yes")
# %%
nn.Linear(-1, 3)
# %%
nn.Linear(2)
# %%
nn.Sequential(1, 2)
# %%
nn.Sequential(nn.Linear)
# %%
nn.Sequential([nn.Linear(2, 2)])
# %%
from collections import OrderedDict

(
    nn.Sequential(OrderedDict(a=nn.Linear(2, 2), b=nn.ReLU())),
    nn.Sequential(),
    nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Softmax(dim=1),
        nn.LSTM(2, 3),
        nn.Embedding(3, 2),
        nn.MaxPool2d(2),
        nn.AvgPool2d(2, stride=1),
        nn.LayerNorm(3),
        nn.GELU(),
        nn.Sigmoid(),
        nn.Tanh(),
        nn.LeakyReLU(0.1),
        nn.ELU(),
        nn.Identity(),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Upsample(scale_factor=2),
        nn.ConvTranspose2d(1, 1, 2),
        nn.GroupNorm(1, 2),
        nn.PReLU(),
        nn.Softplus(),
        nn.Hardtanh(),
        nn.Bilinear(1, 2, 3),
        nn.GRU(1, 1),
        nn.RNN(1, 1),
        nn.MultiheadAttention(2, 1),
        nn.TransformerEncoderLayer(2, 1, 4),
        nn.Unflatten(1, (2, 2)),
        nn.LogSoftmax(1),
        nn.Softmax(),
        nn.ZeroPad2d(1),
        nn.Dropout2d(),
        nn.BatchNorm1d(3, momentum=None),
        nn.InstanceNorm2d(2),
    ),
)
# %%
for L in (
    "MSELoss",
    "L1Loss",
    "CrossEntropyLoss",
    "BCELoss",
    "BCEWithLogitsLoss",
    "NLLLoss",
    "SmoothL1Loss",
    "HuberLoss",
    "KLDivLoss",
    "HingeEmbeddingLoss",
    "MarginRankingLoss",
    "CosineEmbeddingLoss",
    "PoissonNLLLoss",
):
    l = getattr(nn, L)()
    print(l, l.reduction, [getattr(nn, L)(reduction=r).reduction for r in ("none", "sum")])
# %%
nn.MSELoss(reduction="avg")(torch.ones(2), torch.ones(2))
# %%
nn.CrossEntropyLoss(reduction="avg")(torch.ones(2, 2), torch.tensor([0, 1]))
# %%
(nn.MSELoss(size_average=False),)
# %%
P = torch.tensor([[0.2, 0.7, 0.1], [0.5, 0.3, 0.2]])
T = torch.tensor([1, 0])
O = torch.tensor([[0.0, 1, 0], [1, 0, 0]])
for r in ("mean", "sum", "none"):
    print(
        r,
        nn.MSELoss(reduction=r)(P, O),
        nn.L1Loss(reduction=r)(P, O),
        nn.CrossEntropyLoss(reduction=r)(P, T),
        nn.CrossEntropyLoss(reduction=r)(P, O),
        nn.BCELoss(reduction=r)(P, O),
        nn.BCEWithLogitsLoss(reduction=r)(P, O),
        nn.NLLLoss(reduction=r)(P.log(), T),
        nn.SmoothL1Loss(reduction=r)(P, O),
        nn.HuberLoss(reduction=r)(P, O),
        nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0]), reduction=r)(P, T),
        nn.CrossEntropyLoss(label_smoothing=0.1, reduction=r)(P, T),
        nn.CrossEntropyLoss(ignore_index=1, reduction=r)(P, T),
        nn.BCELoss(weight=torch.tensor([1.0, 2.0, 3.0]), reduction=r)(P, O),
        nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 2.0, 3.0]), reduction=r)(P, O),
    )
# %%
nn.CrossEntropyLoss()(P, torch.tensor([[1], [0]]))
# %%
nn.CrossEntropyLoss()(P, T.float())
# %%
nn.CrossEntropyLoss()(P, T.int())
# %%
nn.CrossEntropyLoss()(P, torch.tensor([1, 3]))
# %%
nn.CrossEntropyLoss()(P, torch.tensor([1, -1]))
# %%
nn.CrossEntropyLoss()(P, torch.tensor([1, -100]))
# %%
nn.CrossEntropyLoss()(P, torch.tensor([1, 0, 2]))
# %%
nn.CrossEntropyLoss()(P, torch.tensor([True, False]))
# %%
nn.CrossEntropyLoss()(P.long(), T)
# %%
nn.CrossEntropyLoss()(P)
# %%
nn.CrossEntropyLoss(weight=torch.ones(2))(P, T)
# %%
nn.MSELoss()(P, T)
# %%
nn.MSELoss()(P, T.float())
# %%
nn.MSELoss()(P.long(), O.long())
# %%
nn.MSELoss()(P, O.double()), nn.MSELoss()(P, O.long()), nn.L1Loss()(P, O.long())
# %%
nn.BCELoss()(P, T)
# %%
nn.BCELoss()(P, O.long())
# %%
nn.BCELoss()(P, O.double())
# %%
nn.BCELoss()(P * 3, O)
# %%
nn.BCELoss()(P, O[:, :2])
# %%
nn.BCELoss()(P, -O), nn.BCELoss()(P, O * 2)
# %%
nn.BCEWithLogitsLoss()(P, T)
# %%
for O_ in (
    "Adam",
    "Adagrad",
    "SGD",
    "RMSprop",
    "AdamW",
    "Adadelta",
    "Adamax",
    "NAdam",
    "RAdam",
    "ASGD",
    "Rprop",
):
    o = getattr(torch.optim, O_)(model.parameters(), lr=1e-2)
    print(o)
    print(dict(o.state_dict()["param_groups"][0].items()))
    print(o.defaults)
# %%
torch.optim.RMSProp(model.parameters())
# %%
torch.optim.Adam
# %%
torch.optim.Adam()
# %%
torch.optim.Adam(model)
# %%
torch.optim.Adam([])
# %%
torch.optim.Adam(model.parameters(), lr=-1.0)
# %%
torch.optim.Adam(model.parameters(), betas=(2, 0))
# %%
torch.optim.Adam(model.parameters(), momentum=0.9)
# %%
torch.optim.SGD(model.parameters(), nesterov=True)
# %%
torch.optim.SGD(model.parameters(), lr=0.1, nesterov=True)
# %%
torch.optim.SGD(model.parameters(), momentum=-1)
# %%
torch.optim.SGD(model.parameters()).defaults["lr"]
# %%
torch.optim.SGD(torch.ones(2), lr=0.1)
# %%
torch.optim.SGD([torch.ones(2)], lr=0.1)
# %%
torch.optim.SGD([torch.ones(2, requires_grad=True) * 2], lr=0.1)
# %%
torch.optim.SGD([1], lr=0.1)
# %%
torch.optim.SGD(["a"], lr=0.1)
# %%
torch.optim.SGD({model[0].weight}, lr=0.1)
# %%
torch.optim.SGD([model[0].weight, model[0].weight], lr=0.1)
# %%
torch.optim.SGD(
    [{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 0.5}], lr=0.1, momentum=0.9
)
# %%
torch.optim.SGD([{"params": [model[0].weight]}, {"params": [model[0].weight]}], lr=0.1)
# %%
torch.optim.RMSprop(model.parameters(), alpha=-1)
# %%
torch.optim.Adagrad(model.parameters(), lr_decay=-1)
# %%
o = torch.optim.SGD(model.parameters(), lr=0.1)
(
    o.step(),
    o.zero_grad(),
    o.state,
    o.param_groups[0]["lr"],
    len(o.param_groups),
    o.state_dict(),
    model[0].weight.grad,
    o.add_param_group({"params": [torch.ones(1, requires_grad=True)]}),
)
# %%
o.step(3)
# %%
o.load_state_dict({"state": {}, "param_groups": []})
# %%
o = torch.optim.Adam(model.parameters(), lr=0.1)
model(torch.ones(1, 6)).sum().backward()
o.step()
o.zero_grad()
(
    model[0].weight.grad,
    o.state_dict()["state"][1],
    list(o.state_dict()["state"]),
    o.zero_grad(set_to_none=False),
)
# %%
model(torch.ones(1, 6)).sum().backward()
o.zero_grad(set_to_none=False)
model[2].bias.grad
# %%
# the training loop with each optimizer, loss and options
torch.manual_seed(1)
X = torch.rand(8, 6)
Y = torch.rand(8, 3)
for name, kw in (
    ("Adam", {}),
    ("Adam", {"amsgrad": True, "weight_decay": 0.1}),
    ("Adam", {"maximize": True}),
    ("Adagrad", {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("SGD", {}),
    ("SGD", {"momentum": 0.9, "dampening": 0.1}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("RMSprop", {"centered": True, "momentum": 0.5}),
    ("RMSprop", {"alpha": 0.5, "weight_decay": 0.1}),
    ("AdamW", {"weight_decay": 0.5}),
    ("Adadelta", {}),
    ("Adamax", {}),
    ("NAdam", {}),
    ("RAdam", {}),
    ("Rprop", {}),
    ("ASGD", {}),
):
    for lossn, t in (
        ("MSELoss", Y),
        ("L1Loss", Y),
        ("CrossEntropyLoss", Y.argmax(1)),
        ("BCELoss", (Y > 0.5).float()),
        ("BCEWithLogitsLoss", (Y > 0.5).float()),
    ):
        torch.manual_seed(3)
        net = nn.Sequential(
            nn.Linear(6, 8, bias=False),
            nn.BatchNorm1d(8),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(8, 3),
            *([nn.Sigmoid()] if lossn == "BCELoss" else []),
        )
        o = getattr(torch.optim, name)(net.parameters(), lr=0.02, **kw)
        lf = getattr(nn, lossn)()
        out = []
        for e in range(6):
            net.train()
            l = lf(net(X), t)
            o.zero_grad()
            l.backward()
            o.step()
            out.append(f"{l.item():.3f}")
        net.eval()
        print(name, kw, lossn, *out, f"{lf(net(X), t).item():.3f}")
# %%
# mistakes in the loop: forgotten zero_grad, forgotten train, step before backward
torch.manual_seed(3)
net = nn.Linear(6, 3)
o = torch.optim.SGD(net.parameters(), lr=0.1)
lf = nn.MSELoss()
for e in range(4):
    l = lf(net(X), Y)
    l.backward()
    o.step()
    print(f"{l.item():.5f} {net.weight.grad.norm().item():.4f}")
l.backward()
# %%
loss = lf(net(X), Y)
o.zero_grad()
loss.backward()
loss.backward()
# %%
loss = lf(net(X), Y)
loss.backward()
print(
    loss,
    loss.item() > 0,
    loss.data.dtype,
    loss.detach(),
    float(loss) > 0,
    f"{loss:.4f}",
    f"{loss.item():.4f}",
    loss.grad_fn.name(),
)
total = 0
for _ in range(2):
    total += lf(net(X), Y)
print(total, total.grad_fn.name())
# %%
print(f"{net(X)[0]:.2f}")
# %%
net(X).numpy()
# %%
net.weight.numpy()
# %%
net.weight += 1
# %%
net.weight = torch.ones(3, 6)
# %%
net.weight = nn.Parameter(torch.zeros(3, 6))
(
    net.weight,
    net(X).sum(),
    nn.Parameter(torch.ones(1)),
    nn.Parameter(torch.ones(1), requires_grad=False),
    nn.Parameter(torch.ones(1)) * 2,
)
# %%
nn.Parameter([1.0])
# %%
nn.Parameter(torch.tensor([1]))
# %%
(
    nn.Parameter(torch.tensor([1]), requires_grad=False),
    nn.Parameter(),
    repr(nn.Parameter(torch.ones(2)).data),
    type(nn.Parameter(torch.ones(1))),
    isinstance(nn.Parameter(torch.ones(1)), torch.Tensor),
)


# %%
class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.Linear(2, 2)
        self.p = nn.Parameter(torch.ones(2))
        self.register_buffer("b", torch.zeros(1))
        self.t = torch.ones(1)
        self.lst = [nn.Linear(1, 1)]
        self.ml = nn.ModuleList([nn.Linear(1, 1)])
        self.md = nn.ModuleDict({"k": nn.ReLU()})


m = M()
m, list(m.state_dict()), [n for n, _ in m.named_parameters()], [n for n, _ in m.named_buffers()]
# %%
m(1)
# %%
m.l = 3
# %%
del m.l
m
# %%
m.b = "a"
# %%
m.register_buffer("b", torch.ones(1))
# %%
m.register_parameter("q", torch.ones(1))
# %%
m.add_module("x", 3)
# %%
m.add_module("a.b", nn.ReLU())
# %%
m.load_state_dict({})
# %%
m.load_state_dict([1])
# %%
m.get_parameter("nope")
# %%
m.get_submodule("ml.0"), m.get_parameter("p"), m.get_buffer("b")
# %%
m.to("cpu") is m, m.float() is m, m.double().p.dtype, m.b.dtype, m.t.dtype, m.half().p, m.float().p.is_leaf
# %%
torch.manual_seed(0)
d = nn.Dropout(0.5)
(
    d(torch.ones(6)),
    d.eval()(torch.ones(6)),
    nn.functional.dropout(torch.ones(6), 0.5),
    nn.functional.dropout(torch.ones(6), 0.5, training=False),
    nn.Dropout(0.0)(torch.ones(2)),
    nn.Dropout(1.0)(torch.ones(2)),
    d.train()(torch.ones(2, 2)),
    nn.Dropout(p=0.9, inplace=True)(torch.ones(5)),
    nn.Dropout(0.5)(torch.ones(3, requires_grad=True)),
    nn.AlphaDropout(0.5)(torch.ones(3)),
    nn.Dropout2d(0.5)(torch.ones(1, 4, 1, 2)),
)
# %%
nn.functional.dropout(torch.ones(1), 2)
# %%
torch.manual_seed(0)
bn = nn.BatchNorm1d(3)
z = torch.rand(4, 3) * 5
(
    bn(z),
    bn.running_mean,
    bn.running_var,
    bn.num_batches_tracked,
    bn.eval()(z),
    bn.weight,
    bn(z).grad_fn.name(),
    list(bn.state_dict()),
    bn.train()(z).sum().abs() < 1e-5,
    bn.num_batches_tracked,
    bn.reset_running_stats(),
    bn.running_var,
    nn.BatchNorm1d(3, affine=False)(z),
    nn.BatchNorm1d(3, track_running_stats=False).running_mean,
)
# %%
bn(torch.ones(1, 3))
# %%
bn(torch.ones(3))
# %%
bn(torch.ones(2, 4))
# %%
bn.eval()(torch.ones(1, 3)), bn(torch.ones(1, 3, 2)).shape
# %%
nn.BatchNorm2d(3)(torch.ones(2, 3))
