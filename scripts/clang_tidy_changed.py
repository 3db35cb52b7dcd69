"""clang-tidy over the lines that differ from the main branch, of .cpp files and of the headers they include.

usage: clang_tidy_changed.py FOLDER_OF_COMPILE_COMMANDS MOST_FILES

The base is the merge base with origin/main or main; on the main branch itself, the parent commit. Without a base (a
checkout of one commit) nothing is checked: the status is 77. It is 1 if clang-tidy reports anything.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

SKIPPED = 77
SOURCES = ("perdita/*.cpp", "perdita/*.hpp", "cli/*.cpp", "cli/*.hpp", "python/src/*.cpp", "python/src/*.hpp")


def git(*words):
    """The output of a git command, or None if it fails."""
    result = subprocess.run(["git", *words], capture_output=True, text=True)
    return result.stdout.strip() if result.returncode == 0 else None


def branch_point():
    """Where HEAD left the main branch, or None on that branch."""
    head = git("rev-parse", "HEAD")
    for branch in ("origin/main", "main"):
        found = git("merge-base", "HEAD", branch)
        if found and found != head:
            return found
    return None


def base():
    return branch_point() or git("rev-parse", "--verify", "--quiet", "HEAD~1")


def changed_lines(base):
    """Path -> ranges of the lines that differ from the base, uncommitted changes included."""
    ranges, path = {}, None
    for line in git("diff", "-U0", "--no-color", "--diff-filter=d", base, "--", *SOURCES).splitlines():
        if line.startswith("+++ b/"):
            path = line[6:]
        elif found := re.match(r"@@ .*\+(\d+)(?:,(\d+))? @@", line):
            first, count = int(found[1]), int(found[2] or 1)
            if count:
                ranges.setdefault(path, []).append([first, first + count - 1])
    return ranges


def sources_of(paths, compiled):
    """The changed .cpp files, and of a changed header the .cpp file of the same name."""
    candidates = [str(pathlib.Path(path).with_suffix(".cpp")) for path in paths]
    return sorted({path for path in candidates if path in compiled})


def tidy(folder, path, line_filter):
    command = ["clang-tidy-14", "--quiet", "-p", folder, f"--line-filter={line_filter}", path]
    result = subprocess.run(command, capture_output=True, text=True)
    return result.returncode, result.stdout.strip(), result.stderr.strip()


def main():
    folder, most = sys.argv[1], int(sys.argv[2])
    start = base()
    if start is None:
        print("clang-tidy: git knows no earlier commit to compare with")
        return SKIPPED
    ranges = changed_lines(start)
    commands = json.loads(pathlib.Path(folder, "compile_commands.json").read_text())
    compiled = {os.path.relpath(os.path.join(entry["directory"], entry["file"])) for entry in commands}
    sources = sources_of(ranges, compiled)
    if len(sources) > most:
        print(f"clang-tidy: {len(sources)} .cpp files changed, of which only the first {most} are checked")
    print(f"clang-tidy: {min(len(sources), most)} files that differ from {start[:10]}")
    line_filter = json.dumps([{"name": path, "lines": lines} for path, lines in ranges.items()])
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for status, output, errors in pool.map(lambda path: tidy(folder, path, line_filter), sources[:most]):
            if status or output:
                print(output or errors)
                failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
