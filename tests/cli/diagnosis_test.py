"""What is said of a run that has nothing to learn, of data that are merely noisy, and of losses near 0."""

import json
import math
import random
import re

from harness import CliTest, main


class Diagnosis(CliTest):
    def csv(self, rows, header="a,b,y"):
        self.write("data.csv", header + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
        return "csv:data.csv"

    def train(self, rows, *words, header="a,b,y"):
        """The result, and the warnings."""
        run = f"run-{random.random()}"
        words = ["--data", self.csv(rows, header), "--charts", "none", "--out", run, "--json", "--quiet", *words]
        out, err = self.run_cli("train", *words)
        return json.loads(out), err

    def noise(self, rows, draw, size=1.5, features=5):
        """Labels drawn from a logistic model."""
        for _ in range(rows):
            x = [draw.gauss(0, 1) for _ in range(features)]
            yield [
                *(f"{v:.6f}" for v in x),
                int(draw.random() < 1 / (1 + math.exp(-size * sum(x) / math.sqrt(features)))),
            ]

    def test_targets_that_are_all_the_same(self):
        draw = random.Random(1)
        rows = [[draw.random(), draw.random()] for _ in range(200)]
        for targets, words, says in (
            (["cat"] * 200, [], "every label is cat"),
            ([1] * 200, ["--data", "csv:data.csv,target=y,task=multiclass"], "every label is 1"),
            ([0.1] * 200, [], "every target is 0.1"),
            ([1e9 + 0.25] * 200, [], "every target is 1e+09"),
            (["cat"] * 196 + ["dog"] * 4, [], "labels but"),
        ):
            with self.subTest(targets[0]):
                self.csv([[*row, y] for row, y in zip(rows, targets, strict=True)])
                data = words or ["--data", "csv:data.csv,target=y"]
                run = f"same-{targets[0]}-{targets[-1]}"
                out, err = self.run_cli("train", *data, "--epochs", "4", "--charts", "none", "--out", run, "--json")
                found = json.loads(out)["diagnosis"]
                self.assertEqual([finding["issue"] for finding in found], ["nothing_to_learn"])
                self.assertIn(says, found[0]["text"])
                self.assertIn("there is nothing to learn", err)
                self.assertIn(b"nothing to learn", self.read(f"{run}/report.html"))
                if "r2" in json.loads(out)["test"]:
                    self.assertIsNone(json.loads(out)["test"]["r2"])

    def test_classes_and_inputs_that_tell_nothing(self):
        draw = random.Random(2)
        rows = [[draw.random(), 7, "ab"[i % 2]] for i in range(200)]
        _, err = self.train(rows, "--epochs", "2")
        self.assertIn("1 of the inputs (b) is the same in every training sample", err)
        rows = [[draw.random(), draw.random(), "ab"[i % 2]] for i in range(195)] + [[0.5, 0.5, "rare"]] * 5
        _, err = self.train(rows, "--epochs", "2", "--val-fraction", "0.02")
        self.assertIn("there are no validation samples of class rare", err)
        rows = [[draw.random(), draw.random(), "ab"[i % 2]] for i in range(200)]
        self.assertEqual(self.train(rows, "--epochs", "2")[1], "")

    def test_noise_of_the_data_is_no_issue(self):
        for seed in (3, 4):
            draw = random.Random(seed)
            for rows in (
                list(self.noise(2000, draw)),
                [[*(f"{v:.6f}" for v in x), f"{sum(x) / math.sqrt(10) + math.sqrt(0.5) * draw.gauss(0, 1):.6f}"]
                 for x in ([draw.gauss(0, 1) for _ in range(5)] for _ in range(2000))],
            ):  # fmt: skip
                result, _ = self.train(rows, header="a,b,c,d,e,y")
                self.assertEqual(result["diagnosis"], [])

    def test_wrong_labels_and_too_small_a_model_are_still_found(self):
        for words, issue in (
            ("--data synthetic:blobs,classes=4 --hidden 64 --lr 0.003 --epochs 15 --label-noise 0.2", "wrong_labels"),
            ("--data synthetic:circles --hidden none --lr 0.02 --epochs 40", "underfitting"),
        ):
            out, _ = self.run_cli("train", *words.split(), "--charts", "none", "--json", "--out", issue)
            self.assertIn(issue, [finding["issue"] for finding in json.loads(out)["diagnosis"]])

    def test_intervals_of_losses_end_at_0(self):
        draw = random.Random(5)
        rows = []
        for i in range(150):  # two classes far apart, and a few samples between
            y = i % 2
            x = 4 * y + draw.gauss(0, 0.3) if i > 3 else 2 * draw.random() + 1
            rows.append([f"{x:.5f}", f"{draw.random():.5f}", y])
        for seed in range(4):
            result, _ = self.train(rows, "--epochs", "60", "--seed", str(seed), "--test-fraction", "0.1")
            low, high = result["test"]["loss_interval"]
            self.assertGreaterEqual(low, 0)
            self.assertGreater(high, result["test"]["loss"])
        self.write("p.csv", "".join(f"{v},{-v}\n" for v in [5] * 6 + [-1]))
        self.write("y.csv", "0\n" * 7)
        out, _ = self.run_cli("evaluate", "--predictions", "p.csv", "--targets", "y.csv", "--json")
        self.assertEqual(json.loads(out)["losses"]["interval"][0], 0)
        out, _ = self.run_cli("evaluate", "--predictions", "p.csv", "--targets", "y.csv")
        self.assertTrue(re.search(r"95 % interval 0 to", out), out)


main()
