"""The guards of the house find what is planted for them: guards_test.py LAYERS HYGIENE DOCS PROGRAM"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

LAYERS, HYGIENE, DOCS, PROGRAM = sys.argv[1:5]


class Guards(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def plant(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run_guard(self, script):
        done = subprocess.run([sys.executable, script, self.root], capture_output=True, text=True)
        return done.returncode, done.stdout

    def plant_layers(self, readmes):
        """Two layers; readmes: the line of each folder that names what it uses."""
        self.plant("perdita/layers.txt", "# lowest first\n" + "\n".join(readmes) + "\n")
        for folder, uses in readmes.items():
            self.plant(f"perdita/{folder}/README.md", f"# {folder}\n\nUses: {uses}.\n")

    def test_layers(self):
        self.plant_layers({"core": "the standard library only", "math": "`core`"})
        self.plant("perdita/core/error.hpp", "")
        self.plant("perdita/math/pack.hpp", '#include "perdita/core/error.hpp"\n')
        self.assertEqual(self.run_guard(LAYERS)[0], 0)
        self.plant("perdita/core/up.hpp", "#include <perdita/math/pack.hpp>\n")
        status, out = self.run_guard(LAYERS)
        self.assertEqual(status, 1)
        self.assertIn("perdita/core/up.hpp: includes perdita/math/pack.hpp, which is not in a lower layer", out)

    def test_circles(self):
        self.plant_layers({"core": "the standard library only"})
        self.plant("perdita/core/a.hpp", '#include "perdita/core/b.hpp"\n')
        self.plant("perdita/core/b.hpp", '#include "perdita/core/a.hpp"\n')
        status, out = self.run_guard(LAYERS)
        self.assertEqual(status, 1)
        self.assertIn("circle: perdita/core/a.hpp -> perdita/core/b.hpp -> perdita/core/a.hpp", out)

    def test_folders_without_a_layer_and_files_that_are_not_there(self):
        self.plant_layers({"math": "`core`"})
        self.plant("perdita/attic/a.hpp", "")
        self.plant("perdita/math/a.hpp", '#include "perdita/core/gone.hpp"\n')
        status, out = self.run_guard(LAYERS)
        self.assertEqual(status, 1)
        self.assertIn("folder 'attic' is not in perdita/layers.txt", out)
        self.assertIn("includes perdita/core/gone.hpp, which does not exist", out)

    def test_readmes_of_folders(self):
        self.plant_layers({"core": "the standard library only", "math": "the standard library only"})
        self.plant("perdita/core/error.hpp", "")
        self.plant("perdita/math/pack.hpp", '#include "perdita/core/error.hpp"\n')
        status, out = self.run_guard(LAYERS)
        self.assertEqual(status, 1)
        self.assertIn("perdita/math/README.md: should have a line 'Uses: `core`.'", out)
        self.plant("perdita/core/README.md", "line\n" * 31)
        self.assertIn("perdita/core/README.md: has 31 lines (valid: at most 30)", self.run_guard(LAYERS)[1])
        (self.root / "perdita/core/README.md").unlink()
        self.assertIn("perdita/core/README.md: is missing", self.run_guard(LAYERS)[1])

    def test_hygiene(self):
        subprocess.run(["git", "init", "-q", self.root], check=True)
        self.plant("a.cpp", "int a;\n")
        self.assertEqual(self.run_guard(HYGIENE)[0], 0)
        # What is forbidden is forbidden here, too: without its underscore.
        for text in ('const char* p = "/ho_me/me/x";\n', "// TO_DO: later\n", "set(FLAGS -ffast_-math)\n"):
            self.plant("a.cpp", text.replace("_", ""))
            self.assertEqual(self.run_guard(HYGIENE)[0], 1, text)

    def test_docs(self):
        self.plant("docs/index.md", "# Start\n\n```{toctree}\n:hidden:\n\nguide\napi/cpp/index\n```\n")
        self.plant("docs/guide.md", "# The guide\n\n[up](index.md#start), [code](#the-guide), `[no](link.md)`\n")
        self.plant("docs/api/cpp/index.rst", "C++\n===\n\n.. cpp-header:: perdita/a.hpp\n")
        self.plant("perdita/perdita.hpp", '#include "perdita/a.hpp"\n')
        self.plant("perdita/a.hpp", "")
        self.assertEqual(self.run_guard(DOCS)[0], 0)
        self.plant("docs/guide.md", "[away](gone.md), [heading](index.md#end)\n")
        self.plant("docs/lost.md", "# Lost\n")
        self.plant("docs/api/cpp/index.rst", ".. cpp-header:: perdita/b.hpp\n\n:doc:`there <../gone>`\n")
        self.plant("python/perdita/extra.py", "")
        status, out = self.run_guard(DOCS)
        self.assertEqual(status, 1)
        for complaint in (
            "docs/guide.md: links to gone.md, which does not exist",
            "docs/guide.md: links to index.md#end, which has no such heading",
            "docs/lost: is in no table of contents",
            "index.rst: refers to the page api/gone, which does not exist",
            "perdita/a.hpp: is part of perdita.hpp, but of no page in docs/api/cpp",
            "docs/api/cpp: describes perdita/b.hpp, which does not exist",
            "perdita.extra: has no page in docs/api/python",
        ):
            self.assertIn(complaint, out)

    def test_unknown_instruction_sets_are_refused(self):
        done = subprocess.run(
            [PROGRAM, "version"], env={**os.environ, "PERDITA_ISA": "sse5"}, capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("PERDITA_ISA is 'sse5' (valid: baseline, avx2, avx512)", done.stderr)


unittest.main(argv=sys.argv[:1])
