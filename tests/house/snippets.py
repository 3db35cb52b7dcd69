"""Builds and runs the C++ of a page, as it is written, as a project that uses the installed library.

usage: snippets.py PAGE WORK_FOLDER STAGED_PREFIX LAUNCHER CMAKE CXX

A block with a main() is a program. Of the others one program is made: includes, using lines and functions stand before
its main(), the statements of each block in a scope within.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

FILE_SCOPE = re.compile(r"#include|using |namespace |[A-Z]\w* \w+\(.*\) \{ .* \}$")
# What the text around the blocks supposes to be there.
SUPPOSED = """\
  Tensor output = Tensor::from({0.5f, 2.0f, -1.0f}), target = Tensor::from({0.0f, 2.0f, 1.0f});
  std::vector<float> outputs{0.5f, 2.0f, -1.0f}, targets{0, 2, 1}, gradient(3);
"""


def program_of(blocks, preamble):
    before, scopes = list(preamble), []
    for block in blocks:
        lines = block.splitlines()
        before += [line for line in lines if FILE_SCOPE.match(line)]
        scopes.append("\n".join(line for line in lines if not FILE_SCOPE.match(line)))
    scopes = "".join(f"  {{\n{scope}\n  }}\n" for scope in scopes)
    return "\n".join(dict.fromkeys(before)) + f"\n#include <vector>\n\nint main() {{\n{SUPPOSED}{scopes}}}\n"


def main():
    page, work, staged, launcher, cmake, cxx = sys.argv[1:]
    work = pathlib.Path(work)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    blocks = re.findall(r"^```(cpp|cmake)\n(.*?)^```", pathlib.Path(page).read_text(), re.MULTILINE | re.DOTALL)
    project = next(block for language, block in blocks if language == "cmake")
    code = [block for language, block in blocks if language == "cpp"]
    whole = [block for block in code if "int main()" in block]
    preamble = [line for block in whole for line in block.splitlines() if FILE_SCOPE.match(line)]
    programs = dict(zip(re.findall(r"add_executable\((\w+)", project), whole, strict=True))
    for name, source in programs.items():
        (work / f"{name}.cpp").write_text(source)
    (work / "program.cpp").write_text(program_of([block for block in code if block not in whole], preamble))
    lists = "" if "project(" in project else "cmake_minimum_required(VERSION 3.25)\nproject(page LANGUAGES CXX)\n"
    if "(program " in project:
        lists += "add_executable(program program.cpp)\n" + project
    else:
        lists += project + "add_executable(program program.cpp)\n"
        lists += "target_link_libraries(program PRIVATE perdita::perdita)\n"
    (work / "CMakeLists.txt").write_text(lists)
    build = work / "build"
    subprocess.run(
        [
            cmake,
            "-S",
            work,
            "-B",
            build,
            "-G",
            "Ninja",
            f"-DCMAKE_CXX_COMPILER={cxx}",
            f"-DCMAKE_CXX_COMPILER_LAUNCHER={launcher}",
            f"-DCMAKE_PREFIX_PATH={staged}",
        ],
        check=True,
    )
    subprocess.run([cmake, "--build", build, "-j", "2"], check=True)
    for name in [*programs, "program"]:
        # One thread: those of a busy machine wait for each other.
        subprocess.run([build / name], env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True)


if __name__ == "__main__":
    main()
