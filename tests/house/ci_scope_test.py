"""scripts/ci_scope.py in repositories made for it: only documentation is documentation; in doubt, everything."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(sys.argv.pop(1)).resolve() / "scripts/ci_scope.py"


class CiScope(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.git("init", "-q", "-b", "main")
        self.commit("perdita/a.cpp", "README.md", "docs/guide.md", "docs/conf.py")

    def git(self, *words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, *words], cwd=self.root, check=True, capture_output=True)

    def write(self, *paths):
        for path in paths:
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            with open(self.root / path, "a") as file:
                file.write("more\n")

    def commit(self, *paths):
        self.write(*paths)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change")

    def scope(self, base=None):
        environment = {name: value for name, value in os.environ.items() if name != "CI_BASE"}
        environment |= {"CI_BASE": base} if base else {}
        command = [sys.executable, SCRIPT]
        run = subprocess.run(command, cwd=self.root, env=environment, check=True, capture_output=True, text=True)
        self.assertTrue(run.stderr.strip())
        return run.stdout.strip()

    def test_without_an_earlier_commit(self):
        self.assertEqual(self.scope(), "all")

    def test_the_commit_before_a_push_to_main(self):
        self.commit("docs/guide.md", "CHANGELOG.md", "perdita/core/README.md")
        self.assertEqual(self.scope(), "all")  # how many commits are pushed is not known
        self.assertEqual(self.scope("HEAD~1"), "docs")
        self.assertEqual(self.scope("nowhere"), "all")
        self.commit("README.md")
        self.assertEqual(self.scope("HEAD~1"), "commands")
        self.commit("docs/reference/huber.md")
        self.assertEqual(self.scope("HEAD~1"), "commands")
        self.commit("perdita/a.cpp", "docs/guide.md")
        self.assertEqual(self.scope("HEAD~1"), "all")
        self.commit("docs/guide.md")
        self.assertEqual(self.scope("HEAD~2"), "all")

    def test_all_commits_of_a_branch(self):
        self.git("checkout", "-q", "-b", "branch")
        self.assertEqual(self.scope(), "all")  # nothing differs
        self.commit("docs/guide.md")
        self.assertEqual(self.scope(), "docs")
        self.commit("perdita/a.cpp")
        self.commit("docs/guide.md")
        self.assertEqual(self.scope(), "all")

    def test_moved_and_new_files(self):
        self.commit("docs/guide.md")
        self.git("mv", "perdita/a.cpp", "docs/a.md")
        self.assertEqual(self.scope("HEAD~1"), "all")
        self.git("mv", "docs/a.md", "perdita/a.cpp")
        self.assertEqual(self.scope("HEAD~1"), "docs")
        self.write("perdita/b.hpp")
        self.assertEqual(self.scope("HEAD~1"), "all")

    def test_code_of_the_documentation_is_code(self):
        self.commit("docs/conf.py")
        self.assertEqual(self.scope("HEAD~1"), "all")
        self.commit("docs/extensions/cpp_api.py")
        self.assertEqual(self.scope("HEAD~1"), "all")


if __name__ == "__main__":
    unittest.main()
