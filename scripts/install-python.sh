#!/bin/sh
# Builds the Python package as a wheel for this machine, into build/wheel, and installs it with what its tests need into
# an environment, build/python-env.
#
# The library is compiled as in build/release, by the same compiler name, against the libraries of the system and in a
# folder of the same depth, so that ccache reuses its objects. A wheel of "pip wheel ." brings its
# libraries along (scripts/build-wheels.sh).
#
#   scripts/install-python.sh
set -eu
cd "$(dirname "$0")/.."
environment=build/python-env
[ -x $environment/bin/python ] || ${PYTHON:-python3} -m venv $environment
pip="$environment/bin/python -m pip --quiet --disable-pip-version-check"
# A wheel takes minutes: one that is newer than all it is made of stays.
wheel=$(ls -t build/wheel/perdita-*.whl 2>/dev/null | head -n 1)
if [ -z "$wheel" ] || [ -n "$(find CMakeLists.txt pyproject.toml cmake perdita python -newer "$wheel" \
    -not -path '*__pycache__*' -print -quit)" ]; then
  rm -rf build/wheel
  $pip install --no-compile 'scikit-build-core>=0.10' 'nanobind>=2.4'
  CXX=c++ $pip wheel --no-deps --no-build-isolation --wheel-dir build/wheel -C cmake.define.PERDITA_FMT_HEADER_ONLY=OFF \
    -C cmake.define.PERDITA_WERROR=ON -C build-dir=build/python .
  wheel=$(echo build/wheel/perdita-*.whl)
fi
$pip install --no-compile --upgrade-strategy only-if-needed "$wheel[test]"
# Anew, though its version may be installed.
$pip install --no-compile --force-reinstall --no-deps "$wheel"
