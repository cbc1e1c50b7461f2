"""The graph of recorded operations, and what becomes of the tensors that it keeps."""

import contextlib
from typing import NamedTuple

from rushlight import _C
from rushlight._C import _Node as Node

__all__ = [
    "GradientEdge",
    "Node",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "save_on_cpu",
    "saved_tensors_hooks",
]


class saved_tensors_hooks:
    """Scope in which `pack_hook(tensor)` decides what is kept of each tensor that backward will need, and
    `unpack_hook(packed)` gives it back then.

    >>> x = torch.tensor([3.], requires_grad=True)
    >>> with torch.autograd.graph.saved_tensors_hooks(lambda t: t.tolist(), torch.tensor):
    ...     y = x * x
    >>> y.backward()
    >>> x.grad
    tensor([6.])
    """

    def __init__(self, pack_hook, unpack_hook):
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self):
        _C._push_saved_tensor_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *args):
        _C._pop_saved_tensor_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Scope in which saved tensors wait for backward in the memory of the host."""

    def __init__(self, pin_memory=False, device_type="cuda"):
        super().__init__(lambda tensor: (tensor.device, tensor.cpu()), lambda packed: packed[1].to(packed[0]))


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message):
    """Scope in which entering `saved_tensors_hooks` is an error with this message."""
    before = _C._disable_saved_tensor_hooks(error_message)
    try:
        yield
    finally:
        _C._disable_saved_tensor_hooks(before)


class GradientEdge(NamedTuple):
    """Where the gradient of a tensor goes: a node and which of its gradients it is."""

    node: Node
    output_nr: int
    ownership_token: None = None


def get_gradient_edge(tensor):
    """The edge of a tensor that requires grad."""
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require gradients"
        )
    node = (
        tensor.grad_fn if tensor.grad_fn is not None else tensor.view_as(tensor).grad_fn.next_functions[0][0]
    )
    return GradientEdge(node, tensor.output_nr)


def increment_version(tensor):
    """Tells autograd of a change in place that it could not see, of one tensor or several."""
    for one in [tensor] if isinstance(tensor, _C.Tensor) else tensor:
        _C._increment_version(one)
