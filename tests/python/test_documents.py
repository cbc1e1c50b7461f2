"""The documents keep their word: every Python block runs, and prints the text that the document shows.

The Python blocks of a document are one program, first.py, run as a reader would run it: with
`python -m rushlight`. A `text` block is what each of the blocks right before it prints; a step is often
shown in Python and then in C++. A `console` block is a command line after "$ ", run where first.py lies.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "---- next block ----"


def blocks_of(language, text):
    """The blocks of one language in order: (block, what it prints or None)."""
    blocks = BLOCK.findall(text)
    for i, (kind, body) in enumerate(blocks):
        if kind == language:
            following = next((b for b in blocks[i + 1 :] if b[0] != "cpp"), None)
            yield body, following[1] if following and following[0] == "text" else None


def run(arguments, folder):
    return subprocess.run(
        [sys.executable, "-m", "rushlight", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_blocks(document, tmp_path):
    text = document.read_text()
    blocks = list(blocks_of("python", text))
    if not blocks:
        pytest.skip("no Python in this document")
    (tmp_path / "first.py").write_text(f"\nprint({MARK!r})\n".join(body for body, _ in blocks))
    result = run(["first.py"], tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    for (body, expected), printed in zip(blocks, result.stdout.split(MARK + "\n"), strict=True):
        assert printed == (expected or ""), body
    for body, expected in blocks_of("console", text):
        command, *more = body.splitlines()
        assert command.startswith("$ python -m rushlight ") and not more
        assert run(command.split()[4:], tmp_path).stdout == (expected or ""), body


def test_blocks_are_told_apart():
    text = "```python\na\n```\n```cpp\nb\n```\n```text\nout\n```\n```python\nc\n```\nWords.\n```sh\nd\n```\n"
    assert list(blocks_of("python", text)) == [("a\n", "out\n"), ("c\n", None)]
    assert list(blocks_of("cpp", text)) == [("b\n", "out\n")]
