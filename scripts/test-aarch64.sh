#!/bin/bash
# Runs tests of the aarch64 build on an x86_64 machine, under qemu: C++ tests of the library as the wheels contain it, and Python
# tests with the wheel for Python 3.11. Prints a table (docs/installing.md). qemu is slow, and CI does not run this.
#
#   scripts/test-aarch64.sh [C++ TEST | PYTHON TEST FILE]...     default: the lists below
#
# The wheel comes from scripts/build-wheels.sh. Packages of Debian for arm64 are extracted into build/wheels/sysroot, and those
# of PyPI into build/wheels/site-aarch64; nothing is installed on the machine.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$PWD/build/wheels
sysroot=$work/sysroot
site=$work/site-aarch64
logs=$work/logs-aarch64
qemu="qemu-aarch64 -L $sysroot"
# Those that use nothing but the layers of the Python package: others include nn, which it lacks.
cpp_tests="core_test functions_test dual_test expr_test program_test kernels_test losses_test tensor_test joint_test"
# None that starts another Python, which the machine could not run.
python_tests="tests/wheels/smoke.py tests/python/test_numpy.py tests/python/test_definitions.py tests/python/test_autograd.py
  tests/python/test_messages.py tests/python/test_joint_losses.py tests/python/test_formula.py tests/python/test_focal.py
  tests/python/test_other_types.py tests/python/test_data.py"

# Packages for arm64, downloaded with a state of apt that the machine does not see, and extracted.
extract_sysroot() {
  [ ! -e "$sysroot" ] || return 0
  local apt=$work/apt-arm64 options
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/status"
  options="-q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Install-Recommends=false
    -o Dir::State=$apt/state -o Dir::State::status=$apt/status -o Dir::Cache=$apt/cache -o Debug::NoLocking=true"
  apt-get $options update
  apt-get $options install --download-only --yes python3.11 libpython3.11-stdlib libgtest-dev libmpfr-dev libgomp1 zlib1g-dev
  for package in "$apt"/cache/archives/*.deb; do dpkg-deb --extract "$package" "$sysroot.part"; done
  mv "$sysroot.part" "$sysroot"
}

install_packages() {
  [ ! -e "$site" ] || return 0
  # Their dependencies are listed, because pip would take those for this machine.
  "$work/tools/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --python-version 3.11 --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 \
    --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 --target "$site.part" \
    torch==2.10.0 typing_extensions sympy mpmath networkx jinja2 markupsafe fsspec filelock numpy \
    pytest pluggy iniconfig packaging pygments expecttest
  mv "$site.part" "$site"
}

# The library is compiled as for the wheels, with warnings as errors. Of the sysroot, the cross compiler gets MPFR only: glibc and
# the C++ library are its own.
build_cpp_tests() {
  local requirements=$work/requirements-aarch64 python=$work/python-3.11/bin/python mpfr=$work/mpfr-aarch64
  mkdir -p "$mpfr"
  ln -sf "$sysroot"/usr/include/mpfr.h "$sysroot"/usr/include/aarch64-linux-gnu/gmp.h \
    "$sysroot"/usr/lib/aarch64-linux-gnu/lib{mpfr,gmp}.so "$mpfr"
  PATH=$work/python-3.11/bin:$PATH cmake -S . -B build/aarch64 -G Ninja -DCMAKE_BUILD_TYPE=Release -DPERDITA_WERROR=ON \
    -DPERDITA_PYTHON=ON -DPERDITA_TESTS=ON -DPERDITA_WITH_ONEDNN=OFF -DPERDITA_FMT_HEADER_ONLY=ON \
    -DCMAKE_TOOLCHAIN_FILE="$PWD/cmake/aarch64-linux-gnu.cmake" -DPython_EXECUTABLE="$python" \
    -DPython_INCLUDE_DIR="$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')" \
    -Dfmt_ROOT="$requirements/cmeel.prefix" -DZLIB_ROOT="$requirements/cmeel.prefix" -DMPFR_ROOT="$requirements/cmeel.prefix" \
    -DPERDITA_JSON_INCLUDE="$requirements/nlohmann_json/include" \
    -DGTest_DIR="$sysroot/usr/lib/aarch64-linux-gnu/cmake/GTest" -DCMAKE_CXX_FLAGS="-isystem $mpfr" \
    -DCMAKE_EXE_LINKER_FLAGS="-L$mpfr" >"$logs/configure.log"
  cmake --build build/aarch64 --target "$@" -j "$(nproc)" >"$logs/build.log"
}

install_wheel() {
  rm -rf "$work/wheel-aarch64"
  "$work/tools/bin/python" -m zipfile -e "$work"/dist/perdita-*-cp311-cp311-*_aarch64.whl "$work/wheel-aarch64"
}

# Rows of the table: the test, how many tests passed, the result, seconds.
run_cpp_test() {
  local start=$SECONDS result=passed
  $qemu "build/aarch64/bin/$1" >"$logs/$1.log" 2>&1 || result=FAILED
  echo "| $1 | $(sed -n 's/.*PASSED  *\] \([0-9]*\) tests\?.*/\1/p' "$logs/$1.log") | $result | $((SECONDS - start)) |"
  [ $result = passed ]
}
run_python_test() {
  local name start=$SECONDS result=passed command=("$1")
  name=$(basename "$1" .py)
  [[ $1 == tests/wheels/* ]] || command=(-m pytest -q -p no:cacheprovider "$1")
  $qemu -E PYTHONPATH="$work/wheel-aarch64:$site" -E PYTHONDONTWRITEBYTECODE=1 "$sysroot/usr/bin/python3.11" \
    "${command[@]}" >"$logs/$name.log" 2>&1 || result=FAILED
  echo "| $name | $(sed -n 's/.*\b\([0-9]*\) passed.*/\1/p' "$logs/$name.log") | $result | $((SECONDS - start)) |"
  [ $result = passed ]
}

mkdir -p "$logs"
extract_sysroot
install_packages
[ $# -gt 0 ] || set -- $cpp_tests $python_tests
cpp=() python=()
for test in "$@"; do
  case $test in *.py) python+=("$test") ;; *) cpp+=("$test") ;; esac
done
status=0
echo "| tests | passed | result | seconds |"
echo "|---|---|---|---|"
if [ ${#cpp[@]} -gt 0 ]; then build_cpp_tests "${cpp[@]}"; fi
for test in ${cpp[@]+"${cpp[@]}"}; do run_cpp_test "$test" || status=1; done
if [ ${#python[@]} -gt 0 ]; then install_wheel; fi
for test in ${python[@]+"${python[@]}"}; do run_python_test "$test" || status=1; done
exit $status
