"""Cases from the operation table: the samples of a declaration, at other sizes and with the tensors bound to
names.
"""

from __future__ import annotations

import ast
import pathlib
import sys

import numpy

import rushlight

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "python"))
import samples  # noqa: E402

TABLE = rushlight._C._operations()


def entries(name: str) -> list[dict]:
    return [e for e in TABLE if e["name"] == name]


def callee(entry: dict) -> str:
    """How a program calls it; a method of Tensor is called as a function of the class."""
    if entry["module"] != "torch":
        return f"{entry['module']}.{entry['name']}"
    return f"torch.{entry['name']}" if entry["function"] else f"torch.Tensor.{entry['name']}"


def bind(sample: str) -> tuple[str, str]:
    """("a0 = x(2, 3)", "a0, 1") for "x(2, 3), 1": what is made in the set-up, and the arguments of the timed
    call.
    """
    call = ast.parse(f"f({sample})", mode="eval").body
    made, arguments = [], []

    def argument(node: ast.expr) -> str:
        text = ast.unparse(node)
        if not any(isinstance(n, ast.Call) for n in ast.walk(node)):
            return text
        made.append(f"a{len(made)} = {text}")
        return made[-1].split(" = ")[0]

    arguments += [argument(a) for a in call.args]
    arguments += [f"{k.arg}={argument(k.value)}" for k in call.keywords]
    return "; ".join(made), ", ".join(arguments)


def works(entry: dict, sample: str, dtype: str) -> bool:
    return "error" not in samples.run(rushlight, entry, sample, dtype=getattr(rushlight, dtype))


def result_dtype(entry: dict, sample: str, dtype: str) -> str:
    outputs = samples.run(rushlight, entry, sample, dtype=getattr(rushlight, dtype))["outputs"]
    return outputs[0].get("dtype", "")


def is_pointwise(entry: dict, sample: str) -> bool:
    """Does the operation make a new tensor of its operands' shape, and commute with taking a part of the
    operands? Sums, sorts, softmax, views and transposes do not.
    """
    if "dropout" in entry["name"]:
        return False  # chance; group 2 has it among the random numbers
    whole, of_part = _outputs(entry, sample, lambda t: t), _outputs(entry, sample, _part)
    return bool(whole) and len(whole) == len(of_part) and all(map(_is_part, whole, of_part))


def _part(t):
    return t[(slice(1, None),) * t.dim()]


def _is_part(whole, part) -> bool:
    return whole.shape == (2, 3) and rushlight.equal(_part(whole), part)


def _outputs(entry: dict, sample: str, transform) -> list:
    """The tensors that a call makes; empty if it fails or returns an operand's memory."""
    makers = samples.Makers(rushlight, entry["name"] + sample, transform=transform)
    args, kwargs = makers.arguments(sample)
    memory = {t.data_ptr() for t in makers.inputs}
    try:
        results = samples.flatten(samples.function(rushlight, entry)(*args, **kwargs))
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError):
        return []
    made = all(samples.is_tensor(r) and r.data_ptr() not in memory for r in results)
    return results if made else []


def numpy_call(name: str, arguments: str) -> str:
    """NumPy's ufunc of that name, called alike; empty if there is none."""
    return (
        f"np.{name}({arguments})"
        if isinstance(getattr(numpy, name, None), numpy.ufunc) and "=" not in arguments
        else ""
    )
