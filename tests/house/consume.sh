#!/bin/sh
# Builds and runs the consumer project.
# usage: consume.sh package|subdirectory|pkg-config WORK_FOLDER STAGED_PREFIX SOURCE_FOLDER LAUNCHER CMAKE CXX
set -eu
way=$1 work=$2 staged=$3 source=$4 launcher=$5 cmake=$6 cxx=$7
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$work"
mkdir -p "$work"
case $way in
  pkg-config)
    pc=$(find "$staged" -name perdita.pc)
    flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --cflags --libs perdita)
    # The flags are words to be split.
    "$cxx" -std=c++20 -O1 "$here/consumer/main.cpp" $flags -o "$work/consumer" ;;
  *)
    # Without a build type there is a warning, and none is set for the project; with one there is none.
    configure() {
      "$cmake" -S "$here/consumer/$way" -B "$1" -G Ninja -DCMAKE_BUILD_TYPE="$2" -DCMAKE_CXX_COMPILER="$cxx" \
        -DCMAKE_PREFIX_PATH="$staged" -DPERDITA_SOURCE="$source" -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" \
        -DPERDITA_WERROR=ON 2>&1
    }
    configure "$work/untyped" "" >"$work/untyped.log" || { cat "$work/untyped.log"; exit 1; }
    grep -q "CMAKE_BUILD_TYPE is not set" "$work/untyped.log"
    grep -q "^CMAKE_BUILD_TYPE:[A-Z]*=$" "$work/untyped/CMakeCache.txt"
    configure "$work" Release >"$work/typed.log" || { cat "$work/typed.log"; exit 1; }
    if grep "CMAKE_BUILD_TYPE is not set" "$work/typed.log"; then exit 1; fi
    "$cmake" --build "$work" --target consumer -j 2 ;;
esac
"$work/consumer"
