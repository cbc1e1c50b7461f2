# What warns, and in which words.
import torch, warnings
from torch import nn

P = torch.tensor([[0.2, 0.7, 0.1], [0.5, 0.3, 0.2]])
model = nn.Linear(2, 2)


def seen(f):
    with warnings.catch_warnings(record=True) as c:
        warnings.simplefilter("always")
        try:
            f()
        except Exception as e:
            print(type(e).__name__, e)
    print(
        *[w.category.__name__ + ": " + str(w.message).split(" (Triggered")[0].split("\n")[0] for w in c],
        sep="\n",
    )


# %%
seen(lambda: torch.optim.lr_scheduler.StepLR(torch.optim.SGD(model.parameters(), lr=0.1), 1).step())
# %%
seen(lambda: nn.Dropout2d()(torch.ones(2, 3)))
# %%
seen(lambda: nn.KLDivLoss()(P.log(), P))
# %%
seen(lambda: nn.init.normal(torch.ones(2)))
# %%
seen(lambda: nn.init.xavier_uniform(torch.ones(2, 2)))
# %%
seen(lambda: nn.utils.clip_grad_norm(model.parameters(), 1.0))
# %%
seen(lambda: torch.norm(P))
# %%
seen(lambda: nn.init.zeros_(torch.zeros(0)))
# %%
seen(lambda: nn.init.kaiming_uniform_(torch.zeros(0)))
# %%
seen(lambda: nn.functional.softmax(P))
# %%
seen(lambda: nn.functional.log_softmax(P))
# %%
seen(lambda: torch.tensor(torch.ones(2)))
# %%
seen(lambda: torch.ones(2).requires_grad_().clone().grad)
# %%
seen(lambda: torch.floor_divide(torch.ones(2), 2))
# %%
seen(lambda: torch.range(0, 3))
# %%
seen(lambda: torch.ones(2)[torch.tensor([1, 0], dtype=torch.uint8)])
# %%
seen(lambda: torch.cuda.amp.GradScaler())
# %%
seen(lambda: torch.cuda.amp.autocast())
# %%
seen(lambda: torch.amp.GradScaler("cuda"))
# %%
seen(lambda: torch.autocast("cuda"))
# %%
seen(lambda: torch.utils.data.DataLoader([1, 2, 3], num_workers=99))
# %%
seen(lambda: torch.utils.data.DataLoader([1, 2, 3], pin_memory=True).__iter__().__next__())
# %%
seen(lambda: torch.set_default_tensor_type(torch.FloatTensor))
# %%
seen(lambda: torch.nn.Linear(2, 0))
# %%
seen(lambda: torch.tensor([float("nan")]).to(torch.int) * 0)
# %%
seen(lambda: torch.ones(3).std(correction=5))
# %%
seen(lambda: torch.ones(1).std())
# %%
seen(lambda: torch.tensor(1.0).std())
# %%
seen(lambda: torch.ones(2).storage())
# %%
seen(lambda: torch.ones(2, requires_grad=True).mul(2).grad)
# %%
seen(lambda: torch.ones(2, dtype=torch.cfloat).to(torch.float))
# %%
seen(lambda: torch.tensor([1j]).float())
# %%
seen(lambda: torch.empty(0).squeeze_())
# %%
seen(lambda: torch.where(torch.tensor([1], dtype=torch.uint8), 1, 0))
# %%
seen(
    lambda: torch.max(
        torch.tensor([[1, 2]]), 1, out=(torch.empty(5, dtype=torch.long), torch.empty(1, dtype=torch.long))
    )
)
# %%
seen(lambda: torch.add(torch.ones(2), 1, out=torch.empty(5)))
# %%
seen(lambda: nn.Upsample(scale_factor=2, mode="bilinear")(torch.ones(1, 1, 2, 2)))
# %%
seen(
    lambda: nn.functional.interpolate(
        torch.ones(1, 1, 2, 2), scale_factor=2, mode="nearest", align_corners=True
    )
)
# %%
seen(lambda: nn.functional.nll_loss(P.log(), torch.tensor([0, 1]), size_average=True))
# %%
seen(lambda: nn.utils.clip_grad_norm_([torch.ones(1, requires_grad=True)], 1.0))
# %%
seen(lambda: nn.utils.clip_grad_norm_(torch.ones(1, requires_grad=True), 1.0))
