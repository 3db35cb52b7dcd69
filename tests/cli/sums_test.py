"""Sums of losses from the command line: histories and reports of the parts, evaluations, and the errors."""

import json
import math
import random
import struct

from harness import CliTest, main, npy


class Sums(CliTest):
    def setUp(self):
        super().setUp()
        draw = random.Random(7)
        self.logits = [[draw.gauss(0, 2) for _ in range(3)] for _ in range(50)]
        self.labels = [draw.randrange(3) for _ in range(50)]
        self.write("p.npy", npy("<f4", (50, 3), b"".join(struct.pack("<3f", *row) for row in self.logits)))
        self.write("y.npy", npy("<i8", (50,), struct.pack("<50q", *self.labels)))

    def train(self, loss, *words):
        return self.run_cli(
            "train",
            "--data",
            "synthetic:blobs,samples=200",
            "--loss",
            loss,
            "--epochs",
            "4",
            "--out",
            "run",
            "--quiet",
            *words,
        )

    def test_training_records_the_parts(self):
        self.train("cross_entropy + linear(0,1,epochs=2)*focal:gamma=3")
        epochs = [record for record in self.history("run") if record["kind"] == "epoch"]
        self.assertEqual([record["weight.focal"] for record in epochs], [0, 0.5, 1, 1])
        for record in epochs:
            for kind in ("train_loss", "val_loss"):
                total = record[f"{kind}.cross_entropy"] + record["weight.focal"] * record[f"{kind}.focal"]
                self.assertAlmostEqual(record[kind], total, 5)
        (test,) = (record for record in self.history("run") if record["kind"] == "test")
        self.assertAlmostEqual(test["loss"], test["loss.cross_entropy"] + test["loss.focal"], 5)
        page = self.read("run/report.html").decode()
        self.assertIn("Parts of the loss", page)
        self.assertNotIn("best: epoch", page)
        config = json.loads(self.read("run/config.json"))
        self.assertEqual(config["loss"], "cross_entropy + linear(0,1,epochs=2)*focal:gamma=3")

    def test_learned_weights_resume(self):
        self.train("learned*cross_entropy + learned*focal")
        whole = self.history("run")
        self.assertNotEqual(whole[-2]["parameter.log_variance_focal"], 0)
        self.run_cli("train", "--resume", "run", "--epochs", "5", "--quiet")
        self.assertEqual(
            [r for r in self.history("run") if r["kind"] == "epoch"][:4], [r for r in whole if r["kind"] == "epoch"]
        )

    def test_losses_of_changing_weights_are_not_compared(self):
        self.train("linear(0,4,epochs=3)*cross_entropy")
        weights = [line["weight.cross_entropy"] for line in self.history("run") if line["kind"] == "epoch"]
        self.assertEqual([weights[0], weights[-1]], [0, 4])
        issues = [found["issue"] for found in json.loads(self.read("run/diagnosis.json"))["findings"]]
        self.assertEqual({"lr_too_large", "divergence"} & set(issues), set())

    def test_evaluation_reports_the_parts(self):
        command = ["evaluate", "--predictions", "p.npy", "--targets", "y.npy", "--json", "--quiet", "--loss"]
        result = json.loads(self.run_cli(*command, "0.7*cross_entropy + 0.3*focal:gamma=3")[0])
        log_p = [z[y] - math.log(sum(map(math.exp, z))) for z, y in zip(self.logits, self.labels, strict=True)]
        parts = [sum(-u for u in log_p) / 50, sum(-u * (1 - math.exp(u)) ** 3 for u in log_p) / 50]
        self.assertAlmostEqual(result["parts"]["cross_entropy"]["mean"], parts[0], 5)
        self.assertAlmostEqual(result["parts"]["focal"]["mean"], parts[1], 5)
        self.assertAlmostEqual(result["losses"]["mean"], 0.7 * parts[0] + 0.3 * parts[1], 5)
        self.fails(2, *command, "cross_entropy + learned*focal", says=["learned"])
        self.fails(2, *command, "cross_entropy + mse", says=["do not read the same prediction and target"])

    def test_comparison_and_explanation(self):
        losses = "cross_entropy; cross_entropy + linear(0,1,epochs=2)*focal:gamma=3"
        self.run_cli(
            "compare",
            "--data",
            "synthetic:blobs,samples=100",
            "--losses",
            losses,
            "--epochs",
            "2",
            "--out",
            "c",
            "--quiet",
        )
        text = self.run_cli("explain", "0.7*cross_entropy + learned*focal")[0]
        for part in ("0.7*cross_entropy", "learned*focal", "exp(-s)"):
            self.assertIn(part, text)

    def test_errors(self):
        command = ["train", "--data", "synthetic:blobs", "--loss"]
        changing = "cross_entropy + step(0,1,epochs=2)*focal"
        self.fails(2, *command, changing, "--patience", "3", says=["patience is 3", "weights"])
        self.fails(2, *command, "0.7*cross_entropi", says=["did you mean 'cross_entropy'"])


main()
