#!/bin/sh
# Builds the Python package as a user does, into build/wheel, and installs it with what its tests need into an
# environment, build/python-env.
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
  $pip wheel --no-deps --wheel-dir build/wheel .
  wheel=$(echo build/wheel/perdita-*.whl)
fi
$pip install --upgrade-strategy only-if-needed "$wheel[test]"
# Anew, though its version may be installed.
$pip install --force-reinstall --no-deps "$wheel"
