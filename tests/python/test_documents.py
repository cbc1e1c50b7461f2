"""The Python blocks of the documents run as programs."""

import re
from pathlib import Path

import pytest
from programs import output, write

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# A ```text block right behind one is what it must print.
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)


def blocks():
    for document in DOCUMENTS:
        for number, (code, printed) in enumerate(BLOCK.findall(document.read_text()), 1):
            yield pytest.param(code, printed, id=f"{document.stem}-{number}")


@pytest.mark.parametrize(("code", "printed"), list(blocks()))
def test_a_block_runs(tmp_path, code, printed):
    write(tmp_path, "program.py", code)
    text = output("-m", "rushlight", "program.py", folder=tmp_path)
    if printed:
        assert text == printed
