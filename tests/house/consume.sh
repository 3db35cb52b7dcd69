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
    "$cmake" -S "$here/consumer/$way" -B "$work" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$cxx" \
      -DCMAKE_PREFIX_PATH="$staged" -DPERDITA_SOURCE="$source" -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" \
      -DPERDITA_WERROR=ON
    "$cmake" --build "$work" --target consumer -j 2 ;;
esac
"$work/consumer"
