"""Runs a program with the losses of torch computed by Perdita.

python -m perdita.torch SCRIPT [ARGUMENTS...]
python -m perdita.torch -m MODULE [ARGUMENTS...]
"""

import os
import runpy
import sys

from perdita.torch import install


def main():
    arguments = sys.argv[1:]
    is_module = arguments[:1] == ["-m"]
    program = arguments[int(is_module) :]
    if not program or program[0] in ("-h", "--help"):
        print(__doc__.strip())
        sys.exit(0 if program else 2)
    install()
    if is_module:
        sys.argv = program
        sys.path.insert(0, os.getcwd())
        runpy.run_module(program[0], run_name="__main__", alter_sys=True)
        return
    if not os.path.exists(program[0]):
        sys.exit(f"python -m perdita.torch: there is no file {program[0]} (valid: a Python script, or -m MODULE)")
    sys.argv = program
    sys.path[0] = os.path.dirname(os.path.abspath(program[0]))
    runpy.run_path(program[0], run_name="__main__")


main()
