"""perdita check, and training with a formula."""

import json
import pathlib
import xml.etree.ElementTree

from harness import CliTest, main

FOCAL = "alpha*(1-exp(-b))^gamma*b where b = softplus(y) - t*y; alpha = 0.25; gamma = 2"


class Check(CliTest):
    def test_tells_of_a_sound_loss(self):
        out, _ = self.run_cli("check", "(y - t)^2")
        for line in (
            "loss             (y - t)^2",
            "derivative       2 * (y - t)",
            "smooth ",
            "finite ",
            "convex ",
            "bounded below",
        ):
            self.assertIn(line, out)
        self.assertIn("t = 1:  * loss   . derivative", out)

    def test_finds_faults_as_json(self):
        out, _ = self.run_cli("check", "log(1 + exp(-y * t))", "--json", "--targets", "1")
        found = json.loads(out)
        self.assertEqual({finding["kind"] for finding in found["findings"]}, {"not finite"})
        in_float = next(f for f in found["findings"] if "float32" in f["text"])
        self.assertAlmostEqual(in_float["input"], -10000)
        self.assertIn("up to -88.72", in_float["text"])
        self.assertLess(found["worst_difference"], 1e-7)

    def test_shows_rounding_errors_and_the_stable_form(self):
        out, _ = self.run_cli("check", "log(1 + exp(-t*y)) [t = -1, 1]")
        for line in (
            "rounding errors for t = -1, 1:",
            "value, float32 ",
            "worst before ",
            "stable form      softplus(-t * y)",
            "to train with it --loss 'formula: log(1 + exp(-t*y)) [t = -1, 1]; stabilize=yes'",
        ):
            self.assertIn(line, out)
        out, _ = self.run_cli("check", "abs(y - t)", "--json")
        rounding = json.loads(out)["rounding"]
        self.assertFalse(rounding["is_changed"])
        self.assertLess(rounding["errors"][0]["before"]["share_above_4_ulp"], 0.01)
        out, _ = self.run_cli("check", "log(-1 - y^2)")
        self.assertIn("rounding errors  not measured: stabilize: the formula is not defined at any of", out)

    def test_takes_a_formula_that_begins_with_a_minus(self):
        out, _ = self.run_cli("check", "-t * (1 - p)^2 * log_p", "--range", "-3..3")
        self.assertIn("where z is the logit of the true class", out)
        self.assertIn("not convex", out)

    def test_draws_a_picture(self):
        self.run_cli("check", "formula: " + FOCAL, "--svg", "focal.svg", "--targets", "0,1")
        picture = self.read("focal.svg").decode()
        xml.etree.ElementTree.fromstring(picture)
        self.assertIn("derivative, t = 1", picture)

    def test_wrong_usage(self):
        self.fails(2, "check", says=["the formula is missing", "perdita check 'abs"])
        self.fails(2, "check", "sigmod(y)", says=["did you mean 'sigmoid'?", "  sigmod(y)\n  ^"])
        self.fails(2, "check", "t + 1", says=["does not depend on y"])
        self.fails(2, "check", "y", "--range", "3", says=["LOW..HIGH"])
        self.fails(2, "check", "y", "--range", "3..1", says=["LOW below HIGH"])
        self.fails(2, "check", "y", "--targets", "a", says=["'a' is not a number"])
        self.fails(1, "check", "y", "--svg", "nowhere/a.svg", says=["nowhere"])


class Training(CliTest):
    TRAIN = ("train", "--data", "synthetic:moons,samples=400", "--epochs", "3", "--seed", "2")

    def train(self, loss, out):
        self.run_cli(*self.TRAIN, "--loss", loss, "--out", out)
        return [entry["train_loss"] for entry in self.history(out) if entry["kind"] == "epoch"]

    def test_trains_as_the_built_in_loss_does(self):
        ours, known = self.train("formula: " + FOCAL, "a"), self.train("binary_focal:alpha_by_class=no", "b")
        self.assertEqual(len(ours), 3)
        for a, b in zip(ours, known, strict=True):
            self.assertAlmostEqual(a, b, delta=1e-4 * b)
        of_classes, cross_entropy = self.train("formula: -t * log_p", "c"), self.train("cross_entropy", "d")
        for a, b in zip(of_classes, cross_entropy, strict=True):
            self.assertAlmostEqual(a, b, delta=1e-4 * b)

    def test_the_run_keeps_the_formula(self):
        self.train("formula: " + FOCAL, "a")
        self.assertEqual(json.loads(self.read("a/config.json"))["loss"], "formula: " + FOCAL)
        self.assertIn(FOCAL, self.read("a/report.html").decode())

    def test_trains_with_the_stable_form(self):
        naive = "formula: -t*log(p) - (1-t)*log(1-p) where p = 1/(1+exp(-y))"
        stable = self.train(naive + " [t in 0..1]; stabilize=yes", "a")
        for a, b in zip(stable, self.train("binary_cross_entropy_with_logits", "b"), strict=True):
            self.assertAlmostEqual(a, b, delta=1e-5 * b)
        kept = json.loads(self.read("a/config.json"))["loss"]
        self.assertIn("softplus", kept)
        self.assertNotIn("stabilize", kept)
        self.run_cli("compare", "--data", "synthetic:moons,samples=200", "--epochs", "1", "--out", "c", "--losses",
                     f"{naive} [t in 0..1]; stabilize=yes; binary_focal")  # fmt: skip
        configurations = pathlib.Path(self.path("c")).rglob("config.json")
        self.assertEqual(sum("softplus" in path.read_text() for path in configurations), 3)  # one per seed
        self.fails(2, *self.TRAIN, "--loss", "formula: y^2 [y > 0]", says=["without stabilize=yes"])
        self.fails(2, *self.TRAIN, "--loss", "formula: y^2; stabilize=maybe", says=["valid: yes, no"])

    def test_evaluates_with_a_formula(self):
        self.write("p.csv", "1\n3\n")
        self.write("y.csv", "0\n0\n")
        out, _ = self.run_cli("evaluate", "--predictions", "p.csv", "--targets", "y.csv", "--loss", "formula: (y - t)^2",
                              "--header", "no", "--json")  # fmt: skip
        self.assertEqual(json.loads(out)["losses"]["mean"], 5)

    def test_says_where_a_formula_does_not_fit(self):
        self.fails(2, "train", "--data", "synthetic:blobs", "--loss", "formula: (y - t)^2", says=["log_p"])
        self.fails(2, *self.TRAIN, "--loss", "formula: (y - t", says=["expected ')'"])

    def test_is_compared_with_other_losses(self):
        self.run_cli("compare", "--data", "synthetic:moons,samples=200", "--epochs", "1", "--out", "c", "--losses",
                     f"formula: {FOCAL}; binary_focal")  # fmt: skip
        self.assertIn("gamma = 2", self.read("c/comparison.csv").decode())


main()
