#!/bin/sh
# clang-tidy and cppcheck over our own sources. usage: scripts/lint.sh BUILD_FOLDER
set -eu
build=$1
sources=$(git ls-files 'perdita/*.cpp' 'cli/*.cpp')
status=0
printf '%s\n' $sources | xargs -P "$(nproc)" -n 4 clang-tidy-14 --quiet -p "$build" || status=1
cppcheck --quiet --std=c++20 --language=c++ --enable=warning,performance,portability --inline-suppr \
  --suppress=missingIncludeSystem --suppress=internalAstError --error-exitcode=1 -I . $sources || status=1
exit $status
