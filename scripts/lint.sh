#!/bin/bash
# Checks of style and types. Each check prints the time it took; the first line of a check that is skipped says why.
#
#   scripts/lint.sh [CHECK...]     default: format ruff mypy tidy
#
# format    clang-format over all C++
# ruff      formatting and rules of all Python (pyproject.toml)
# mypy      types of the Python package, with the NumPy and torch of build/python-env
# tidy      clang-tidy over what changed against the main branch: lines of at most TIDY_FILES (16) .cpp files
# tidy-all  clang-tidy over all sources of the library and the command line
# cppcheck  the same with cppcheck
# fix       no check: formats C++ and Python
set -uo pipefail
cd "$(dirname "$0")/.."
build=build/release
environment=build/lint-env
ruff=$environment/bin/ruff
skipped=77  # the status of a check that could not be made

install_ruff() {
  [ -x "$environment/bin/python" ] || ${PYTHON:-python3} -m venv $environment || return
  $environment/bin/python -m pip install --quiet --disable-pip-version-check 'ruff>=0.17' || return
}

cpp_files() { git ls-files '*.cpp' '*.hpp'; }
library_sources() { git ls-files 'perdita/*.cpp' 'cli/*.cpp'; }

# compile_commands.json as clang reads it: the commands are those of g++, some of whose options clang does not know.
compile_commands() {
  if [ ! -f $build/CMakeCache.txt ]; then cmake --preset release >/dev/null || return; fi
  mkdir -p $build/lint
  sed 's/ -fno-ipa-[a-z]*//g' $build/compile_commands.json >$build/lint/compile_commands.json
}

check_format() { cpp_files | xargs clang-format-14 --dry-run --Werror; }

check_ruff() {
  local status=0
  install_ruff || return
  $ruff format --check --quiet . || { echo "ruff: run scripts/lint.sh fix"; status=1; }
  $ruff check --quiet . || status=1
  return $status
}

check_mypy() {
  if ! build/python-env/bin/python -m mypy --version >/dev/null 2>&1; then
    echo "mypy: build/python-env has no mypy (scripts/test-python.sh installs it)"
    return $skipped
  fi
  build/python-env/bin/python -m mypy python/perdita
}

check_tidy() { compile_commands && python3 scripts/clang_tidy_changed.py $build/lint "${TIDY_FILES:-16}"; }

check_tidy-all() {
  compile_commands && library_sources | xargs -P "$(nproc)" -n 4 clang-tidy-14 --quiet -p $build/lint
}

check_cppcheck() {
  library_sources | xargs cppcheck --quiet --std=c++20 --language=c++ --enable=warning,performance,portability \
    --inline-suppr --suppress=missingIncludeSystem --suppress=internalAstError --error-exitcode=1 -I .
}

check_fix() { cpp_files | xargs clang-format-14 -i && install_ruff && $ruff format --quiet . && $ruff check --quiet --fix .; }

status=0
for check in ${@:-format ruff mypy tidy}; do
  if ! declare -F "check_$check" >/dev/null; then
    echo "lint: unknown check '$check' (valid: format ruff mypy tidy tidy-all cppcheck fix)" >&2
    exit 2
  fi
  start=$SECONDS
  check_"$check"
  case $? in
    0) result=passed ;;
    "$skipped") result=skipped ;;
    *) result=FAILED status=1 ;;
  esac
  echo "$check: $result ($((SECONDS - start)) s)"
done
exit $status
