"""Functions that run inside a mode such as no_grad."""

import functools
import inspect
import warnings


def in_mode(mode, function):
    """`function` with every call, and every step of a generator, inside a mode like `mode`."""
    if isinstance(function, type):
        warnings.warn(
            "Decorating classes is deprecated and will be disabled in future versions. You should only "
            "decorate functions or methods. To preserve the current behavior of class decoration, you can "
            "directly decorate the `__init__` method and nothing else.",
            FutureWarning,
            stacklevel=2,
        )
    if inspect.isgeneratorfunction(function):
        return _generator_in_mode(mode, function)

    @functools.wraps(function)
    def inside(*args, **kwargs):
        with mode.clone():
            return function(*args, **kwargs)

    return inside


def _generator_in_mode(mode, function):
    @functools.wraps(function)
    def inside(*args, **kwargs):
        generator = function(*args, **kwargs)
        try:
            with mode.clone():
                value = generator.send(None)
            while True:
                try:
                    request = yield value
                except GeneratorExit:
                    with mode.clone():
                        generator.close()
                    raise
                except BaseException as error:
                    with mode.clone():
                        value = generator.throw(error)
                else:
                    with mode.clone():
                        value = generator.send(request)
        except StopIteration as end:
            return end.value

    return inside
