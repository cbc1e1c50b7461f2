"""Adds what is written in Python to a class that is made in C++."""


def extend(cls):
    """Decorator: moves the functions and properties of the decorated class into `cls`, which replaces it.

    The decorated class has the name of `cls` and derives from it, which is how type checkers see the whole.
    """

    def move(part):
        for name, value in vars(part).items():
            if name in (
                "__annotations__",
                "__dict__",
                "__weakref__",
                "__module__",
                "__qualname__",
                "__doc__",
                "__firstlineno__",
                "__static_attributes__",
            ):
                continue
            function = getattr(value, "__func__", value)
            if hasattr(function, "__qualname__"):
                function.__qualname__ = f"{cls.__qualname__}.{name}"
                function.__module__ = cls.__module__
            setattr(cls, name, value)
        return cls

    return move
