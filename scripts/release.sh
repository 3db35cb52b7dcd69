#!/bin/bash
# Builds what a release consists of into build/dist: the source distribution, the wheels, and SHA256SUMS. Checks them, and prints the
# command that publishes them, which is left to a person.
#
#   scripts/release.sh
#
# The source distribution is installed with the default Python, and each wheel for this machine with the Pythons that can use it,
# in new environments; a smoke test is run in each. Nothing of the working tree may differ from the commit.
set -euo pipefail
cd "$(dirname "$0")/.."
dist=$PWD/build/dist
tools=build/wheels/tools/bin/python
version=$(sed -n 's/^project(perdita VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)

if [ -n "$(git status --porcelain)" ]; then
  echo "release: the working tree differs from the commit (git status); commit or remove what differs" >&2
  exit 1
fi
if ! grep -q "^## \[$version\]" CHANGELOG.md; then
  echo "release: CHANGELOG.md has no section [$version], the version of CMakeLists.txt" >&2
  exit 1
fi

# smoke_test PYTHON FILE: installs the file in a new environment, and prints how long that took.
smoke_test() {
  local environment start
  environment=$(mktemp -d)
  "$1" -m venv "$environment"
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check numpy
  start=$(date +%s.%N)
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$2"
  echo "$(basename "$2"): installed in $(echo "$(date +%s.%N) - $start" | bc) s by Python" \
    "$("$environment/bin/python" -c 'import platform; print(platform.python_version())')"
  (cd "$environment" && bin/python "$OLDPWD/tests/wheels/smoke.py")
  rm -rf "$environment"
}

rm -rf "$dist" build/wheels/dist
scripts/build-wheels.sh
"$tools" -m pip install --quiet --disable-pip-version-check build twine
"$tools" -m build --sdist --outdir "$dist" .
cp build/wheels/dist/*.whl "$dist"
"$tools" -m twine check --strict "$dist"/*

. scripts/pythons.sh
smoke_test "${PYTHON:-python3}" "$dist/perdita-$version.tar.gz"
for minor in 10 11 12 13 14; do
  python=$(find_python 3.$minor)
  [ -n "$python" ] || continue
  case $minor in 10 | 11) tag=cp3$minor-cp3$minor ;; *) tag=cp312-abi3 ;; esac
  smoke_test "$python" "$dist/perdita-$version-$tag"-*_"$(uname -m)".whl
done

(cd "$dist" && sha256sum -- *.tar.gz *.whl >SHA256SUMS && cat SHA256SUMS)
echo "To publish, with a tag of the same commit:"
echo "  git tag -a v$version -m 'perdita $version' && git push origin v$version"
echo "  $tools -m twine upload $dist/*.tar.gz $dist/*.whl"
