#!/bin/bash
# Runs tests of other projects with the losses of torch and with those of Perdita, and prints a table (docs/pytorch.md).
#
#   scripts/test-third-party.sh [--sources FOLDER] [PROJECT...]
#
# The projects of tests/third_party/projects.py are installed into an environment, build/third-party-env, in fixed versions.
# Their tests are cloned from their repositories into build/third-party, or taken from clones in FOLDER, each with the name
# of the project. The package is the wheel of scripts/install-python.sh, or that in the folder PERDITA_SITE (absolute). A
# test that has another result with Perdita, and a loss that has another value or gradient, is printed, and the exit status
# is 1.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=build/third-party-env
python=$environment/bin/python
pip="$python -m pip --quiet --disable-pip-version-check"
requirements="$python tests/third_party/projects.py"

[ -x $python ] || ${PYTHON:-python3} -m venv $environment
# ===: the build of PyPI, for which the operators of its torchvision are built.
$pip install torch===2.13.0 torchvision===0.28.0 $($requirements)
$pip install --no-deps $($requirements --without-dependencies)
# What perdita.callbacks is for.
$pip install accelerate fastai keras lightgbm lightning pytorch-ignite skorch transformers xgboost-cpu
if [ -n "${PERDITA_SITE:-}" ]; then
  export PYTHONPATH=$PERDITA_SITE
else
  scripts/install-python.sh
  $pip install --force-reinstall --no-deps build/wheel/perdita-*.whl
fi
$python -m pytest -q -p no:cacheprovider tests/python/test_accumulation.py tests/python/test_accumulation_in_frameworks.py \
  tests/python/test_callbacks.py tests/python/test_transformers.py
exec $python tests/third_party/run_suites.py --work build/third-party "$@"
