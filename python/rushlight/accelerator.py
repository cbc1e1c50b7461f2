"""torch.accelerator: the device beside the CPU that programs ask for by no name. There is none."""


def _none(name):
    def function(*args, **kwargs):
        raise RuntimeError("Cannot access accelerator device when none is available.")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Needs an accelerator: RuntimeError without one."
    return function


for _name in [
    "current_device_idx",
    "current_device_index",
    "current_stream",
    "get_device_capability",
    "get_memory_info",
    "set_device_idx",
    "set_device_index",
    "set_stream",
    "synchronize",
]:
    globals()[_name] = _none(_name)


def is_available():
    """False."""
    return False


def device_count():
    """0."""
    return 0


def current_accelerator(check_available=False):
    """None.

    >>> torch.accelerator.current_accelerator() or torch.device("cpu")
    device(type='cpu')
    """
