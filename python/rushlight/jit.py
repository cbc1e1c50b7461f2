"""torch.jit. There is no TorchScript: annotations are accepted, compiling and loading are refused by name."""

from rushlight._missing import refused

_WHY = "there is no TorchScript; call the function or the module itself"
script = refused("torch.jit.script", _WHY)
trace = refused("torch.jit.trace", _WHY)
trace_module = refused("torch.jit.trace_module", _WHY)
load = refused("torch.jit.load", "there is no TorchScript; save a state_dict with torch.save and load that")
save = refused("torch.jit.save", "there is no TorchScript; save a state_dict with torch.save")
freeze = refused("torch.jit.freeze", _WHY)
fork = refused("torch.jit.fork", _WHY)
wait = refused("torch.jit.wait", _WHY)


class ScriptModule:
    """No object is one; for isinstance."""

    def __new__(cls, *args, **kwargs):
        script()


class ScriptFunction(ScriptModule):
    """No object is one; for isinstance."""


def ignore(drop=False, **kwargs):
    """Marks a method for TorchScript: unchanged."""
    return drop if callable(drop) else lambda function: function


def unused(fn):
    """Marks a method for TorchScript: unchanged."""
    return fn


def export(fn):
    """Marks a method for TorchScript: unchanged."""
    return fn


def is_scripting():
    """False."""
    return False


def is_tracing():
    """False."""
    return False


def annotate(the_type, the_value):
    """The value."""
    return the_value


def isinstance(obj, target_type):
    """Python's isinstance."""
    import builtins

    return builtins.isinstance(obj, target_type)
