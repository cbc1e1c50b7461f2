#!/usr/bin/env bash
# The wheel is small, has its types, and works alone: installed into a fresh environment, away from the source tree.
#   scripts/check_wheel.sh WHEEL
set -euo pipefail
wheel="$(realpath "$1")"
python="$(dirname "$0")/../.venv/bin/python"
limit=$((12 * 1000 * 1000))
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

size="$(stat -c %s "$wheel")"
printf '%s: %s bytes (limit %s)\n' "$(basename "$wheel")" "$size" "$limit"
((size < limit))

"$python" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q --disable-pip-version-check --no-index --no-deps "$wheel"
cd "$work"
venv/bin/python - <<'PROGRAM'
import ast
import pathlib
import sys

import rushlight as torch

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
(x * x).sum().backward()
assert x.grad.tolist() == [2.0, 4.0, 6.0], x.grad
assert "numpy" not in sys.modules
package = pathlib.Path(torch.__file__).parent
assert (package / "py.typed").is_file()
stubs = {str(stub.relative_to(package)): ast.parse(stub.read_text()) for stub in package.rglob("*.pyi")}
tensor = next(node for node in stubs["_C/__init__.pyi"].body if getattr(node, "name", "") == "Tensor")
assert {"matmul", "backward"} <= {getattr(node, "name", "") for node in tensor.body}
print(f"types: py.typed and {len(stubs)} stubs")
print(f"installed: {sum(f.stat().st_size for f in package.rglob('*') if f.is_file())} bytes")
PROGRAM
