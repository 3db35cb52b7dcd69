#!/bin/sh
# Installs the Python package into an environment (build/python-env) and runs its tests with PyTorch; then the tests that
# a release of PyTorch can affect with the newest PyTorch of PyPI, in another environment (build/python-env-newest), which
# gets the same wheel. scripts/test-torch-versions.sh runs more, with more releases.
#
#   scripts/test-python.sh [PYTEST OPTIONS...]
set -eu
cd "$(dirname "$0")/.."
newest=build/python-env-newest

scripts/install-python.sh
parallel="-n auto --maxprocesses 4 --dist loadgroup"
build/python-env/bin/python -m pytest -q $parallel "$@"

[ -x $newest/bin/python ] || ${PYTHON:-python3} -m venv $newest
pip="$newest/bin/python -m pip --quiet --disable-pip-version-check"
$pip install --no-compile --upgrade-strategy only-if-needed --upgrade torch numpy pytest pytest-xdist mpmath expecttest pandas matplotlib \
  scikit-learn lightgbm xgboost-cpu catboost tensorboard
$pip install --no-compile --force-reinstall --no-deps build/wheel/perdita-*.whl
$newest/bin/python -c 'import torch; print("the same with torch", torch.__version__)'
exec $newest/bin/python -m pytest -q $parallel -p no:cacheprovider $(scripts/tests-of-torch.sh --of-changes) "$@"
