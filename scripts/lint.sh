#!/usr/bin/env bash
# Formatting and static checks; `scripts/lint.sh --fix` rewrites what the formatters can.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t cpp_files < <(git ls-files -co --exclude-standard -- '*.h' '*.cpp' '*.cu' '*.cuh' | sort -u)
python_dirs=(python examples tests scripts)
[[ -d benchmarks ]] && python_dirs+=(benchmarks)

if [[ "${1:-}" == --fix ]]; then
  clang-format -i "${cpp_files[@]}"
  .venv/bin/ruff check --fix "${python_dirs[@]}"
  .venv/bin/ruff format "${python_dirs[@]}"
  exit
fi

status=0
printf '%s\0' "${cpp_files[@]}" | xargs -0 -P "$(nproc)" -n 16 clang-format --dry-run -Werror || status=1
.venv/bin/ruff check "${python_dirs[@]}" || status=1
.venv/bin/ruff format --check "${python_dirs[@]}" || status=1
# The build writes the engine's types; before it, names that come from the engine cannot be told from mistakes.
unbuilt=()
[[ -d build/release/python/rushlight/_C ]] || unbuilt=(--disable-error-code attr-defined)
.venv/bin/mypy "${unbuilt[@]}" || status=1
exit "$status"
