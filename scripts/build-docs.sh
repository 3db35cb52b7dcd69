#!/bin/sh
# Builds the documentation, a site that opens offline: build/docs/index.html. build/docs-env gets Sphinx; Doxygen comes
# from scripts/install-deps.sh --with docs. A warning is an error. The Python package that is described is built and
# installed first (scripts/install-python.sh), unless PYTHONPATH has perdita, NumPy and torch.
#
#   scripts/build-docs.sh [SPHINX OPTIONS...]
set -eu
cd "$(dirname "$0")/.."
if ! command -v doxygen >/dev/null; then
  echo "$0: doxygen is missing; scripts/install-deps.sh --with docs installs it" >&2
  exit 1
fi
environment=build/docs-env
[ -x $environment/bin/python ] || ${PYTHON:-python3} -m venv $environment
$environment/bin/python -c 'import sphinx, myst_parser, furo' 2>/dev/null ||
  $environment/bin/python -m pip install --quiet --disable-pip-version-check 'sphinx>=8.1' 'myst-parser>=4' 'furo>=2024.8.6'
if [ -z "${PYTHONPATH-}" ]; then
  scripts/install-python.sh
  PYTHONPATH=$(build/python-env/bin/python -c 'import site; print(site.getsitepackages()[0])')
  export PYTHONPATH
fi
rm -rf build/docs
$environment/bin/python -m sphinx -W --keep-going -q -E -d build/docs-cache "$@" docs build/docs
echo "build/docs/index.html"
