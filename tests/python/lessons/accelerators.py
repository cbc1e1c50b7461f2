# Devices that are not there, by every call that names one.
import numpy as np
import torch

(
    torch.cuda.is_available(),
    torch.cuda.is_available,
    torch.cuda.device_count(),
    torch.device("cuda"),
    torch.device("cuda:1"),
    torch.device("cuda", 1),
    str(torch.device("cuda")),
    torch.device("cuda").type,
    torch.device("cuda").index,
    torch.device("cuda:0").index,
    torch.device("cpu"),
    torch.device(0),
    torch.device("mps"),
    torch.device("meta"),
    hash(torch.device("cpu")) == hash(torch.device("cpu")),
    torch.device(torch.device("cuda")),
    torch.device("cuda:01") if 0 else 1,
    torch.device("xpu"),
    torch.device("cuda") != torch.device("cpu"),
    f"{torch.device('cuda')}",
    repr(torch.device("cuda", 0)),
)
# %%
torch.device("cuda", -1)
# %%
torch.device("cpu:0", 1)
# %%
torch.device("CUDA")
# %%
torch.device("gpu")
# %%
torch.device("")
# %%
torch.device("cuda:")
# %%
torch.device("cuda:a")
# %%
torch.device("cuda: 0")
# %%
torch.device("cuda:1:2")
# %%
torch.device(-1)
# %%
torch.ones(5, device=torch.device("cuda"))
# %%
torch.ones(5, device="cuda:3")
# %%
torch.ones(5, device=0)
# %%
torch.ones(5).to(0)
# %%
torch.ones(5).cuda(0)
# %%
torch.ones(5).cuda(device="cuda")
# %%
torch.ones(5).cuda("cpu")
# %%
torch.ones(5).to(torch.device("cuda"), torch.float16)
# %%
torch.ones(5).to("cuda", non_blocking=True)
# %%
torch.tensor([1, 2], device="cuda")
# %%
torch.tensor([1, 2], device="gpu")
# %%
torch.rand(2, device="cuda")
# %%
torch.randn(2, device="cuda")
# %%
torch.arange(2, device="cuda")
# %%
torch.empty(2, device="cuda")
# %%
torch.full((2,), 1, device="cuda")
# %%
torch.zeros(3).new_ones(2, device="cuda")
# %%
torch.from_numpy(np.ones(2)).cuda()
# %%
torch.as_tensor([1], device="cuda")
# %%
torch.nn.Linear(2, 2).to("cuda")
# %%
torch.nn.Sequential(torch.nn.Linear(2, 2)).cuda()
# %%
(
    torch.nn.Linear(2, 2).to(torch.device("cpu")).weight.device,
    torch.nn.Linear(2, 2).cpu().weight.device,
    torch.nn.Linear(2, 2).to("cpu", torch.double).weight.dtype,
    torch.nn.Linear(2, 2).double().weight.dtype,
    torch.nn.Linear(2, 2).half().weight.dtype,
    torch.nn.Linear(2, 2).to(torch.float16).bias.dtype,
    torch.nn.Linear(2, 2).float().weight.dtype,
    torch.nn.Linear(2, 2).bfloat16().weight.dtype,
    torch.nn.Linear(2, 2).type(torch.double).weight.dtype,
)
# %%
torch.nn.Linear(2, 2).to("gpu")
# %%
torch.nn.Linear(2, 2).to(torch.int)
# %%
next(torch.nn.Linear(2, 2).parameters()).device, next(torch.nn.Linear(2, 2).parameters()).is_cuda
# %%
torch.cuda.current_device()
# %%
torch.cuda.get_device_name()
# %%
torch.cuda.get_device_properties(0)
# %%
(
    torch.cuda.memory_allocated(),
    torch.cuda.max_memory_allocated(),
    torch.cuda.memory_reserved(),
    torch.cuda.is_initialized(),
    torch.cuda.empty_cache(),
    torch.cuda.manual_seed(0),
    torch.cuda.manual_seed_all(0),
    torch.cuda.is_bf16_supported() if 0 else 0,
    torch.cuda.amp is not None,
    torch.cuda.device_count() > 1,
    torch.cuda.get_arch_list(),
)
# %%
torch.cuda.synchronize()
# %%
torch.cuda.mem_get_info()
# %%
torch.cuda.get_device_capability()
# %%
torch.cuda.Stream()
# %%
torch.cuda.Event(enable_timing=True)
# %%
torch.cuda.init()
# %%
with torch.device("cpu"):
    print(torch.ones(1).device)
# %%
torch.ones(2, device="meta")
# %%
torch.ones(2, device="meta").numpy()
# %%
torch.ones(2, device="meta").item()
# %%
torch.ones(2).to("meta").shape, torch.ones(2, device="meta").device
# %%
torch.ones(2).mps()
# %%
torch.set_default_device("cuda")
# %%
torch.ones(1)
# %%
torch.set_default_device(None)
# %%
(
    torch.backends.mps.is_available(),
    torch.backends.mps.is_built(),
    torch.backends.cudnn.enabled,
    torch.backends.cudnn.is_available(),
    torch.backends.cudnn.version(),
    torch.version.cuda,
    torch.backends.cudnn.benchmark,
    torch.backends.cuda.is_built(),
    torch.backends.mkl.is_available() in (True, False),
    torch.get_num_threads() > 0,
    torch.accelerator.is_available(),
    torch.accelerator.current_accelerator(),
    torch.xpu.is_available(),
)
# %%
device = "cuda" if torch.cuda.is_available else "cpu"
device
# %%
tensor = torch.tensor([1, 2, 3], device="cpu")
(
    tensor,
    tensor.device,
    tensor.to("cpu") is tensor,
    tensor.to(tensor.device) is tensor,
    tensor.cpu() is tensor,
    tensor.get_device(),
    tensor.is_cuda,
    tensor.is_cpu,
    tensor.is_mps,
    tensor.is_meta,
    tensor.device == torch.device("cpu"),
    tensor.device == "cpu",
    tensor.device.index,
)
# %%
tensor.to(device)
# %%
tensor_on_gpu
# %%
(
    tensor.cpu().numpy(),
    tensor.to("cpu").numpy(),
    tensor.cpu(),
    tensor.detach().cpu().numpy(),
    tensor.cpu().detach().numpy().tolist(),
)
# %%
torch.load("nothing.pt")
# %%
import tempfile

saved = tempfile.mkdtemp() + "/t.pt"
torch.save(torch.ones(2), saved)
(
    torch.load(saved, map_location="cpu"),
    torch.load(saved, map_location=torch.device("cpu")),
    torch.load(saved, weights_only=True),
)
# %%
torch.load(saved, map_location="cuda")
# %%
torch.load(saved, map_location="cuda:1")
# %%
torch.load(saved, map_location=torch.device("cuda"))
# %%
import torch

(
    torch.accelerator.is_available(),
    torch.accelerator.device_count(),
    torch.accelerator.current_accelerator(),
    torch.accelerator.__name__,
    torch.accelerator.current_accelerator(check_available=True),
)
# %%
torch.accelerator.synchronize()
# %%
torch.accelerator.current_device_index()
# %%
torch.accelerator.set_device_index(0)
# %%
torch.accelerator.current_device_idx()
# %%
torch.accelerator.current_stream()
# %%
torch.accelerator.is_available() and torch.accelerator.current_accelerator().type or "cpu"
# %%
torch.xpu.is_available(), torch.xpu.device_count(), torch.mps.device_count()
# %%
torch.mps.is_available()
# %%
torch.cuda.set_device(-1)
# %%
torch.cuda.is_bf16_supported()
# %%
torch.cuda.get_device_name("cuda:0")
# %%
torch.cuda.current_stream()
# %%
torch.cuda.Stream()
# %%
torch.set_default_device("cuda")
d = torch.get_default_device()
# %%
torch.zeros(2)
# %%
torch.tensor([1.0])
# %%
torch.zeros_like(torch.ones(1, device="cpu"))
# %%
torch.set_default_device("cpu")
torch.ones(1), torch.get_default_device()
# %%
torch.set_default_device(None)
torch.ones(1), torch.get_default_device()
# %%
with torch.device("cuda"):
    torch.ones(1)
