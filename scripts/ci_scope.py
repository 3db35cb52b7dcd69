"""What .ci/run has to build and test for the changes since the base: prints one word, and why to stderr.

    all        everything: files other than documentation changed, or there is nothing to compare with
    commands   documentation, of which the commands or C++ code are run, or which the command line writes
    docs       other documentation

The base is that of clang_tidy_changed.py. Uncommitted changes count.
"""

import re
import sys

from clang_tidy_changed import base, git

DOCUMENTATION = re.compile(r"docs/(?!conf\.py|extensions/).*|(.*/)?[^/]*\.md")
OF_COMMANDS = re.compile(r"README\.md|docs/(getting-started|reference)/.*")


def scope():
    start = base()
    if start is None:
        return "all", "git knows no earlier commit to compare with"
    paths = git("diff", "--name-only", "--no-renames", "-z", start)
    untracked = git("ls-files", "--others", "--exclude-standard", "-z")
    if paths is None or untracked is None:
        return "all", f"git cannot compare with {start[:12]}"
    changed = sorted({path for path in (paths + "\0" + untracked).split("\0") if path})
    if not changed:
        return "all", f"nothing differs from {start[:12]}"
    for path in changed:
        if not DOCUMENTATION.fullmatch(path):
            return "all", f"{path} is not documentation"
    only = f"only documentation differs from {start[:12]}: {', '.join(changed)}"
    return ("commands" if any(map(OF_COMMANDS.fullmatch, changed)) else "docs"), only


def main():
    word, why = scope()
    print(word)
    print(why, file=sys.stderr)


if __name__ == "__main__":
    main()
