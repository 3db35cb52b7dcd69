"""perdita weights, and training on classes that differ in size."""

import json
import struct

from harness import CliTest, main
from harness import npy as npy_bytes

COUNTS = [900, 90, 10]


def npy(descr, shape, numbers):
    codes = {"<i8": "q", "|u1": "B", "<f8": "d", "<f4": "f"}
    return npy_bytes(descr, shape, struct.pack(f"<{len(numbers)}{codes[descr]}", *numbers))


def effective_number(beta, counts):
    """Equation 3 of Cui et al. 2019, normalised to sum to the number of classes."""
    raw = [(1 - beta) / (1 - beta**n) for n in counts]
    return [len(raw) * w / sum(raw) for w in raw]


class Weights(CliTest):
    def labels(self):
        return self.write("labels.npy", npy("<i8", (1000,), [c for c, n in enumerate(COUNTS) for _ in range(n)]))

    def weights(self, *words):
        return json.loads(self.run_cli("weights", *words, "--json")[0])

    def test_schemes(self):
        labels = self.labels()
        root = [n**-0.5 for n in COUNTS]
        for scheme, expected in {
            "balanced": [1000 / (3 * n) for n in COUNTS],
            "inverse": [3 / n / sum(1 / m for m in COUNTS) for n in COUNTS],
            "inverse_sqrt": [3 * r / sum(root) for r in root],
            "effective_number:0.99": effective_number(0.99, COUNTS),
        }.items():
            found = self.weights(labels, "--scheme", scheme)
            self.assertEqual(found["counts"], COUNTS)
            for got, want in zip(found["weights"], expected, strict=True):
                self.assertAlmostEqual(got / want, 1, places=12, msg=scheme)
        capped = self.weights(labels, "--scheme", "balanced,cap=10")["weights"]
        self.assertAlmostEqual(max(capped) / min(capped), 10, places=12)

    def test_words_counts_and_classes_without_samples(self):
        self.write("animals.csv", 'id,species\n1,cat\n2,"dog, old"\n3,cat\n')
        found = self.weights("animals.csv:species")
        self.assertEqual((found["classes"], found["counts"]), (["cat", "dog, old"], [2, 1]))
        self.write("regions.csv", "NA\nEU\nEU\n")  # among words it is one
        self.assertEqual(self.weights("regions.csv")["classes"], ["EU", "NA"])
        self.write("quoted.csv", '"the\nlabel";id\n3;7\n1;8\n')
        self.assertEqual(self.weights("quoted.csv:0")["counts"], [0, 1, 0, 1])
        self.write("counts.txt", "900\n90\n10\n")
        self.assertEqual(self.weights("counts.txt", "--counts"), self.weights(self.labels()))
        self.assertEqual(self.weights(self.labels(), "--num-classes", "4")["weights"][3], 0)
        self.assertEqual(self.weights(self.labels(), "--ignore-index", "0")["counts"], [0, 90, 10])

    def test_pos_weight(self):
        self.write("tags.npy", npy("|u1", (4, 2), [1, 0, 1, 0, 0, 0, 1, 1]))
        self.assertEqual(self.weights("tags.npy", "--pos-weight")["weights"], [1 / 3, 3])
        self.assertEqual(self.weights("tags.npy", "--pos-weight", "--cap", "2")["weights"], [1 / 2, 2])

    def test_table_and_file(self):
        out, _ = self.run_cli("weights", self.labels(), "--out", "weights.txt")
        self.assertRegex(out, r"(?m)^2 +10 +33\.3333$")
        self.assertIn("90 times the smallest", out)
        self.assertEqual([float(w) for w in self.read("weights.txt").split()], self.weights("labels.npy")["weights"])

    def test_bad_input(self):
        labels = self.labels()
        self.fails(2, "weights", says=["the file with the labels is missing"])
        self.fails(2, "weights", labels, "--scheme", "balancd", says=["'balancd'", "did you mean 'balanced'"])
        self.fails(2, "weights", labels, "--scheme", "effective_number:1", says=["beta", "below 1"])
        self.fails(2, "weights", labels, "--cap", "3", says=["--cap requires --pos-weight"])
        self.fails(
            2,
            "weights",
            labels,
            "--pos-weight",
            "--scheme",
            "inverse",
            says=["--pos-weight cannot be combined with --scheme"],
        )
        self.fails(1, "weights", labels, "--num-classes", "2", says=["label[", "is 2", "0..1"])
        self.write("halves.npy", npy("<f8", (2,), [1, 1.5]))
        self.fails(1, "weights", "halves.npy", says=["row 1", "1.5", "integers"])
        for first in ("nan", "NA", "?"):  # is no header
            self.write("missing.csv", f"{first}\n0\n1\n1\n")
            self.fails(1, "weights", "missing.csv", says=[f"a label is missing, got '{first}'"])
        self.write("table.csv", "a,b\n1,2\n")
        self.fails(1, "weights", "table.csv", says=["2 columns", "'a'", "'b'"])


class Training(CliTest):
    DATA = "synthetic:blobs,samples=3000,classes=3"

    def train(self, *words, out):
        words = ("--data", self.DATA, "--hidden", "none", "--epochs", "2", *words, "--out", out)
        return self.run_cli("train", *words)

    def three_classes(self):
        """300 samples to train on, 300 to test with; as many of each class."""
        labels = [i % 3 for i in range(600)]
        self.write("x.npy", npy("<f4", (600, 2), [float(v) for label in labels for v in (label, -label)]))
        self.write("y.npy", npy("<i8", (600,), labels))
        words = "train --data npy:x.npy,y.npy,task=multiclass --val-fraction 0 --test-fraction 0.5 --epochs 3"
        return words.split()

    def test_an_imbalance_keeps_what_its_profile_says(self):
        words = self.three_classes()
        for how, kept in {"longtail:100": 100 + 10 + 1, "step:4": 100 + 25 + 25}.items():
            out, _ = self.run_cli(*words, "--imbalance", how, "--out", how[:4])
            self.assertRegex(out, rf"{kept} training(, | samples).*300 test samples")

    def test_a_scheme_trains_as_its_numbers_in_a_file_do(self):
        words = [*self.three_classes(), "--imbalance", "longtail:100"]
        self.write("counts.txt", "100\n10\n1\n")
        self.run_cli("weights", "counts.txt", "--counts", "--out", "weights.txt")
        models = []
        for how in ("balanced", "weights.txt", "none"):
            self.run_cli(*words, "--class-weights", how, "--out", how[:4])
            models.append(self.read(f"{how[:4]}/model.safetensors"))
        self.assertEqual(models[0], models[1])
        self.assertNotEqual(models[0], models[2])

    def test_weights_that_make_training_diverge_bring_a_warning(self):
        sgd = ("--optimizer", "sgd:momentum=0.9", "--lr", "0.02", "--imbalance", "longtail:100")
        _, err = self.train(*sgd, "--class-weights", "inverse", out="raw")
        self.assertRegex(err, r"warning: --class-weights inverse is likely to make training diverge at lr 0\.02")
        self.assertRegex(err, r"try --class-weights inverse,cap=\d+")
        self.assertEqual(self.train(*sgd, out="none")[1], "")

    def test_samplers(self):
        for how in ("balanced", "oversample", "undersample"):
            self.train("--imbalance", "step:10", "--sampling", how, out=how)
        steps = {how: sum(r["kind"] == "step" for r in self.history(how)) for how in ("oversample", "undersample")}
        self.assertGreater(steps["oversample"], 5 * steps["undersample"])

    def test_bad_input(self):
        self.fails(2, "train", "--data", self.DATA, "--imbalance", "longtail", says=["longtail:R"])
        self.fails(2, "train", "--data", self.DATA, "--sampling", "oversampel", says=["did you mean 'oversample'"])
        self.fails(2, "train", "--data", "synthetic:linear", "--imbalance", "step:3", says=["targets are numbers"])
        self.fails(2, "train", "--data", self.DATA, "--pos-weight", "3", says=["two classes"])


if __name__ == "__main__":
    main()
