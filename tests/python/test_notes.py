"""Notes on exceptions: which module failed, and with what input, without a change to the message."""

import traceback

import pytest

import rushlight as torch
from rushlight import nn

LINEAR = "Linear(in_features=3, out_features=4, bias=True)"


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.ReLU(), nn.Linear(3, 4)])

    def forward(self, x, scale=None):
        for layer in self.layers:
            x = layer(x)
        return x if scale is None else x * scale


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Identity(), Block())

    def forward(self, x):
        return self.body(x)


def failure(module, *args, **kwargs):
    with pytest.raises(Exception) as caught:
        module(*args, **kwargs)
    return caught.value


def notes(module, *args, **kwargs):
    return getattr(failure(module, *args, **kwargs), "__notes__", None)


def test_a_layer_alone():
    assert notes(nn.Linear(3, 4), torch.ones(4, 2)) == [f"in {LINEAR}, input of shape [4, 2]"]


@pytest.mark.parametrize(
    ("module", "path"),
    [
        (nn.Sequential(nn.Linear(3, 4)), "Sequential.0"),
        (nn.Sequential(nn.ReLU(), nn.Sequential(nn.ReLU(), nn.Linear(3, 4))), "Sequential.1.1"),
        (Block(), "Block.layers.1"),
        (Net(), "Net.body.1.layers.1"),
    ],
)
def test_the_path_to_the_layer(module, path):
    expected = [f"in {path} ({LINEAR}), input of shape [4, 2]"]
    assert notes(module, torch.ones(4, 2)) == expected
    assert notes(module, torch.ones(4, 2)) == expected  # each exception anew
    hook = module.register_forward_hook(lambda *args: None)
    assert notes(module, torch.ones(4, 2)) == expected
    hook.remove()


def test_the_message_and_the_type_stay():
    error = failure(Net(), torch.ones(4, 2))
    assert type(error) is RuntimeError
    assert str(error) == "mat1 and mat2 shapes cannot be multiplied (4x2 and 3x4)"
    assert error.args == (str(error),)


def test_the_forward_of_a_module_written_in_python():
    assert notes(Block(), torch.ones(2, 3), torch.ones(5)) == ["in Block, inputs of shapes [2, 3], [5]"]
    assert notes(Block(), torch.ones(2, 3), scale="no") == ["in Block, input of shape [2, 3]"]


def test_other_dtypes_are_named():
    text = f"in Sequential.0 ({LINEAR}), input of shape [2, 3] (torch.int64)"
    assert notes(nn.Sequential(nn.Linear(3, 4)), torch.ones(2, 3).long()) == [text]


def test_exceptions_of_the_program():
    class Broken(nn.Module):
        def forward(self, x):
            error = ValueError("mine")
            error.__notes__ = ["note of the program"]
            raise error

    expected = ["note of the program", "in Sequential.1 (Broken()), input of shape [2]"]
    assert notes(nn.Sequential(nn.ReLU(), Broken()), torch.ones(2)) == expected


def test_an_exception_that_was_handled_is_forgotten():
    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 4)

        def forward(self, x):
            try:
                return self.fc(x)
            except RuntimeError:
                return torch.ones(2) + torch.ones(3)

    assert notes(Careful(), torch.ones(4, 2)) == ["in Careful, input of shape [4, 2]"]


def test_what_ends_a_program_gets_no_note():
    class Stop(nn.Module):
        def __init__(self, error):
            super().__init__()
            self.error = error

        def forward(self):
            raise self.error

    for error in (KeyboardInterrupt(), SystemExit(), StopIteration()):
        with pytest.raises(type(error)) as caught:
            Stop(error)()
        assert not hasattr(caught.value, "__notes__")


def test_a_failing_repr_does_no_harm():
    class Odd(nn.Module):
        def extra_repr(self):
            raise KeyError("repr")

        def forward(self, x):
            raise ValueError("mine")

    error = failure(nn.Sequential(Odd()), torch.ones(2))
    assert type(error) is ValueError
    assert error.args == ("mine",)


@pytest.mark.skipif(not hasattr(Exception, "add_note"), reason="tracebacks show notes since Python 3.11")
def test_tracebacks_show_it():
    text = "".join(traceback.format_exception(failure(Net(), torch.ones(4, 2))))
    assert text.splitlines()[-1] == f"in Net.body.1.layers.1 ({LINEAR}), input of shape [4, 2]"
