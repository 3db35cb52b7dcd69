#!/bin/sh
# Checks that the package can be built with the libraries of PyPI, as "pip install ." builds it where those of the system are
# absent: configures it, and compiles one file per library that includes it; nothing is linked. scripts/build-wheels.sh builds
# whole wheels.
set -eu
cd "$(dirname "$0")/.."
environment=build/pip-build-env
build=build/pip-build
[ -x $environment/bin/python ] || ${PYTHON:-python3} -m venv $environment
requirements=$($environment/bin/python -c '
import tomllib
print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")')
printf '%s\n' "$requirements" |
  $environment/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -r /dev/stdin
prefix=$($environment/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=Release -DPERDITA_PYTHON=ON -DPERDITA_TESTS=OFF -DPERDITA_WITH_ONEDNN=OFF \
  -DPERDITA_FMT_HEADER_ONLY=ON -DCMAKE_PREFIX_PATH="$prefix" -DPython_EXECUTABLE="$PWD/$environment/bin/python" >$build.log ||
  { cat $build.log; exit 1; }
for library in FMT MPFR ZLIB PERDITA_JSON; do
  grep -iE "^${library}(_DIR|_INCLUDE(_DIR)?|_LIBRARY(_RELEASE)?):" $build/CMakeCache.txt | grep -q "$prefix" ||
    { echo "$0: $library is not that of PyPI" >&2; exit 1; }
done
objects=""
for file in core/suggest report/png diagnose/json_log rewriting/wide_interval; do
  objects="$objects CMakeFiles/perdita.dir/perdita/$file.cpp.o"
done
cmake --build $build --target $objects
