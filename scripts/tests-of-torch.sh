#!/bin/sh
# Prints the files of the tests that depend on PyTorch. Accuracy, compiled code and NumPy's functions are the same with every
# version of PyTorch, or take minutes.
cd "$(dirname "$0")/.."
grep -lE '^(import|from) torch' tests/python/test_*.py | grep -vE 'test_(accuracy.*|numpy|compile|parity|bench)\.py'
