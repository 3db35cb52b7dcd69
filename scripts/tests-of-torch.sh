#!/bin/sh
# Prints the files of the tests that depend on PyTorch. Accuracy, compiled code and NumPy's functions are the same with every
# version of PyTorch, or take minutes.
#
#   scripts/tests-of-torch.sh [--of-changes]
#
# --of-changes  only those of what a release of PyTorch may change: its dispatcher, transforms, autograd, modules and types;
#               not those of numbers, which the kernels compute
cd "$(dirname "$0")/.."
changing='accumulation|autograd|callbacks|changed_operands|drop_in|export|extras|fast_function|fused_options'
changing="$changing|higher_derivatives|install|other_types|parallel|result_types|subclasses|torch_modules|transformers"
changing="$changing|transforms|unread|unreadable_tensors|validation"
if [ "${1-}" = --of-changes ]; then
  for name in $(echo "$changing" | tr '|' ' '); do
    [ -f "tests/python/test_$name.py" ] || { echo "$0: tests/python/test_$name.py does not exist" >&2; exit 1; }
  done
else
  changing='.*'
fi
grep -lE '^(import|from) torch' tests/python/test_*.py | grep -vE 'test_(accuracy.*|numpy|compile|parity|bench)\.py' |
  grep -E "test_($changing)\.py"
