#!/bin/sh
# Checks the losses on a GPU next to the CPU, and prints their times next to torch, torch.compile and Liger. Without a GPU it
# says so. PYTHON: an interpreter with torch for the GPU; with it the package is installed from this folder.
#
#   PYTHON=python3 scripts/check-gpu.sh
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-build/python-env/bin/python}
if [ -z "${PYTHON:-}" ] && [ ! -x "$python" ]; then
  echo "no Python environment in build/python-env (run scripts/install-python.sh, or set PYTHON to one with torch for the GPU)" >&2
  exit 1
fi
"$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' || {
  echo "torch finds no GPU: nothing was checked"
  exit 0
}
"$python" -c 'import perdita' 2>/dev/null || "$python" -m pip install --quiet .
exec "$python" bench/on_device.py
