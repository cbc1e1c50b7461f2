"""What is said of names that PyTorch has and Rushlight has not."""

import sys

REASON = "__rushlight_refuses__"


def torch_name(name):
    """The name under which a program knows a module of this package: "torch.nn" for "rushlight.nn"."""
    aliased = sys.modules.get("torch") is sys.modules.get("rushlight")
    for ours, theirs in (("rushlight.vision", "torchvision"), ("rushlight", "torch")):
        if aliased and (name == ours or name.startswith(ours + ".")):
            return theirs + name[len(ours) :]
    return name


def with_note(error, note):
    if hasattr(error, "add_note"):  # Python 3.11
        error.add_note(note)
    return error


def attribute_error(module, name):
    shown = torch_name(module)
    error = AttributeError(f"module '{shown}' has no attribute '{name}'")
    note = f"Rushlight does not have {shown}.{name}. All that a program uses and Rushlight lacks: "
    return with_note(error, note + "python -m rushlight --check program.py")


def import_error(name):
    error = ModuleNotFoundError(f"No module named '{name}'", name=name)
    return with_note(error, f"Rushlight stands in for PyTorch here and does not have the module {name}.")


def prepare(module):
    """Gives a module the `__getattr__` that words its missing names as above, unless it has one."""
    if "__getattr__" not in module.__dict__:
        module.__getattr__ = lambda name: _refuse_attribute(module.__name__, name)
    return module


def _refuse_attribute(module, name):
    raise attribute_error(module, name)


def refused(name, reason):
    """A function that exists to say why it does not work; `--check` lists its uses."""

    def function(*args, **kwargs):
        raise NotImplementedError(f"Rushlight does not have {name}: {reason}")

    function.__name__ = function.__qualname__ = name.rpartition(".")[2]
    function.__doc__ = f"Not supported: {reason}"
    setattr(function, REASON, reason)
    return function
