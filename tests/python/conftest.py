"""Fixtures of the whole suite, and the list of what is known to differ from PyTorch."""

from __future__ import annotations

import pathlib

import pytest

import rushlight


def read_pending() -> dict[str, str]:
    """Tests that are known to differ, and why: node ids, each under the comment that gives its reason."""
    reasons, reason, in_comment = {}, "", False
    for line in (pathlib.Path(__file__).parent / "pending.txt").read_text().splitlines():
        if line.startswith("# "):
            reason = f"{reason} {line[2:]}" if in_comment else line[2:]
        else:
            reasons[line] = reason
        in_comment = line.startswith("# ")
    return reasons


PENDING = read_pending()


def pytest_collection_modifyitems(items):
    for item in items:
        if item.nodeid in PENDING:
            item.add_marker(pytest.mark.xfail(reason=PENDING[item.nodeid], strict=True))


@pytest.fixture(autouse=True)
def modes_are_left_as_found():
    """A test that fails inside a grad mode must not change the tests after it."""
    yield
    rushlight.set_grad_enabled(True)
    rushlight.set_default_dtype(rushlight.float32)


@pytest.fixture(scope="session")
def torch():
    """PyTorch itself, the oracle of a comparison."""
    return pytest.importorskip("torch", reason="PyTorch, the oracle of this comparison, is not installed")
