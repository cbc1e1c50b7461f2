"""The functions behind the layers: those declared in declarations/nn.def, and operations of the same
meaning."""

from rushlight import _C

globals().update({name: value for name, value in vars(_C._nn).items() if not name.startswith("_")})
for _name in (
    "softmax",
    "log_softmax",
    "tanh",
    "sigmoid",
    "one_hot",
    "pad",
    "bilinear",
    "relu_",
    "selu_",
    "celu_",
    "rrelu_",
    "threshold_",
    "hardshrink",
    "prelu",
):
    if hasattr(_C, _name) and _name not in globals():
        globals()[_name] = getattr(_C, _name)
del _name
