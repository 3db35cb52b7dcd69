"""Losses of masks and several quantiles at once, from the command line: where they make sense, and the errors."""

import json
import math
import random
import struct

from harness import CliTest, main, npy


def floats(rows):
    return b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)


def dice(logits, targets, smooth=1.0):
    """Of one mask, ignored pixels left out."""
    pixels = [(1 / (1 + math.exp(-y)), t) for y, t in zip(logits, targets, strict=True) if t != -100]
    both = sum(p * t for p, t in pixels)
    return 1 - (2 * both + smooth) / (sum(p for p, _ in pixels) + sum(t for _, t in pixels) + smooth)


class Masks(CliTest):
    def setUp(self):
        super().setUp()
        draw = random.Random(5)
        self.logits = [[draw.gauss(0, 2) for _ in range(6)] for _ in range(40)]
        self.masks = [[float(draw.random() < 0.4) for _ in range(6)] for _ in range(40)]
        self.write("p.npy", npy("<f4", (40, 6), floats(self.logits)))
        self.write("masks.npy", npy("<f4", (40, 6), floats(self.masks)))
        self.write("labels.npy", npy("<i8", (40,), struct.pack("<40q", *[i % 3 for i in range(40)])))

    def evaluate(self, *words, predictions="p.npy", targets="masks.npy"):
        command = ["evaluate", "--predictions", predictions, "--targets", targets, "--json", "--quiet"]
        return json.loads(self.run_cli(*command, *words)[0])

    def test_evaluation_has_a_loss_a_row(self):
        losses = [dice(y, t) for y, t in zip(self.logits, self.masks, strict=True)]
        result = self.evaluate("--loss", "dice")
        self.assertAlmostEqual(result["losses"]["mean"], sum(losses) / 40, 6)
        self.assertEqual(result["counted"], 40)
        hardest = max(range(40), key=lambda i: losses[i])
        self.assertEqual(result["hardest"][0]["index"], hardest)
        self.masks[7][2] = -100.0
        self.write("ignored.npy", npy("<f4", (40, 6), floats(self.masks)))
        found = self.evaluate("--loss", "dice:smooth=0.5", targets="ignored.npy")["losses"]["mean"]
        self.assertAlmostEqual(
            found, sum(dice(y, t, 0.5) for y, t in zip(self.logits, self.masks, strict=True)) / 40, 6
        )

    def test_evaluation_says_what_does_not_fit(self):
        command = ["evaluate", "--predictions", "p.npy", "--targets"]
        self.fails(1, *command, "labels.npy", "--loss", "dice", says=["valid for dice: equal"])
        self.fails(2, *command, "masks.npy", "--loss", "dice:batch=true", says=["batch=true", "valid: false"])
        self.masks[3][1] = 0.5
        self.write("soft.npy", npy("<f4", (40, 6), floats(self.masks)))
        self.assertGreater(self.evaluate("--loss", "tversky", targets="soft.npy")["losses"]["mean"], 0)
        self.fails(1, *command, "soft.npy", "--loss", "lovasz", says=["row 3 holds 0.5", "valid for lovasz: 0 or 1"])

    def test_training_on_rows(self):
        """Masks that follow from the inputs: the loss falls to a fraction."""
        draw = random.Random(6)
        inputs = [[draw.gauss(0, 1) for _ in range(4)] for _ in range(300)]
        masks = [[float(x[k % 4] > 0) for k in range(8)] for x in inputs]
        self.write("x.npy", npy("<f4", (300, 4), floats(inputs)))
        self.write("y.npy", npy("<f4", (300, 8), floats(masks)))
        for loss in ("dice", "lovasz"):
            command = ["train", "--data", "npy:x.npy,y.npy", "--loss", loss, "--epochs", "40", "--out", loss, "--json"]
            self.run_cli(*command)
            epochs = [r for r in self.history(loss) if r["kind"] == "epoch"]
            self.assertLess(epochs[-1]["train_loss"], 0.5 * epochs[0]["train_loss"])
        self.fails(
            2, "train", "--data", "synthetic:moons", "--loss", "dice", "--out", "r", says=["does not support", "valid:"]
        )
        self.fails(2, "train", "--data", "npy:x.npy,y.npy", "--loss", "dice:multilabel=1", "--out", "r",
                   says=["multilabel=true", "valid: false"])  # fmt: skip

    def test_training_with_several_quantiles(self):
        draw = random.Random(7)
        inputs = [[draw.uniform(-1, 1)] for _ in range(1000)]
        targets = [2 * x[0] + draw.gauss(0, 1) for x in inputs]
        self.write("x.npy", npy("<f4", (1000, 1), floats(inputs)))
        self.write("y.npy", npy("<f4", (1000,), floats([targets])))
        out, _ = self.run_cli("train", "--data", "npy:x.npy,y.npy", "--loss", "quantile:q=0.05/0.5/0.95", "--epochs", "20",
                              "--hidden", "8", "--out", "run")  # fmt: skip
        self.assertIn("1-8-3", out)
        config = json.loads(self.read("run/config.json"))
        self.assertEqual(config["loss"], "quantile:q=0.05/0.5/0.95")
        test = [r for r in self.history("run") if r["kind"] == "test"][0]
        # Of normal noise: the mean of 0.103, 0.399 and 0.103.
        self.assertLess(abs(test["loss"] - 0.2017), 0.05)
        self.fails(2, "evaluate", "--predictions", "p.npy", "--targets", "masks.npy", "--loss", "quantile:q=0.1/0.9",
                   says=["several values of q", "valid: one q"])  # fmt: skip

    def test_explanations(self):
        out, _ = self.run_cli("explain", "dice")
        self.assertIn("(fp + fn) / (2 * tp + 1 + (fp + fn))", out)
        out, _ = self.run_cli("explain", "quantile:q=0.1/0.9")
        self.assertIn("quantile:q=0.1/0.9", out)


main()
