#!/bin/sh
# clang-tidy and cppcheck over our own sources. usage: scripts/lint.sh BUILD_FOLDER
set -eu
build=$1
sources=$(git ls-files 'perdita/*.cpp' 'cli/*.cpp')
status=0
# The commands are g++'s: clang does not know all of its options.
mkdir -p "$build/lint"
sed 's/ -fno-ipa-[a-z]*//g' "$build/compile_commands.json" > "$build/lint/compile_commands.json"
printf '%s\n' $sources | xargs -P "$(nproc)" -n 4 clang-tidy-14 --quiet -p "$build/lint" || status=1
cppcheck --quiet --std=c++20 --language=c++ --enable=warning,performance,portability --inline-suppr \
  --suppress=missingIncludeSystem --suppress=internalAstError --error-exitcode=1 -I . $sources || status=1
exit $status
