"""`python -m rushlight`: runs programs that were written for PyTorch.

python -m rushlight program.py [arguments]     as `python program.py` does
python -m rushlight -m module [arguments]      as `python -m module` does
python -m rushlight -c code [arguments]        as `python -c code` does
python -m rushlight                            a prompt, or the program on standard input
python -m rushlight --check program.py         what the program uses and Rushlight lacks
python -m rushlight --version
"""

import contextlib
import io
import os
import sys
import types
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import find_spec

from rushlight import _alias, version

PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def main():
    arguments = sys.argv[1:]
    first = arguments[0] if arguments else None
    if first in ("-h", "--help"):
        print(__doc__)
    elif first in ("-V", "--version"):
        print(f"Rushlight {version.rushlight} (for programs of PyTorch {version.__version__})")
    elif first == "--check":
        from rushlight._check import check

        raise SystemExit(check(arguments[1:]))
    elif first in ("-m", "-c") and len(arguments) < 2:
        fail(f"argument expected for the {first} option")
    elif first not in (None, "-", "-m", "-c") and first.startswith("-"):
        fail(f"unknown option {first}")
    else:
        run(first, arguments)


def fail(message):
    print(f"python -m rushlight: {message}\nTry python -m rushlight --help", file=sys.stderr)
    raise SystemExit(2)


def run(first, arguments):
    _alias.as_torch()
    if first == "-m":
        load, sys.argv = (lambda: module_code(arguments[1])), ["-m", *arguments[2:]]
        set_path(os.getcwd())
    elif first == "-c":
        load, sys.argv = (lambda: text_code(arguments[1], "<string>")), ["-c", *arguments[2:]]
        set_path("")
    elif first not in (None, "-"):
        load, sys.argv = (lambda: file_code(first)), arguments
    else:
        sys.argv = arguments or [""]
        set_path("")
        if sys.stdin.isatty():
            return prompt()
        load = lambda: text_code(sys.stdin.read(), "<stdin>")  # noqa: E731
    return execute(load)


def set_path(entry):
    """sys.path[0] is the current directory so far, unless Python runs with -P."""
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = entry


# ---- the program's code and what its __main__ module holds besides


def text_code(text, name):
    return compile(text, name, "exec"), {}


def file_code(path):
    if os.path.isdir(path) or not path.endswith((".py", ".pyc")) and is_archive(path):
        path = os.path.abspath(path)
        set_path(path)
        spec = PathFinder.find_spec("__main__", [path])
        if spec is None:
            print(f"{sys.executable}: can't find '__main__' module in {path!r}", file=sys.stderr)
            raise SystemExit(1)
        return spec_code(spec), spec_attributes(spec)
    set_path(os.path.dirname(os.path.realpath(path)))
    path = os.path.abspath(path)
    try:
        with io.open_code(path) as file:
            source = file.read()
    except OSError as error:
        reason = f"[Errno {error.errno}] {error.strerror}"
        print(f"{sys.executable}: can't open file {path!r}: {reason}", file=sys.stderr)
        raise SystemExit(2) from None
    loader = SourceFileLoader("__main__", path)
    return compile(source, path, "exec"), {"__file__": path, "__cached__": None, "__loader__": loader}


def is_archive(path):
    from zipfile import is_zipfile

    return os.path.isfile(path) and is_zipfile(path)


def module_code(name):
    try:
        spec = find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = find_spec(f"{name}.__main__")
    except ImportError as error:
        if error.name is None or not f"{name}.__main__".startswith(error.name):
            raise
        spec = None
    if spec is None or not hasattr(spec.loader, "get_code"):
        print(f"{sys.executable}: No module named {name}", file=sys.stderr)
        raise SystemExit(1)
    sys.argv[0] = str(spec.origin)
    return spec_code(spec), spec_attributes(spec)


def spec_code(spec):
    return spec.loader.get_code(spec.name)


def spec_attributes(spec):
    return {
        "__file__": spec.origin,
        "__cached__": spec.cached,
        "__loader__": spec.loader,
        "__package__": spec.parent,
        "__spec__": spec,
    }


# ---- running it


def execute(load):
    module = types.ModuleType("__main__")
    module.__dict__.update(__builtins__=__builtins__, __annotations__={})
    try:
        code, attributes = load()
        module.__dict__.update(attributes)
        sys.modules["__main__"] = module
        exec(code, module.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        report(error)


def show(error):
    """Prints an exception as Python would, without our frames."""
    forget_own_frames(error, set())
    sys.excepthook(type(error), error, error.__traceback__)


def report(error):
    """Shows an uncaught exception and ends the process as Python would."""
    show(error)
    if isinstance(error, KeyboardInterrupt):
        sys.excepthook = lambda *_: None  # shown already; Python itself then dies of SIGINT
        raise error
    raise SystemExit(1)


def forget_own_frames(error, seen):
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    error.__traceback__ = program_frames(error.__traceback__)
    for linked in (error.__cause__, error.__context__, *getattr(error, "exceptions", ())):
        if isinstance(linked, BaseException):
            forget_own_frames(linked, seen)


def program_frames(trace):
    frames = []
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not name.startswith((PACKAGE, "<frozen runpy", "<frozen importlib")):
            frames.append(trace)
        trace = trace.tb_next
    for entry in reversed(frames):
        trace = types.TracebackType(trace, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return trace


def prompt():
    import code

    class Console(code.InteractiveConsole):
        def showtraceback(self):
            kind, error, trace = sys.exc_info()
            assert error is not None and trace is not None, "called where an exception is handled"
            error.__traceback__ = trace.tb_next  # the console's own frame comes first
            show(error)
            sys.last_type, sys.last_value, sys.last_traceback = kind, error, error.__traceback__

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - line editing and history
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    banner = (
        f"Rushlight {version.rushlight} for programs of PyTorch {version.__version__}, "
        f"Python {sys.version.partition(' ')[0]}\n"
        'Type "import torch" to begin.'
    )
    Console(module.__dict__, "<stdin>").interact(banner, exitmsg="")
