# Making tensors: every kind of data, dtype and size, and what is refused.
import numpy as np
import torch

torch.manual_seed(7)
scalar = torch.tensor(7)
(
    scalar,
    scalar.ndim,
    scalar.item(),
    scalar.shape,
    scalar.size(),
    len(scalar.shape),
    scalar.numel(),
    scalar.dtype,
    scalar.layout,
    scalar.device,
)
# %%
scalar[0]
# %%
len(scalar)
# %%
scalar[()], scalar[...], scalar[None]
# %%
(
    scalar + 1,
    scalar / 2,
    -scalar,
    scalar**2,
    scalar // 2,
    scalar % 4,
    10 - scalar,
    10 / scalar,
    2**scalar,
    100 % scalar,
    100 // scalar,
)
# %%
(
    int(scalar),
    float(scalar),
    bool(scalar),
    str(scalar),
    hash(scalar) == hash(scalar),
    complex(scalar),
    list(range(scalar)),
    "abcdefgh"[scalar],
)
# %%
[0] * torch.tensor(3)
# %%
scalar == 7, scalar > 3, scalar != 7, scalar is scalar, scalar in [7], scalar.eq(7)
# %%
(
    f"{scalar}",
    f"{scalar:d}",
    f"{scalar:>5}",
    f"{scalar:5.1f}",
    "%d" % scalar,
    "%s" % scalar,
    "%.2f" % torch.tensor(2.5),
)
# %%
f"{torch.tensor([1, 2]):>5}"
# %%
(
    format(torch.tensor([1, 2])),
    format(torch.tensor(2.5), ".1f"),
    format(torch.tensor(True)),
    format(torch.tensor(1 + 2j), ".1f"),
)
# %%
MATRIX = torch.tensor([[7, 8], [9, 10]])
MATRIX, MATRIX.ndim, MATRIX[0], MATRIX[1], MATRIX[-1], MATRIX[0][1], MATRIX[0, 1]
# %%
MATRIX[2]
# %%
MATRIX[0, 2]
# %%
MATRIX[-3]
# %%
MATRIX[0, 0, 0]
# %%
torch.tensor([[1, 2], [3, 4, 5]])
# %%
torch.tensor([[[1, 2]], [[3]]])
# %%
torch.tensor([1, [2]])
# %%
torch.tensor([[1], 2])
# %%
torch.tensor([None])
# %%
torch.tensor(None)
# %%
torch.tensor({})
# %%
torch.tensor({"a": 1})
# %%
torch.tensor(["a"])
# %%
torch.tensor()
# %%
torch.tensor(1, 2)
# %%
torch.tensor([1, 2], dtype="float32")
# %%
(
    torch.tensor([1, 2], dtype=float),
    torch.tensor([1, 2], dtype=int),
    torch.tensor([1, 2], dtype=bool),
    torch.tensor([1, 2], dtype=complex),
)
# %%
(
    torch.tensor([1.9, 2.9], dtype=torch.int32),
    torch.tensor([1, 0], dtype=torch.bool),
    torch.tensor([-1], dtype=torch.int8),
    torch.tensor([1.5], dtype=torch.uint8),
)
# %%
torch.tensor([300], dtype=torch.uint8)
# %%
torch.tensor([-1], dtype=torch.uint8)
# %%
torch.tensor([2**63])
# %%
torch.tensor([2**70])
# %%
torch.tensor(2**63, dtype=torch.uint64), torch.tensor(1e400), torch.tensor(2**62)
# %%
torch.tensor([1e39]), torch.tensor([1e39], dtype=torch.float64), torch.tensor([1e6], dtype=torch.float16)
# %%
(
    torch.tensor(range(4)),
    torch.tensor((1, 2)),
    torch.tensor([torch.tensor(1), torch.tensor(2)]),
    torch.tensor([np.float32(1.5), np.float64(2.5)]),
    torch.tensor([np.arange(3), np.arange(3)]),
)
# %%
torch.tensor([torch.ones(2), torch.ones(2)])
# %%
torch.tensor({1, 2})
# %%
torch.tensor(x for x in range(3))
# %%
torch.tensor(b"abc")
# %%
torch.tensor([[]]), torch.tensor([[], []]), torch.tensor(()), torch.tensor([[[]]]).shape
# %%
(
    torch.Tensor([1, 2]),
    torch.Tensor(2, 0).shape,
    torch.Tensor([[1, 2]]).dtype,
    torch.Tensor(torch.Size([1, 0])).shape,
)
# %%
torch.Tensor(3.5)
# %%
(
    torch.IntTensor([1, 2]),
    torch.LongTensor([1]),
    torch.DoubleTensor([1]),
    torch.BoolTensor([1, 0]),
    torch.ByteTensor([1]),
    torch.HalfTensor([1]),
    torch.ShortTensor([3]),
    torch.CharTensor([3]),
)
# %%
torch.LongTensor([1.5])
# %%
(
    torch.FloatTensor([1, 2]).type(),
    torch.tensor(1).type(),
    torch.tensor([True]).type(),
    torch.tensor(1.0).type(torch.FloatTensor).dtype,
    torch.tensor(1.0).type("torch.LongTensor"),
    torch.tensor(1.5).type(torch.int),
)
# %%
torch.tensor(1.0).type("torch.Nonsense")
# %%
torch.tensor(1.0).type(3)
# %%
torch.tensor(1.0).type("float")
# %%
(
    isinstance(scalar, torch.Tensor),
    isinstance(scalar, torch.LongTensor),
    isinstance(scalar, torch.FloatTensor),
    torch.is_tensor(scalar),
    type(scalar),
    torch.is_tensor(3),
)
# %%
(
    torch.rand(3, 4).shape,
    torch.rand((3, 4)).shape,
    torch.rand([3, 4]).shape,
    torch.rand(size=(3,)).shape,
    torch.rand(torch.Size([2])).shape,
    torch.rand(()).shape,
    torch.rand(0).shape,
    torch.rand(2, 3, dtype=torch.float64).dtype,
)
# %%
torch.rand("3")
# %%
torch.rand(3.0)
# %%
torch.rand(3, "4")
# %%
torch.rand(-2)
# %%
torch.rand(2, dtype=torch.int)
# %%
torch.rand(2, dtype=torch.int64)
# %%
torch.randn(2, dtype=torch.long)
# %%
(
    torch.randint(10, (3,)),
    torch.randint(3, 5, (2, 2)),
    torch.randint(low=0, high=3, size=(2,)),
    torch.randint(0, 2, (2,), dtype=torch.float),
)
# %%
torch.randint(5, 5, (1,))
# %%
torch.randint(5, 3, (1,))
# %%
torch.randint(0, 3)
# %%
torch.randperm(4), torch.randperm(0)
# %%
torch.randperm(-1)
# %%
torch.rand_like(torch.ones(2)), torch.randn_like(torch.ones(2, 2)), torch.randint_like(torch.ones(3), 5)
# %%
torch.rand_like(torch.tensor([1, 2]))
# %%
torch.rand_like(torch.tensor([1, 2]), dtype=torch.float)
# %%
(
    torch.zeros(size=(3, 4)),
    torch.zeros(3, 4),
    torch.zeros((3, 4)).sum(),
    torch.zeros(2, dtype=torch.bool),
    torch.zeros(()),
    torch.zeros([]),
    torch.ones(()),
)
# %%
torch.zeros(2, 3) * torch.rand(2, 3), torch.zeros(3, 4) * torch.rand(4)
# %%
torch.zeros(3, 4) * torch.rand(3)
# %%
torch.zeros(3, 4) + torch.rand(3, 3)
# %%
torch.zeros(3, 4) - "a"
# %%
torch.zeros(3, 4) * None
# %%
"a" + torch.zeros(2)
# %%
torch.zeros(2) + [1, 2]
# %%
[1, 2] + torch.zeros(2)
# %%
torch.mul(3, torch.ones(2)), torch.add(1, torch.ones(2))
# %%
(
    torch.arange(10),
    torch.arange(1, 10, 2),
    torch.arange(0.0, 1.0, 0.3),
    torch.arange(5, 0, -1),
    torch.arange(0),
    torch.arange(1, 2, 0.25, dtype=torch.float64),
    torch.arange(3.0),
    torch.arange(3, dtype=torch.float16),
)
# %%
torch.arange(0, 10, 0)
# %%
torch.arange(0, 10, -1)
# %%
torch.arange(float("nan"))
# %%
torch.arange(float("inf"))
# %%
torch.arange("a")
# %%
torch.arange(start=0, end=1000, step=77), torch.arange(end=3)
# %%
torch.range(1, 10)
# %%
(
    torch.range(1, 2, 0.5),
    torch.linspace(0, 10, steps=5),
    torch.logspace(0, 2, 3),
    torch.linspace(0, 1, 1),
    torch.linspace(0, 1, 0),
    torch.linspace(0, 10, 4, dtype=torch.int),
)
# %%
torch.linspace(0, 1, -1)
# %%
(
    torch.zeros_like(torch.arange(3)),
    torch.zeros_like(input=torch.rand(2)),
    torch.ones_like(torch.tensor([True])),
    torch.full_like(torch.rand(2), 3),
    torch.empty_like(torch.rand(2, 3)).shape,
)
# %%
torch.zeros_like([1, 2])
# %%
torch.zeros_like(np.ones(2))
# %%
torch.zeros_like(None)
# %%
(
    torch.full((2, 3), 1.5),
    torch.full((2,), True),
    torch.full((2,), 1 + 1j),
    torch.full((), 3),
    torch.full(size=[1], fill_value=2, dtype=torch.float),
)
# %%
torch.full(2, 3)
# %%
torch.full((2,), "a")
# %%
torch.eye(3), torch.eye(2, 3), torch.eye(2, dtype=torch.int), torch.eye(0)
# %%
(
    torch.empty(2, 3).shape,
    torch.empty(size=(2,), dtype=torch.int).dtype,
    torch.empty(0),
    torch.empty(3).new_zeros(2),
    torch.empty(3).new_ones((1, 2)),
    torch.empty(3).new_tensor([1, 2]),
    torch.empty(2).new_full((1,), 3),
)
# %%
(
    (torch.empty(3) * 0).shape,
    torch.empty(2, 3, 4).stride(),
    torch.empty(2, 3, 4).numel(),
    torch.empty(1).element_size(),
    torch.empty(2, 0).numel(),
)
# %%
(
    torch.tensor([3.0, 6.0, 9.0], dtype=None, device=None, requires_grad=False),
    torch.tensor([3.0, 6.0, 9.0], dtype=torch.float16),
    torch.tensor([3.0, 6.0, 9.0], requires_grad=True),
)
# %%
torch.tensor([1, 2], requires_grad=True)
# %%
torch.tensor([1, 2], dtype=torch.bool, requires_grad=True)
# %%
torch.tensor([1.0], requires_grad="yes")
# %%
torch.tensor([1.0], requires_grad=1)
# %%
for d in (
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "bool",
    "complex64",
    "complex128",
    "half",
    "float",
    "double",
    "short",
    "int",
    "long",
    "cfloat",
    "cdouble",
    "uint16",
    "uint32",
    "uint64",
):
    dt = getattr(torch, d)
    t = torch.ones(2, dtype=dt)
    print(
        d,
        dt,
        dt.itemsize,
        dt.is_floating_point,
        dt.is_complex,
        dt.is_signed,
        t,
        t.element_size(),
        t.type(),
        t.nbytes,
    )
# %%
names = (
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "bool",
    "complex64",
)
for a in names:
    print(
        a,
        [
            str((torch.ones(1, dtype=getattr(torch, a)) * torch.ones(1, dtype=getattr(torch, b))).dtype)[6:]
            for b in names
        ],
        [str((torch.ones(1, dtype=getattr(torch, a)) + s).dtype)[6:] for s in (1, 1.5, True)],
    )
# %%
(
    torch.float32,
    torch.float,
    torch.float is torch.float32,
    torch.float32 == "float32",
    str(torch.int),
    torch.get_default_dtype(),
    torch.finfo(torch.float32),
    torch.iinfo(torch.int8),
    torch.finfo(torch.float16).eps,
    torch.iinfo(torch.int64).max,
)
# %%
torch.finfo(torch.int)
# %%
torch.iinfo(torch.float)
# %%
torch.float3
# %%
torch.tensor([3.0, 6.0], dtype=torch.flaot)
# %%
torch.set_default_dtype(torch.float64)
r = torch.tensor([1.5]).dtype, torch.rand(1).dtype, torch.tensor([1.5])
torch.set_default_dtype(torch.float32)
r
# %%
torch.set_default_dtype(torch.int32)
# %%
f32 = torch.tensor([3.0, 6.0, 9.0])
f16 = f32.type(torch.float16)
(
    f16,
    f16 * f32,
    f32.half(),
    f32.to(torch.float16),
    f32.double(),
    f32.int(),
    f32.long(),
    f32.bool(),
    f32.short(),
    f32.char(),
    f32.byte(),
    f32.bfloat16(),
)
# %%
f16 @ f32
# %%
torch.matmul(f16, f32)
# %%
f32.to("float16")
# %%
f32.to(float)
# %%
(
    f32.to(torch.ones(1, dtype=torch.int)),
    f32.to(dtype=torch.int),
    f32.to(device="cpu", dtype=torch.half),
    f32.to("cpu", torch.long),
    f32.type_as(torch.ones(1, dtype=torch.long)),
    f32.to(),
)
# %%
f32.to(3)
# %%
f32.dtype = torch.int
# %%
f32.shape = (1, 3)
# %%
f32.device = "cuda"
# %%
f32.nonsense
# %%
f32.nonsense = 3
f32.nonsense
# %%
(
    f32.shape,
    f32.size(),
    f32.size(0),
    f32.size(dim=-1),
    f32.shape[0],
    f32.shape[-1],
    f32.shape.numel(),
    f32.dim(),
    f32.ndim,
    f32.ndimension(),
    f32.stride(),
    f32.device,
    f32.device.type,
    f32.device.index,
    f32.layout,
    f32.is_contiguous(),
    f32.is_leaf,
    f32.grad,
    f32.names,
    f32.itemsize,
    f32.is_cuda,
    f32.is_floating_point(),
    f32.is_sparse,
    f32.is_complex(),
)
# %%
f32.size(1)
# %%
f32.shape()
# %%
f32.size("a")
# %%
f32.ndim()
# %%
f32.dtype()
# %%
f32.item
# %%
f32.shape[1]
# %%
(
    torch.Size([2, 3]),
    torch.Size((2,)) + (3,),
    torch.Size([2]) == (2,),
    torch.Size([2, 3])[1:],
    torch.Size([2, 3]).numel(),
    torch.Size(),
    str(torch.Size([1])),
    tuple(torch.Size([4])),
    (1,) + torch.Size([2]),
    torch.Size([2]) * 2,
    hash(torch.Size([1])) == hash((1,)),
)
# %%
torch.Size([1.5])
# %%
torch.Size(3)
# %%
print(torch.__version__.split(".")[0].isdigit(), type(torch.__version__).__mro__[1:2])
