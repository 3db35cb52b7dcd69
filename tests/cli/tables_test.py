"""train and compare on tables with words, dates, booleans and missing values."""

import csv
import gzip
import json
import random

from harness import CliTest, main

DRAW = random.Random(20261201)


def people(count=120, target="income"):
    """A table as pandas writes it, whose target depends on age, city and member."""
    rows = []
    for i in range(count):
        age, city, member = DRAW.randrange(18, 90), DRAW.choice(["Oslo", "Rome", "Bonn"]), DRAW.random() < 0.5
        income = 100 * age + {"Oslo": 5000, "Rome": 0, "Bonn": -5000}[city] + 2000 * member
        label = "" if i % 10 == 3 else "rich" if income > 6000 else "poor"
        born = f"{2024 - age}-{i % 12 + 1:02}-{i % 28 + 1:02}"
        rows.append([i, f"n{i}", "" if i % 7 == 2 else age, city, member, born, income, label])
    names = ["", "name", "age", "city", "member", "born", "income", "label"]
    keep = [k for k, name in enumerate(names) if name not in {"income", "label"} - {target}]
    return "\n".join(",".join(str(row[k]) for k in keep) for row in [names, *rows]) + "\n"


class Tables(CliTest):
    def train(self, spec, *words, epochs=2):
        return self.run_cli(
            "train", "--data", spec, "--epochs", str(epochs), "--charts", "none", "--out", "run", "--overwrite", *words
        )

    def test_types_are_printed(self):
        self.write("t.csv", people())
        out, err = self.train("csv:t.csv")
        for line in (
            "columns  1 number: age",
            "columns  1 boolean: member",
            "columns  1 date: born",
            "columns  1 category: city (3)",
            "columns  missing values: age (17)",
            "columns  left out: column 0 has no name, as the row names of R and pandas; a name in the header keeps it",
            "columns  left out: column 1 'name' has 120 different values in 120 rows, as identifiers and free text have; "
            "category=name keeps it",
            "model    MLP 7-128-1",
        ):
            self.assertIn(line, out)
        self.assertEqual(err, "")
        out, _ = self.train("csv:t.csv", "--quiet")
        self.assertNotIn("columns", out)
        out, _ = self.run_cli("compare", "--data", "csv:t.csv", "--losses", "mse; l1", "--seeds", "1", "--epochs", "1",
                              "--charts", "none", "--out", "c")  # fmt: skip
        self.assertEqual(out.count("columns  1 category: city (3)"), 1)

    def test_a_linear_model_learns_the_effect_of_categories(self):
        self.write("t.csv", people(600))
        out, _ = self.train("csv:t.csv,drop=born", "--hidden", "none", "--lr", "0.05", "--json", epochs=150)
        self.assertGreater(json.loads(out)["test"]["r2"], 0.9)
        out, _ = self.train("csv:t.csv,columns=member", "--hidden", "none", "--lr", "0.05", "--json", epochs=150)
        self.assertLess(json.loads(out)["test"]["r2"], 0.4)

    def test_sample_numbers_are_rows_of_the_file(self):
        text = people(target="label")
        self.write("t.csv", text)
        out, _ = self.train("csv:t.csv")
        self.assertIn("columns  left out: 12 of 120 rows, whose target 'label' is missing", out)
        table = list(csv.DictReader(text.splitlines()))
        suspects = list(csv.DictReader(self.read("run/suspects.csv").decode().splitlines()))
        self.assertGreater(len(suspects), 60)
        for suspect in suspects:
            self.assertEqual(table[int(suspect["row"])]["label"], ["poor", "rich"][int(suspect["label"])])

    def test_a_compressed_table_and_one_with_semicolons(self):
        text = people()
        self.write("t.csv", text)
        self.train("csv:t.csv")
        model = self.read("run/model.safetensors")
        self.write("t.csv.gz", gzip.compress(text.encode()))
        self.train("csv:t.csv.gz")
        self.assertEqual(self.read("run/model.safetensors"), model)
        for separator in ";\t":
            self.write("t.txt", text.replace(",", separator))
            self.train("csv:t.txt")
            self.assertEqual(self.read("run/model.safetensors"), model)

    def test_a_resumed_run_ends_with_the_same_model(self):
        self.write("t.csv", people(target="label"))
        self.train("csv:t.csv")
        model = self.read("run/model.safetensors")
        self.train("csv:t.csv", epochs=1)
        self.run_cli("train", "--resume", "run", "--epochs", "2", "--quiet")
        self.assertEqual(self.read("run/model.safetensors"), model)
        self.write("t.csv", people(target="label"))  # drawn anew
        self.fails(1, "train", "--resume", "run", "--epochs", "3", says=["differ from the data"])


main()
