"""Compiles a snippet whose first line says what is expected of it, without making code.

usage: no_compile.py COMPILER INCLUDE_FOLDER SNIPPET

    // must fail: REGEX                     the compiler refuses it, an error message matches, and its output has at
                                            most 30 lines
    // must fail in at most N lines: REGEX  the same with another limit
    // must compile
"""

import re
import subprocess
import sys

LINES = 30


def main():
    compiler, include, snippet = sys.argv[1:]
    first = open(snippet).readline()
    expectation = re.match(
        r"// must (?:(?P<compile>compile)|fail(?: in at most (?P<lines>\d+) lines)?: (?P<error>.+))$", first
    )
    if not expectation:
        sys.exit(f"{snippet}: its first line is no expectation")
    options = ["-std=c++20", "-fsyntax-only", "-fno-math-errno", "-Wno-psabi"]
    compilation = subprocess.run([compiler, *options, "-I", include, snippet], capture_output=True, text=True)
    print(compilation.stderr)
    if expectation["compile"]:
        sys.exit(0 if compilation.returncode == 0 else "it was to compile")
    if compilation.returncode == 0:
        sys.exit("it compiles, and must not")
    lines = compilation.stderr.splitlines()
    if not any(re.search(expectation["error"], line) for line in lines if "error:" in line):
        sys.exit(f"the error says nothing like: {expectation['error']}")
    most = int(expectation["lines"] or LINES)
    if len(lines) > most:
        sys.exit(f"the output has {len(lines)} lines, more than {most}")


if __name__ == "__main__":
    main()
