"""The planted bug of the kernels' attributes: without `flatten` the check of the user's lambda must not pass.

usage: needs_flatten.py COMPILER SOURCE_FOLDER WORK_FOLDER FLAGS...

Compiles lambda_kernel.cpp against a copy of math/isa.hpp that lacks the attribute. Either the compiler refuses (vectors
outside a kernel have no registers to be in), or isa_check.py has to find the call.
"""

import pathlib
import shutil
import subprocess
import sys

compiler, source, work, *flags = sys.argv[1:]
source, work = pathlib.Path(source), pathlib.Path(work)
shutil.rmtree(work, ignore_errors=True)
copy = work / "perdita" / "math"
copy.mkdir(parents=True)
original = (source / "perdita/math/isa.hpp").read_text()
changed = original.replace("gnu::flatten, ", "")
if changed == original:
    sys.exit("isa.hpp has no gnu::flatten to take away")
(copy / "isa.hpp").write_text(changed)
here = source / "tests/house"
output = work / "lambda_kernel.o"
build = subprocess.run(
    [compiler, *flags, "-I", work, "-I", source, "-c", here / "lambda_kernel.cpp", "-o", output],
    capture_output=True,
    text=True,
)
if build.returncode != 0:
    sys.exit(0 if "impossible constraint" in build.stderr else f"fails for another reason:\n{build.stderr}")
check = subprocess.run(
    [sys.executable, here / "isa_check.py", "--kernels", here / "lambda_kernels.txt", output],
    capture_output=True,
    text=True,
)
sys.exit(
    0 if "calls" in check.stdout or "is no kernel, but contains" in check.stdout else f"not found:\n{check.stdout}"
)
