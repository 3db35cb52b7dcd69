#!/bin/sh
# Opens the reports in Chromium and tests them there: build/browser-env gets Selenium, and scripts/install-deps.sh
# --with browser the browser and its driver. Without these the tests fail.
#
#   scripts/test-browser.sh [PYTEST OPTIONS...]
set -eu
cd "$(dirname "$0")/.."
for program in chromium chromedriver; do
  if ! command -v $program >/dev/null; then
    echo "$0: $program is missing; scripts/install-deps.sh --with browser installs it" >&2
    exit 1
  fi
done
environment=build/browser-env
[ -x $environment/bin/python ] || ${PYTHON:-python3} -m venv $environment
$environment/bin/python -c 'import PIL, pytest, selenium' 2>/dev/null ||
  $environment/bin/python -m pip install --quiet --disable-pip-version-check 'pytest>=8' 'selenium>=4.20' pillow
exec $environment/bin/python -m pytest -q -p no:cacheprovider -c /dev/null --rootdir tests/browser tests/browser "$@"
