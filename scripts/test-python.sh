#!/bin/sh
# Builds the Python package as a user does, installs it into an environment (build/python-env) and runs its tests beside
# PyTorch; then those that depend on PyTorch with the newest PyTorch of PyPI, in another environment
# (build/python-env-newest), which gets the same wheel.
#
#   scripts/test-python.sh [PYTEST OPTIONS...]
set -eu
cd "$(dirname "$0")/.."
environment=build/python-env
newest=build/python-env-newest

# install ENVIRONMENT WHEEL PACKAGES...: the wheel anew, though its version may be installed, and the packages.
install() {
  [ -x "$1/bin/python" ] || ${PYTHON:-python3} -m venv "$1"
  python=$1/bin/python wheel=$2
  shift 2
  $python -m pip install --quiet --disable-pip-version-check --upgrade-strategy only-if-needed "$@"
  $python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps "$wheel"
}

[ -x $environment/bin/python ] || ${PYTHON:-python3} -m venv $environment
rm -rf build/wheel
$environment/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/wheel .
wheel=$(echo build/wheel/perdita-*.whl)
install $environment "$wheel" "$wheel[test]"
$environment/bin/python -m pytest -q "$@"

install $newest "$wheel" --upgrade torch numpy pytest mpmath expecttest
$newest/bin/python -c 'import torch; print("the same with torch", torch.__version__)'
# Accuracy, compiled code and NumPy's functions are the same beside every version of PyTorch, or take minutes.
tests=$(grep -lE '^(import|from) torch' tests/python/test_*.py | grep -vE 'test_(accuracy.*|numpy|compile|parity|bench)\.py')
exec $newest/bin/python -m pytest -q -p no:cacheprovider $tests "$@"
