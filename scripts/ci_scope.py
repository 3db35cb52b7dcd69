"""What .ci/run has to build and test for the changes since the base: prints one word, and why to stderr.

    all        everything: files other than documentation changed, or there is nothing to compare with
    commands   documentation, of which the commands or C++ code are run, or which the command line writes
    docs       other documentation

The base is the commit that CI_BASE names, the last one before a push; without it, where the branch left the main branch.
On the main branch the number of commits of a push is not known: everything is run there unless CI_BASE is set.
Uncommitted changes count.
"""

import os
import re
import sys

from clang_tidy_changed import branch_point, git

DOCUMENTATION = re.compile(r"docs/(?!conf\.py|extensions/).*|(.*/)?[^/]*\.md")
OF_COMMANDS = re.compile(r"README\.md|docs/(getting-started|reference)/.*")


def scope():
    given = os.environ.get("CI_BASE")
    start = git("rev-parse", "--verify", "--quiet", given + "^{commit}") if given else branch_point()
    if start is None:
        return (
            "all",
            f"CI_BASE={given} is not a commit" if given else "the commit before the changes is not known (CI_BASE)",
        )
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
