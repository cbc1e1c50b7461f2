"""`python -m rushlight` runs a program as `python` does."""

import signal
import sys

import pytest
from programs import output, python, write

SURROUNDINGS = """
    import sys
    print(sys.argv, __name__, __file__, sys.path[0], __package__, __spec__ and __spec__.name)
    print(sys.modules["__main__"].__dict__ is globals(), sorted(n for n in globals() if n.startswith("__")))
"""


def both(folder, *arguments, **options):
    """(what python prints, what python -m rushlight prints), exit status included."""
    plain = python(*arguments, folder=folder, **options)
    ours = python("-m", "rushlight", *arguments, folder=folder, **options)
    return (plain.stdout, plain.stderr, plain.returncode), (ours.stdout, ours.stderr, ours.returncode)


def test_a_script_finds_its_usual_surroundings(tmp_path):
    write(tmp_path, "folder/program.py", SURROUNDINGS)
    plain, ours = both(tmp_path, "folder/program.py", "a", "--version")
    assert plain == ours
    assert plain[2] == 0


def test_a_module_finds_its_usual_surroundings(tmp_path):
    write(tmp_path, "package/__init__.py", "")
    write(tmp_path, "package/__main__.py", SURROUNDINGS)
    write(tmp_path, "single.py", SURROUNDINGS)
    for name in ("package", "single", "package.__main__"):
        plain, ours = both(tmp_path, "-m", name, "-x")
        assert plain == ours
        assert plain[2] == 0


def test_a_folder_with_main_runs(tmp_path):
    write(tmp_path, "folder/__main__.py", "import sys; print(sys.argv, sys.path[0], __name__)")
    plain, ours = both(tmp_path, "folder", "a")
    assert plain == ours


def test_code_and_standard_input(tmp_path):
    plain, ours = both(tmp_path, "-c", "import sys; print(sys.argv, sys.path[0], __name__)", "a")
    assert plain == ours
    plain, ours = both(tmp_path, "-", "a", stdin="import sys; print(sys.argv, __name__)\n")
    assert plain == ours
    assert (
        output("-m", "rushlight", folder=tmp_path, stdin="import torch; print(torch.__version__)\n")
        == "2.13.0\n"
    )


@pytest.mark.parametrize(
    "code",
    [
        "import sys; sys.exit(3)",
        "import sys; sys.exit('words')",
        "raise SystemExit",
        "1 / 0",
        "raise KeyboardInterrupt",
        "import sys; sys.excepthook = lambda *error: print('hook', error[0], error[2].tb_lineno); 1 / 0",
        "def f(): raise KeyError(1)\ntry: f()\nexcept KeyError as error: raise ValueError('two') from error",
        "try: 1 / 0\nexcept Exception: nonesuch",
        "def broken(:",
        "import atexit; atexit.register(print, 'last'); 1 / 0",
        "import threading; threading.Timer(0.1, print, ['thread']).start()",
        "import torch_nonesuch",
    ],
)
def test_ends_as_python_does(tmp_path, code):
    write(tmp_path, "program.py", "\n" + code + "\n")
    plain, ours = both(tmp_path, "program.py")
    assert plain == ours


def test_interrupts_end_the_process_by_signal(tmp_path):
    # A suite in the background inherits an ignored SIGINT, so the program asks for Python's own handler.
    write(
        tmp_path,
        "program.py",
        """
        import os, signal
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.kill(os.getpid(), signal.SIGINT)
        input()
        """,
    )
    plain, ours = both(tmp_path, "program.py")
    assert plain[2] == ours[2] in (-signal.SIGINT, 130)


@pytest.mark.parametrize("arguments", [["nonesuch.py"], ["-m", "nonesuch"], ["-m", "nonesuch.deep"]])
def test_programs_that_are_not_there(tmp_path, arguments):
    plain, ours = both(tmp_path, *arguments)
    assert ours[2] == plain[2]
    if arguments[0] != "-m":
        assert ours == plain
    else:
        assert f"No module named {arguments[1]}" in ours[1]
        assert "Traceback" not in ours[1]


def test_tracebacks_show_the_program_alone(tmp_path):
    write(
        tmp_path,
        "program.py",
        """
        import torch

        def call():
            torch.backends.cudnn.set_flags(1, 2, 3, 4, 5, 6, 7)

        call()
        """,
    )
    done = python("-m", "rushlight", "program.py", folder=tmp_path)
    assert done.returncode == 1
    assert "in call" in done.stderr
    assert "rushlight" not in done.stderr.replace(str(tmp_path), "")


def test_classes_of_the_program_can_be_pickled(tmp_path):
    write(
        tmp_path,
        "program.py",
        """
        import pickle

        class Mine:
            pass

        print(type(pickle.loads(pickle.dumps(Mine()))) is Mine)
        """,
    )
    assert output("-m", "rushlight", "program.py", folder=tmp_path) == "True\n"


def test_version_and_help(tmp_path):
    assert "2.13.0" in output("-m", "rushlight", "--version", folder=tmp_path)
    assert "--check" in output("-m", "rushlight", "--help", folder=tmp_path)
    done = python("-m", "rushlight", "--nonesuch", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown option --nonesuch" in done.stderr


def test_check_lists_what_is_missing(tmp_path):
    write(
        tmp_path,
        "program.py",
        """
        import torch
        import torch.backends.cudnn as cudnn
        from torch import zeros, nonesuch_a
        from helper import number
        import torch.nonesuch_module

        alias = torch.backends
        def shadowed(torch):
            return torch.nonesuch_shadowed

        alias.cudnn.benchmark = True
        torch.nonesuch_b.deeper(zeros(1)); getattr(torch, "nonesuch_c")
        torch.Tensor.nonesuch_method, alias.nonesuch_d, torch.float32.itemsize
        torch.jit.script(shadowed)
        print("not run")
        """,
    )
    write(tmp_path, "helper.py", "import torch as t\nnumber = t.nonesuch_e\n")
    done = python("-m", "rushlight", "--check", "program.py", folder=tmp_path)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.split(":")[0].split(" ")[0] for line in lines[:-1]] == [
        "torch.Tensor.nonesuch_method",
        "torch.backends.nonesuch_d",
        "torch.jit.script",
        "torch.nonesuch_a",
        "torch.nonesuch_b",
        "torch.nonesuch_c",
        "torch.nonesuch_e",
        "torch.nonesuch_module",
    ]
    assert "program.py:4" in lines[3]
    assert "helper.py:2" in lines[6]
    assert "not run" not in done.stdout


def test_check_of_a_program_that_runs(tmp_path):
    write(tmp_path, "program.py", "import torch\nprint(torch.zeros(2) + torch.exp(torch.zeros(2)))\n")
    assert "has all" in output("-m", "rushlight", "--check", "program.py", folder=tmp_path)
    assert "tensor([1., 1.])" in output("-m", "rushlight", "program.py", folder=tmp_path)


def test_check_of_what_cannot_be_read(tmp_path):
    write(tmp_path, "broken.py", "def broken(:")
    for arguments in (["broken.py"], ["nonesuch.py"], []):
        done = python("-m", "rushlight", "--check", *arguments, folder=tmp_path)
        assert done.returncode == 2
        assert done.stderr
        assert "Traceback" not in done.stderr


def test_the_prompt(tmp_path):
    pty = pytest.importorskip("pty")
    import os
    import subprocess

    from programs import PACKAGE_PARENT

    ours, theirs = pty.openpty()
    variables = {**os.environ, "PYTHONPATH": PACKAGE_PARENT, "TERM": "dumb"}
    process = subprocess.Popen(
        [sys.executable, "-m", "rushlight"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path,
        env=variables,
    )
    os.close(theirs)
    os.write(ours, b"import torch\nprint(torch.zeros(2).shape, __name__)\nexit()\n")
    text = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:
            break
        if not chunk:
            break
        text += chunk
    os.close(ours)
    assert process.wait(timeout=60) == 0
    assert b"torch.Size([2]) __main__" in text
    assert b">>> " in text
