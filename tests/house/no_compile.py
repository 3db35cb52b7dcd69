"""Compiles a snippet whose first line says what is expected of it, without making code.

usage: no_compile.py COMPILER INCLUDE_FOLDER SNIPPET

    // must fail: REGEX     the compiler refuses it, and an error message matches
    // must compile
"""

import re
import subprocess
import sys


def main():
    compiler, include, snippet = sys.argv[1:]
    first = open(snippet).readline()
    expectation = re.match(r"// must (?:(compile)|fail: (.+))$", first)
    if not expectation:
        sys.exit(f"{snippet}: its first line is no expectation")
    command = [compiler, "-std=c++20", "-fsyntax-only", "-fno-math-errno", "-I", include, snippet]
    compilation = subprocess.run(command, capture_output=True, text=True)
    print(compilation.stderr)
    if expectation[1]:
        sys.exit(0 if compilation.returncode == 0 else "it was to compile")
    if compilation.returncode == 0:
        sys.exit("it compiles, and must not")
    errors = [line for line in compilation.stderr.splitlines() if "error:" in line]
    if not any(re.search(expectation[2], line) for line in errors):
        sys.exit(f"the error says nothing like: {expectation[2]}")


if __name__ == "__main__":
    main()
