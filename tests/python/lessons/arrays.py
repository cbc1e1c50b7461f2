# NumPy's arrays and functions with tensors as operands.
import torch, numpy as np
from torch import nn


def msg(fn):
    b = torch.tensor([0.5, 1.5, 2.5], requires_grad=True)
    out = fn(b * 1)
    s = out.sum()
    with torch.no_grad():
        out.add_(1)
    s.backward()
    try:
        out.sum().backward()
    except Exception as e:
        print(str(e)[100:200])


for f in (
    lambda a: a.pow(a),
    lambda a: a.max(),
    lambda a: a.exp(),
    lambda a: a.sqrt(),
    lambda a: a.std(),
    lambda a: a.prod(),
    lambda a: a / 2.0,
):
    o = f(torch.tensor([0.5, 1.5], requires_grad=True))
    z = o * o
    name = o.grad_fn.name()
    with torch.no_grad():
        o.add_(1)
    try:
        z.sum().backward()
    except Exception as e:
        print(name, str(e)[100:190])
# %%
x = torch.ones(3, requires_grad=True)
for u in (x.unbind(), x.split(1), x.chunk(3), torch.tensor_split(x, 3)):
    try:
        u[1].add_(1)
    except Exception as e:
        print(e)
# %%
y = (x * 2).unbind()
y[0].mul_(2)
# %%
t = torch.tensor([1.0, 2.0])
a = np.array([3.0, 4.0])
for e in (
    "t + a",
    "t - a",
    "t * a",
    "t / a",
    "t // a",
    "t % a",
    "t ** a",
    "t @ a",
    "t > a",
    "t < a",
    "t == a",
    "t != a",
    "t >= a",
    "t <= a",
    "a + t",
    "a - t",
    "a * t",
    "a / t",
    "a // t",
    "a % t",
    "a ** t",
    "a @ t",
    "a > t",
    "a < t",
    "a == t",
    "a != t",
    "a >= t",
    "a <= t",
    "t.long() & a.astype(int)",
    "a.astype(int) & t.long()",
    "t.long() | a.astype(int)",
    "t.long() ^ a.astype(int)",
    "t.long() << a.astype(int)",
    "t.int() * a",
    "t.int() * a.astype(np.float32)",
    "t * a.astype(np.float32)",
    "t * np.array(2.)",
    "np.array(2.) * t",
    "t.int() + a.astype(np.int16)",
    "divmod(t, a)",
    "t.requires_grad_() * a",
    "t + np.float64(1)",
    "np.float64(1) + t",
    "np.float64(1) * t",
    "np.float32(2) ** t",
    "np.float64(3) / t",
    "np.float64(3) > t",
    "np.int64(3) - t",
    "t + np.ones((2, 2))",
    "t + np.ones(3)",
    "t + np.array(['a', 'b'])",
    "t.bfloat16() + a",
    "np.float64(1) @ t",
    "np.float64(3) // t",
    "np.float64(3) % t",
):
    t = torch.tensor([1.0, 2.0])
    try:
        r = eval(e)
        print(e, type(r).__name__, r)
    except Exception as x:
        print(e, type(x).__name__, x)
# %%
for e in (
    "t += a",
    "t -= a",
    "t *= a",
    "t /= a",
    "t //= a",
    "t **= a",
    "t @= a",
    "a += t",
    "a *= t",
    "a -= t",
    "a /= t",
):
    t = torch.tensor([1.0, 2.0])
    a = np.array([3.0, 4.0])
    try:
        exec(e)
        print(e, type(t).__name__, t, type(a).__name__, a)
    except Exception as x:
        print(e, type(x).__name__, x)
# %%
t = torch.tensor([1.0, 2.0])
a = np.array([3.0, 4.0])
for e in (
    "np.add(t, a)",
    "np.add(a, t)",
    "np.multiply(t, 2)",
    "np.sin(t)",
    "np.add(t, t)",
    "np.maximum(t, a)",
    "np.greater(t, a)",
    "np.isfinite(t)",
    "np.logical_not(t)",
    "np.add(t, 1, out=a)",
    "np.add.reduce(t)",
    "np.exp(t.long())",
    "np.negative(t)",
    "np.power(t, 2)",
    "np.matmul(t, a)",
    "np.equal(t, t)",
    "np.sign(t)",
    "np.float32(t[0])",
    "np.sum(a * 2)",
    "np.linspace(0, t[1], 3)",
    "np.arange(t[1])",
    "np.zeros(int(t[1]))",
    "np.full(2, t[0])",
    "np.hypot(t, t)",
    "np.modf(t)",
    "np.add(t.requires_grad_(), 1)",
):
    t = torch.tensor([1.0, 2.0])
    try:
        r = eval(e)
        print(e, type(r).__name__, r)
    except Exception as x:
        print(e, type(x).__name__, x)
