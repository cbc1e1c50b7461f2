# Programs for a GPU, on a machine without one.
import torch

torch.cuda.is_available(), torch.cuda.device_count(), torch.cuda.is_initialized(), torch.version.cuda
# %%
(
    torch.device("cuda"),
    torch.device("cuda:1"),
    torch.device("cuda", 0),
    torch.device("cpu"),
    torch.device(type="cuda", index=2),
)
# %%
print(torch.device("cuda"), torch.device("cuda:0"), torch.device("cuda").type, torch.device("cuda").index)
# %%
(
    torch.device("cuda") == torch.device("cuda:0"),
    torch.device("cuda") == torch.device("cuda"),
    torch.device("cpu") == "cpu",
)
# %%
torch.device("gpu")
# %%
torch.device("cuda:-1")
# %%
torch.device("cuda:x")
# %%
torch.device("cuda" if torch.cuda.is_available() else "cpu")
# %%
torch.ones(2).to("cuda")
# %%
torch.ones(2).to(torch.device("cuda:0"))
# %%
torch.ones(2).cuda()
# %%
torch.ones(2, device="cuda")
# %%
torch.tensor([1], device=torch.device("cuda"))
# %%
torch.zeros_like(torch.ones(2), device="cuda")
# %%
torch.nn.Linear(2, 2).to("cuda")
# %%
torch.nn.Linear(2, 2).cuda()
# %%
torch.nn.Linear(2, 2, device="cuda")
# %%
torch.cuda.current_device()
# %%
torch.cuda.get_device_name(0)
# %%
torch.cuda.synchronize()
# %%
(
    torch.cuda.manual_seed(1),
    torch.cuda.manual_seed_all(1),
    torch.cuda.empty_cache(),
    torch.cuda.memory_allocated(),
)
# %%
x = torch.tensor([1, 2, 3], device="cpu")
x, x.device, x.is_cuda, x.cpu() is x, x.to("cpu").device, x.get_device()
# %%
x.to("nonsense")
# %%
torch.ones(2).to(torch.device("cpu", 0)).device, torch.ones(1, device="cpu:0").device
# %%
torch.set_default_device("cpu")
torch.get_default_device()
# %%
torch.load("nonesuch.pt", map_location="cuda")
# %%
torch.backends.cuda.is_built(), torch.backends.mps.is_available(), torch.backends.cudnn.is_available()
# %%
device = "cuda" if torch.cuda.is_available() else "cpu"
y = torch.ones(2, device=device)
z = (y + torch.ones(2).to(device)).to("cpu")
z, z.numpy()
