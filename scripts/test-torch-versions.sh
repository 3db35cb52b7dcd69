#!/bin/bash
# Runs the tests that depend on PyTorch with several releases of it, from 2.6 to the newest of PyPI, and prints a table.
#
#   scripts/test-torch-versions.sh [VERSION...]     default: 2.6 2.7 ... 2.13 and the newest
#
# Each release is installed into an environment of its own, build/torch-env-VERSION, which is deleted afterwards: a release
# takes about 6 GB. The package is the wheel of scripts/install-python.sh, or that in the folder PERDITA_SITE. Output of the
# tests: build/torch-versions/VERSION.log. The exit status is 1 if a test fails.
set -euo pipefail
cd "$(dirname "$0")/.."
logs=build/torch-versions
mkdir -p $logs
versions=("$@")
[ $# -gt 0 ] || versions=(2.6 2.7 2.8 2.9 2.10 2.11 2.12 2.13 newest)
if [ -z "${PERDITA_SITE:-}" ]; then scripts/install-python.sh; fi
tests=$(scripts/tests-of-torch.sh)
count='
import sys, torch, xml.etree.ElementTree as ElementTree
cases = list(ElementTree.parse(sys.argv[2]).iter("testcase"))
skipped, failed = (sum(any(child.tag in tags for child in case) for case in cases) for tags in (["skipped"], ["failure", "error"]))
print(f"| {torch.__version__} | {len(cases) - failed - skipped} | {failed} | {skipped} |")
'

# Older releases of torch were made for older releases of these.
requirements() {
  case $1 in
    newest) echo "torch" ;;
    *) echo "torch==$1.*" ;;
  esac
  echo numpy pytest mpmath expecttest pandas matplotlib setuptools scikit-learn lightgbm xgboost-cpu catboost tensorboard
}

run() {
  local version=$1 environment=$PWD/build/torch-env-$1 status=0
  rm -rf "$environment"
  ${PYTHON:-python3} -m venv "$environment"
  local pip="$environment/bin/python -m pip --quiet --disable-pip-version-check"
  $pip install $(requirements "$version") >"$logs/$version.log" 2>&1 || { echo "| $version | not installed | | |"; return 1; }
  if [ -n "${PERDITA_SITE:-}" ]; then
    export PYTHONPATH=$PERDITA_SITE
  else
    $pip install --no-deps build/wheel/perdita-*.whl
  fi
  $environment/bin/python -m pytest -q -p no:cacheprovider --junit-xml=$logs/$version.xml $tests >>"$logs/$version.log" 2>&1 || status=1
  "$environment/bin/python" -c "$count" "$version" "$logs/$version.xml"
  rm -rf "$environment"
  return $status
}

status=0
echo "| torch | passed | failed | skipped |"
echo "|---|---|---|---|"
for version in "${versions[@]}"; do run "$version" || status=1; done
exit $status
