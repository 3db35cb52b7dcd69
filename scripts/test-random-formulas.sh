#!/bin/bash
# Stable forms of random formulas: 10,000, or as many as are given. None may have other values or larger errors. Takes ten minutes.
#   scripts/test-random-formulas.sh [COUNT]
set -euo pipefail
cd "$(dirname "$0")/.."
PERDITA_RANDOM_FORMULAS=${1:-10000} build/release/bin/rewriting_test --gtest_filter=Stabilize.RandomFormulasStayEqual
