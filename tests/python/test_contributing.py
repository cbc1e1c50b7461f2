"""The recipes of CONTRIBUTING.md, carried out to the letter on a copy of the sources.

Every row changes the tables that the whole library is made from: a library to call would be a whole build.
What is compiled instead is each file that a recipe touches, with the flags of the real build, and a program
that calls the operations.
"""

import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # compiles

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"\n   ```cpp\n(.*?\n)   ```\n", re.DOTALL)
PLACE = re.compile(r"(new\s+file\s+)?`(rushlight/[^`]+)`(?:\s+before\s+`([^`]+)`)?")
CALLS = """
#include "rushlight/ops/ops.h"
using namespace rushlight;
Tensor calls(const Tensor& x) {
  const Tensor curves = serpentine(x) + x.serpentine() + witch(x) + x.witch(0.5);
  return curves + x.sum_cubes({0, 1}, true) + moving_average(x, 0.9);
}
"""
# What reads the tables for all formulas: the recipes' rows must expand there too.
READERS = ["rushlight/ops/pointwise_table.cpp", "rushlight/kernels/cpu/pointwise_unary.cpp"]


def steps():
    """(file, is it new, the line before which the code stands or "", the code) of every step."""
    words_and_code = BLOCK.split((ROOT / "CONTRIBUTING.md").read_text())
    for words, code in zip(words_and_code[::2], words_and_code[1::2], strict=False):
        is_new, file, before = PLACE.findall(words)[-1]
        yield file, bool(is_new), before, re.sub("(?m)^   ", "", code)


def add(text, before, code):
    if not before:
        ends = [text.rfind(end) for end in ("\n}  // namespace", "\nRL_MATH_END")]
        place = max(ends) + 1 or len(text)
    else:
        assert text.count(before) == 1, before
        place = text.rfind("\n", 0, text.index(before)) + 1
    return text[:place] + code + text[place:]


def carry_out(tree):
    """Changes the tree; returns the files of C++ that were touched."""
    touched = []
    for file, is_new, before, code in steps():
        path = tree / file
        assert path.exists() != is_new, file
        path.write_text(code if is_new else add(path.read_text(), before, code))
        if path.suffix == ".cpp":
            touched.append(file)
    return touched


def flags():
    """Those of a kernel in the build that this test belongs to, for syntax and templates alone."""
    commands = json.loads((ROOT / "build/release/compile_commands.json").read_text())
    kernel = next(c for c in commands if c["file"].endswith("kernels/cpu/pointwise_unary.cpp"))
    words = shlex.split(kernel["command"])
    words = words[: words.index("-o")]
    return [w for w in words if not w.startswith(("-I", "-O"))] + ["-fsyntax-only", "-Werror"]


def compile_alone(tree, file):
    command = [*flags(), f"-I{tree}", str(tree / file)]
    return file, subprocess.run(command, capture_output=True, text=True, timeout=600)


def test_each_kind_has_its_recipe():
    files = [file for file, *_ in steps()]
    assert len(files) == 14
    assert sum(file.endswith(".def") for file in files) == 4


@pytest.mark.timeout(900)
def test_recipes_compile(tmp_path):
    shutil.copytree(ROOT / "rushlight", tmp_path / "rushlight")
    touched = carry_out(tmp_path)
    (tmp_path / "calls.cpp").write_text(CALLS)
    files = sorted({*touched, *READERS, "calls.cpp"})
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, result in pool.map(lambda f: compile_alone(tmp_path, f), files):
            assert result.returncode == 0, file + "\n" + result.stderr
