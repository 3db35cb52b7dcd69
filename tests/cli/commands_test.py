"""perdita losses, explain, version, and what is said to a wrong command."""

import json
import pathlib
import re
import subprocess
import tempfile

from harness import PROGRAM, CliTest, main


class Commands(CliTest):
    def test_help_names_every_command(self):
        out, _ = self.run_cli("--help")
        for name in ("train", "predict", "compare", "evaluate", "weights", "losses", "explain", "check", "version"):
            self.assertRegex(out, rf"(?m)^  {name} ")
            self.assertIn("--help", self.run_cli(name, "--help")[0])

    def test_version(self):
        out, _ = self.run_cli("--version")
        self.assertRegex(out, r"^perdita \d+\.\d+\.\d+\n$")
        self.assertIn("instructions: ", self.run_cli("version")[0])

    def test_every_loss_is_listed_and_explained(self):
        out, _ = self.run_cli("losses", "--json")
        losses = json.loads(out)
        self.assertGreaterEqual(len(losses), 15)
        table, _ = self.run_cli("losses")
        for loss in losses:
            self.assertRegex(table, rf"(?m)^  {loss['name']} ")
            for flags in ([], ["--latex"]):
                text, _ = self.run_cli("explain", loss["name"], *flags)
                # Sequences, images, what sorts pixels, what compares a whole batch and what is made of other losses have no
                # formula of elements.
                has_formula = loss["unit"] not in ("sequence", "event", "group", "image")
                has_formula = has_formula and loss["family"] not in ("box", "contrastive")
                others = (
                    "lovasz",
                    "generalized_dice",
                    "distillation",
                    "logistic_hazard",
                    "distribution_focal",
                    "coral",
                )
                others = (*others, "crps_ensemble")
                what = "Formula" if has_formula and loss["name"] not in others else "Operands"
                for section in (what, "Use it when", "Avoid it when", "Source"):
                    self.assertIn(f"\n{section}\n", text, loss["name"])
            for option in loss["options"]:
                self.assertIn(f"  {option}: ", text)

    def test_explain_shows_the_formula_with_the_options_given(self):
        out, _ = self.run_cli("explain", "huber:delta=2.5")
        formula = re.search(r"Formula\n  (.*)\n", out).group(1)
        self.assertIn("2.5", formula)
        scope = {"abs": abs, "min": min, "y": 4.0, "t": 1.0}
        self.assertEqual(eval(formula, scope), 2.5 * (3 - 1.25))

    def test_the_reference_pages_are_those_of_the_list(self):
        kept = pathlib.Path(__file__).parents[2] / "docs/reference"
        with tempfile.TemporaryDirectory() as folder:
            self.run_cli("explain", "--pages", folder)
            made = {page.name: page.read_text() for page in pathlib.Path(folder).iterdir()}
        self.assertEqual(made, {page.name: page.read_text() for page in kept.iterdir()}, "make reference renews them")

    def test_wrong_usage(self):
        self.fails(2, "tarin", says=["'tarin'", "did you mean 'train'"])
        self.fails(2, "losses", "extra", says=["unexpected argument 'extra'"])
        self.fails(2, "explain", says=["NAME"])
        self.fails(2, "explain", "hubber", says=["'hubber'", "did you mean 'huber'"])
        self.fails(2, "explain", "huber:detla=1", says=["'detla'", "delta"])
        self.fails(2, "train", "--data", "synthetic:moons", "--lss=mse", says=["'--lss=mse'", "did you mean '--loss'"])
        self.assertIn("usage: perdita COMMAND", self.run_cli(status=2)[0])

    def test_output_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([PROGRAM, "losses"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write to standard output", done.stderr)


main()
