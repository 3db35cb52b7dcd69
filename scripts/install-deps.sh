#!/bin/sh
# Installs the Debian 12 packages that Perdita is built with, as far as they are missing.
# With nothing missing it says nothing and touches no network.
#
#   scripts/install-deps.sh [--with lint] [--with clang] [--with browser] [--with docs] [--with wheels] [--list]
set -eu

packages="g++ cmake ninja-build make ccache pkg-config python3 python3-dev python3-venv binutils
  libdnnl-dev libfmt-dev libcli11-dev nlohmann-json3-dev zlib1g-dev librsvg2-2 fonts-dejavu-core
  libgtest-dev libbenchmark-dev libmpfr-dev dataset-fashion-mnist"
lint="clang-tidy-14 clang-format-14 cppcheck libomp-14-dev"
clang="clang-14 libclang-rt-14-dev libomp-14-dev"
browser="chromium chromium-driver"
docs="doxygen"
wheels="g++-aarch64-linux-gnu qemu-user bc"

usage() {
  echo "usage: $0 [--with lint|clang|browser|docs|wheels]... [--list]" >&2
  exit 2
}

list_only=no
while [ $# -gt 0 ]; do
  case "$1" in
    --with)
      case "${2-}" in
        lint) packages="$packages $lint" ;;
        clang) packages="$packages $clang" ;;
        browser) packages="$packages $browser" ;;
        docs) packages="$packages $docs" ;;
        wheels) packages="$packages $wheels" ;;
        *) usage ;;
      esac
      shift 2 ;;
    --list) list_only=yes; shift ;;
    *) usage ;;
  esac
done

if [ "$list_only" = yes ]; then
  printf '%s\n' $packages
  exit 0
fi

if ! command -v dpkg-query >/dev/null; then
  echo "This is not a Debian system: install the equivalents of:" $packages >&2
  exit 1
fi

missing=""
for package in $packages; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  # A password can be asked for on a terminal only.
  if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    as_root=sudo
  else
    echo "Packages are missing, and installing them takes root. Ask an administrator to run:" >&2
    echo "  apt-get update && apt-get install --no-install-recommends$missing" >&2
    exit 1
  fi
fi

echo "Installing:$missing"
$as_root apt-get update -q
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
