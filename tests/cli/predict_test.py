"""predict: the predictions of a saved model, compared with arithmetic on the numbers in its file."""

import csv
import gzip
import json
import math
import random
import struct
import subprocess

from harness import PROGRAM, CliTest, main, npy

DRAW = random.Random(20261203)
CITIES = ["Bonn", "Oslo", "Rome, Lazio"]


def sample():
    """age or nothing, city or nothing, member, and the target: age / 10 + an effect of the city."""
    age, city, member = DRAW.randrange(18, 90), DRAW.choice(CITIES), DRAW.choice(["yes", "no"])
    y = age / 10 + 3 * CITIES.index(city) + (member == "yes") + 0.125
    return {"age": "" if DRAW.random() < 0.1 else str(age), "city": "" if DRAW.random() < 0.1 else city,
            "member": member, "y": str(y)}  # fmt: skip


def table(rows, columns, separator=","):
    quoted = [[f'"{row[c]}"' if separator in row[c] else row[c] for c in columns] for row in rows]
    return "\n".join(separator.join(line) for line in [columns, *quoted]) + "\n"


def read_model(content):
    """Tensors as nested lists, and the facts of a model file."""
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        tensors[name] = struct.unpack(f"<{(end - begin) // 4}f", content[8 + size + begin : 8 + size + end])
    return tensors, json.loads(header["__metadata__"]["perdita_model"])


def inputs_of(row, columns):
    """The encoding of docs/data-files.md, written again."""
    inputs = []
    for column in columns:
        text = row[column["name"]]
        if column["kind"] == "category":
            inputs += [float(text == name) for name in column["categories"]]
        else:
            numbers = {"": column["median"], "yes": 1.0, "no": 0.0}
            inputs.append(numbers[text] if text in numbers else float(text))
        if column.get("missing"):
            inputs.append(float(text == ""))
    return inputs


class Predict(CliTest):
    def setUp(self):
        super().setUp()
        self.rows = [sample() for _ in range(300)]
        self.write("t.csv", table(self.rows, ["age", "city", "member", "y"]))

    def train(self, spec, *words, epochs=30):
        self.run_cli("train", "--data", spec, "--epochs", str(epochs), "--hidden", "none", "--charts", "none", "--quiet",
                     "--out", "run", "--overwrite", *words)  # fmt: skip

    def predict(self, *words, **options):
        out, err = self.run_cli("predict", "--model", "run", *words, **options)
        return list(csv.DictReader(out.splitlines())), err

    def test_a_linear_model_by_hand(self):
        self.train("csv:t.csv")
        tensors, facts = read_model(self.read("run/model.safetensors"))
        self.assertEqual([c["name"] for c in facts["columns"]], ["age", "city", "member"])
        found, err = self.predict("--data", "t.csv")
        self.assertEqual(err, "")
        self.assertEqual(len(found), 300)
        for row, prediction in zip(self.rows, found, strict=True):
            y = tensors["layers.0.bias"][0]
            for k, x in enumerate(inputs_of(row, facts["columns"])):
                y += tensors["layers.0.weight"][k] * (x - tensors["input.mean"][k]) / tensors["input.deviation"][k]
            y = y * tensors["output.deviation"][0] + tensors["output.mean"][0]
            self.assertAlmostEqual(float(prediction["prediction"]), y, delta=1e-4)

    def test_other_files_of_the_same_rows(self):
        self.train("csv:t.csv")
        out, _ = self.run_cli("predict", "--model", "run/model.safetensors", "--data", "t.csv")
        other = table([row | {"more": "x"} for row in self.rows], ["more", "member", "y", "city", "age"], ";")
        self.write("o.csv.gz", gzip.compress(other.encode()))
        self.run_cli("predict", "--model", "run", "--data", "o.csv.gz", "--out", "p.csv")
        self.assertEqual(self.read("p.csv").decode(), out)
        piped = subprocess.run([PROGRAM, "predict", "--model", "run", "--data", "/dev/stdin"], cwd=self.folder,
                               input=other.encode(), capture_output=True, check=True)  # fmt: skip
        self.assertEqual(piped.stdout.decode(), out)

    def test_classes(self):
        for row in self.rows:
            row["y"] = "low" if float(row["y"]) < 8 else "mid, dle" if float(row["y"]) < 10 else "top"
        self.write("t.csv", table(self.rows, ["age", "city", "member", "y"]))
        self.train("csv:t.csv", "--lr", "0.05", epochs=60)
        found, _ = self.predict("--data", "t.csv")
        right = 0
        for row, prediction in zip(self.rows, found, strict=True):
            p = {name: float(prediction[f"probability_{name}"]) for name in ("low", "mid, dle", "top")}
            self.assertAlmostEqual(sum(p.values()), 1, delta=1e-5)
            self.assertEqual(prediction["prediction"], max(p, key=p.get))
            right += prediction["prediction"] == row["y"]
        self.assertGreater(right, 200)

    def test_quantiles(self):
        self.train("csv:t.csv", "--loss", "quantile:q=0.1/0.9", "--lr", "0.05", epochs=100)
        found, _ = self.predict("--data", "t.csv")
        within = sum(float(p["quantile_0.1"]) <= float(row["y"]) <= float(p["quantile_0.9"])
                     for row, p in zip(self.rows, found, strict=True))  # fmt: skip
        self.assertGreater(within, 150)

    def test_unknown_categories_and_what_is_refused(self):
        self.train("csv:t.csv", epochs=1)
        self.write("n.csv", "member,age,city\nyes,20,Lima\nno,30,Oslo\n")
        found, err = self.predict("--data", "n.csv")
        self.assertEqual(len(found), 2)
        self.assertIn("perdita predict: warning: 1 values of the column 'city' are not among the 3 categories", err)
        self.write("n.csv", "member,city\nyes,Oslo\n")
        self.fails(1, "predict", "--model", "run", "--data", "n.csv", says=["n.csv: column 'age' does not exist"])
        self.write("n.npy", npy("<f4", (1, 3), bytes(12)))
        self.fails(
            1,
            "predict",
            "--model",
            "run",
            "--data",
            "n.npy",
            says=["is an array, but the model was trained with a table that has"],
        )
        self.fails(1, "predict", "--model", "none", "--data", "t.csv", says=["none", "No such file"])
        self.fails(1, "predict", "--model", "t.csv", "--data", "t.csv", says=["t.csv"])
        self.fails(2, "predict", "--data", "t.csv", says=["--model is missing"])
        self.fails(2, "predict", "--model", "run", says=["--data is missing"])

    def test_images(self):
        pixels = bytes(DRAW.randrange(256) for _ in range(40 * 9))
        self.write("x.npy", npy("|u1", (40, 3, 3), pixels))
        self.write("y.npy", npy("<i8", (40,), struct.pack("<40q", *[pixels[9 * i] // 128 for i in range(40)])))
        self.train("npy:x.npy,y.npy", epochs=3)
        tensors, facts = read_model(self.read("run/model.safetensors"))
        found, _ = self.predict("--data", "x.npy")
        for i, prediction in enumerate(found):
            y = tensors["layers.0.bias"][0]
            for k in range(9):
                x = (pixels[9 * i + k] / 255 - facts["pixels"]["mean"]) / facts["pixels"]["deviation"]
                y += tensors["layers.0.weight"][k] * x
            self.assertAlmostEqual(float(prediction["probability_1"]), 1 / (1 + math.exp(-y)), delta=1e-5)


main()
