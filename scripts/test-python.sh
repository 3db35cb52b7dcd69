#!/bin/sh
# Installs the Python package as a user does, into an environment of its own (build/python-env), and runs its tests
# beside PyTorch.
#
#   scripts/test-python.sh [PYTEST OPTIONS...]
set -eu
cd "$(dirname "$0")/.."
environment=build/python-env
[ -x $environment/bin/python ] || ${PYTHON:-python3} -m venv $environment
$environment/bin/python -m pip install --quiet --disable-pip-version-check ".[test]"
exec $environment/bin/python -m pytest -q "$@"
