"""The old name of a tensor that can require grad."""

from rushlight._C import Tensor


class _VariableMeta(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, Tensor)


class Variable(metaclass=_VariableMeta):
    """Variable(data) is a tensor on the same memory; every Tensor is a Variable."""

    def __new__(cls, data, requires_grad=False):
        return data.detach().requires_grad_(requires_grad)
