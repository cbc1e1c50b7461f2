"""Versions: of the PyTorch whose programs run here (`__version__`) and of Rushlight (`rushlight`)."""

from itertools import zip_longest as _zip_longest


def _numbers(version):
    """(2, 13, 0) of "2.13.0", "2.13.0+cpu" or (2, 13)."""
    parts = str(version).partition("+")[0].split(".") if isinstance(version, str) else version
    numbers = []
    for part in parts:
        digits = ""
        for character in str(part):
            if not character.isdigit():
                break
            digits += character
        numbers.append(int(digits or 0))
    return numbers


class TorchVersion(str):
    """A version that compares by number with strings and tuples: TorchVersion("2.13.0") > (2, 9)."""

    __slots__ = ()
    __module__ = "torch.torch_version"

    def _compare(self, other):
        for ours, theirs in _zip_longest(_numbers(str(self)), _numbers(other), fillvalue=0):
            if ours != theirs:
                return -1 if ours < theirs else 1
        return 0

    def __lt__(self, other):
        return self._compare(other) < 0

    def __le__(self, other):
        return self._compare(other) <= 0

    def __gt__(self, other):
        return self._compare(other) > 0

    def __ge__(self, other):
        return self._compare(other) >= 0

    def __eq__(self, other):
        return self._compare(other) == 0 if isinstance(other, (str, tuple, list)) else NotImplemented

    __hash__ = str.__hash__


__version__ = TorchVersion("2.13.0")
rushlight = "0.1.0"
debug = False
cuda = None
hip = None
xpu = None
git_version = "Unknown"
