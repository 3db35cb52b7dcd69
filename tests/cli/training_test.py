"""perdita train: every source and kind of problem, what it leaves behind, that threads and seeds decide as promised."""

import json
import math
import os
import random
import re
import struct

from harness import CliTest, main, npy, write_images

FILES = {"config.json", "history.jsonl", "checkpoint.safetensors", "model.safetensors", "report.html", "diagnosis.json"}
CHARTS = {"loss", "gap", "steps", "distribution", "classes", "calibration"}
FILES |= {f"{name}.svg" for name in CHARTS} | {"suspects.csv"}


POSITIVE = ("poisson_nll", "tweedie", "gamma_nll", "msle", "gamma_deviance", "inverse_gaussian_deviance")
OF_MORE = ("distillation",)  # than an input and a target


class Training(CliTest):
    def train(self, *words, out="run"):
        """The result as JSON."""
        return json.loads(self.run_cli("train", *words, "--json", "--out", out)[0])

    def test_images(self):
        write_images(self, "images")
        out, err = self.run_cli("train", "--data", "idx:images", "--epochs", "5", "--hidden", "16", "--out", "run")
        self.assertEqual(err, "")
        self.assertIn("540 training, 60 validation, 150 test samples, 3 classes", out)
        self.assertRegex(out, r"(?m)^accuracy   100\.00 %")
        self.assertRegex(out, r"(?m)^class +samples +mean loss +precision +recall +f1$")
        self.assertNotIn("\x1b", out)
        files = set(os.listdir(self.path("run")))
        drawn = {name for name in files if name.endswith(".png")}
        self.assertEqual(files - drawn, FILES)
        self.assertIn(drawn, (set(), {f"{name}.png" for name in CHARTS}))  # none without librsvg, and then it says so
        self.assertEqual("librsvg is not installed" in out, not drawn)
        records = self.history("run")
        self.assertEqual([r["epoch"] for r in records if r["kind"] == "epoch"], [1, 2, 3, 4, 5])
        self.assertEqual(sum(r["kind"] == "step" for r in records), 5 * math.ceil(540 / 32))
        self.assertEqual(records[-1]["kind"], "test")
        page = self.read("run/report.html").decode()
        self.assertNotRegex(page, r"(?:src|href)=\"https?:")
        self.assertIn("cross_entropy", page)
        self.assertTrue(self.read("run/loss.svg").startswith(b"<svg"))

    def test_without_librsvg_there_are_no_pngs_and_it_says_so(self):
        os.mkdir(self.path("lib"))
        self.write("lib/librsvg-2.so.2", "no library")
        broken = {**os.environ, "LD_LIBRARY_PATH": self.path("lib")}
        words = ["train", "--data", "synthetic:moons", "--epochs", "1", "--quiet"]
        out, _ = self.run_cli(*words, "--out", "run", env=broken)
        self.assertIn("no PNG files, because librsvg is not installed", out)
        self.assertEqual({name for name in os.listdir(self.path("run")) if name.endswith(".png")}, set())
        self.assertIn("loss.svg", os.listdir(self.path("run")))
        out, _ = self.run_cli(*words, "--charts", "svg", "--out", "svg", env=broken)
        self.assertNotIn("PNG", out)

    def test_the_model_file_is_safetensors_with_the_layers(self):
        self.train("--data", "synthetic:moons", "--hidden", "8,4", "--epochs", "1")
        content = self.read("run/model.safetensors")
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
        facts = json.loads(header.pop("__metadata__")["perdita_model"])
        self.assertEqual(facts["sizes"], "2-8-4-1")
        shapes = sorted(tuple(tensor["shape"]) for tensor in header.values())
        self.assertEqual(shapes, [(1,), (1, 4), (4,), (4, 8), (8,), (8, 2)])

    def test_the_configuration_repeats_the_run(self):
        words = ["--data", "synthetic:spirals,samples=300", "--loss", "focal:gamma=1.5", "--epochs", "3"]
        words += ["--class-weights", "balanced", "--optimizer", "sgd", "--momentum", "0.9", "--nesterov"]
        self.train(*words, "--sampling", "balanced", "--dropout", "0.1", "--seed", "7")
        config = json.loads(self.read("run/config.json"))
        self.assertEqual(config["optimizer"], "sgd:momentum=0.9,nesterov=yes")
        self.assertEqual(config["lr"], 0.01)
        again = [word for key, value in config.items() for word in ("--" + key.replace("_", "-"), str(value))]
        self.train(*again, out="again")
        self.assertEqual(self.read("run/model.safetensors"), self.read("again/model.safetensors"))

    def test_regression_from_csv(self):
        rng = random.Random(5)
        rows = ["size,age,price"]
        for _ in range(400):
            size, age = rng.uniform(20, 200), rng.uniform(0, 50)
            rows.append(f"{size},{age},{3000 * size - 2000 * age + rng.gauss(0, 5000)}")
        self.write("houses.csv", "\n".join(rows) + "\n")
        test = self.train("--data", "csv:houses.csv,target=price", "--loss", "huber:delta=10000", "--epochs", "60")[
            "test"
        ]
        self.assertEqual(test["samples"], 80)
        self.assertGreater(test["r2"], 0.99)
        self.assertLess(test["rmse"], 12000)

    def test_rows_of_the_report_are_rows_of_the_file(self):
        rows = ["x,y"] + [f"{i / 100},{i}" for i in range(200)]  # the target tells the row
        self.write("data.csv", "\n\n".join(rows) + "\n")
        self.train("--data", "csv:data.csv", "--loss", "mse", "--epochs", "1")
        page = self.read("run/report.html").decode()
        cards = re.findall(r"<br>row (\d+)<br>true: (\d+)<br>", page)
        self.assertEqual(len(cards), 20)
        self.assertEqual([row for row, _ in cards], [truth for _, truth in cards])
        self.assertGreater(max(int(row) for row, _ in cards), 60)  # not places in the test set, which is smaller
        self.write("classes.csv", "x,y\n" + "".join(f"{i % 2},{'ab'[i % 2 ^ (i == 117)]}\n" for i in range(200)))
        self.train("--data", "csv:classes.csv", "--epochs", "60", out="classes")
        ranked = self.read("classes/suspects.csv").decode().splitlines()
        self.assertEqual(ranked[1].split(",")[1], "117", ranked[:3])

    def test_binary_from_csv_with_named_classes(self):
        rng = random.Random(6)
        rows = ["a;b;state"]
        for _ in range(300):
            a, b = rng.gauss(0, 1), rng.gauss(0, 1)
            rows.append(f"{a};{b};{'left' if a < b else 'stays'}")
        self.write("churn.csv", "\n".join(rows))
        test = self.train("--data", "csv:churn.csv,target=state,separator=semicolon", "--epochs", "60")["test"]
        self.assertEqual([c["name"] for c in test["classes"]], ["left", "stays"])
        self.assertGreater(test["accuracy"], 0.95)

    def test_several_numbers_from_npy(self):
        rng = random.Random(7)
        x = [rng.gauss(0, 1) for _ in range(3 * 200)]
        y = [f(x[3 * i : 3 * i + 3]) for i in range(200) for f in (sum, lambda r: r[0] - r[2])]
        self.write("x.npy", npy("<f4", (200, 3), struct.pack("<600f", *x)))
        self.write("y.npy", npy("<f8", (200, 2), struct.pack("<400d", *y)))
        test = self.train("--data", "npy:x.npy,y.npy", "--hidden", "none", "--lr", "0.05", "--epochs", "40")["test"]
        self.assertGreater(test["r2"], 0.999)

    def write_problem(self, loss, rows=300):
        """Arrays x.npy, constant.npy and y.npy: targets of the kind that the loss is for, which depend on the inputs of
        x and not on those of constant."""
        rng = random.Random(8)
        x = [[rng.gauss(0, 1) for _ in range(4)] for _ in range(rows)]
        self.write("x.npy", npy("<f4", (rows, 4), struct.pack(f"<{4 * rows}f", *(v for row in x for v in row))))
        self.write("constant.npy", npy("<f4", (rows, 4), bytes(16 * rows)))
        name, family = loss["name"], loss["family"]
        if family == "overlap":  # masks of four pixels
            y = [[float(v > 0) for v in row] for row in x]
        elif name in ("kl_div", "js_div"):  # distributions over four classes
            powers = [[math.exp(v) for v in row] for row in x]
            y = [[v / sum(row) for v in row] for row in powers]
        elif name in POSITIVE:
            y = [[float(1 + round(math.exp(row[0] + 0.5)))] for row in x]
        elif family == "regression":
            y = [[2 * row[0] - row[1]] for row in x]
        else:
            y = [[int(row[0] + row[1] > 0) if family == "binary" else row.index(max(row))] for row in x]
        flat = [v for row in y for v in row]
        code, descr = ("q", "<i8") if isinstance(flat[0], int) else ("f", "<f4")
        shape = (rows,) if len(y[0]) == 1 else (rows, len(y[0]))
        self.write("y.npy", npy(descr, shape, struct.pack(f"<{len(flat)}{code}", *flat)))

    def test_every_loss_trains_on_what_it_is_for(self):
        for loss in json.loads(self.run_cli("losses", "--json")[0]):
            name = loss["name"]
            of_two = loss["family"] in ("regression", "binary", "softmax", "overlap") and name not in OF_MORE
            if not of_two:
                self.fails(2, *f"train --data synthetic:moons --loss {name} --out x".split(), says=[name, "valid: "])
                continue
            with self.subTest(name):
                self.write_problem(loss)
                words = ["--loss", name, *"--hidden 32 --lr 0.01 --batch-size 32 --epochs 30 --charts none".split()]
                losses = {}
                for inputs in ("x", "constant"):
                    run = f"{inputs}-{name}"
                    result = self.train("--data", f"npy:{inputs}.npy,y.npy", *words, out=run)
                    losses[inputs] = [r["train_loss"] for r in self.history(run) if r["kind"] == "epoch"]
                    # The checkpoint holds the model that was tested.
                    os.remove(self.path(f"{run}/model.safetensors"))
                    again = json.loads(self.run_cli("train", "--resume", run, "--json")[0])
                    self.assertEqual(again["test"], result["test"])
                # Better than at first, and than the best constant, which is all that can be learned of constant inputs.
                best_constant = losses["constant"][-1]
                self.assertLess(losses["x"][-1], losses["x"][0])
                self.assertLess(losses["x"][-1], best_constant - 0.03 * abs(best_constant))

    def test_wrong_labels_are_found(self):
        data = ["--data", "synthetic:blobs,samples=2000,classes=4", "--label-noise", "0.15", "--epochs", "8"]
        result = self.train(*data)
        self.assertEqual(result["suspects"]["samples"], 1440)
        self.assertGreater(result["suspects"]["area_under_roc"]["aum"], 0.97)
        lines = self.read("run/suspects.csv").decode().splitlines()
        self.assertEqual(lines[0], "rank,row,label,aum,mean_loss,last_loss")
        aums = [float(line.split(",")[3]) for line in lines[1:]]
        self.assertEqual(aums, sorted(aums))
        self.assertNotIn("area_under_roc", self.train(*data[:2], "--epochs", "1", out="clean")["suspects"])
        self.assertNotIn("suspects", self.train("--data", "synthetic:sine", "--epochs", "1", out="numbers"))

    def test_issues_are_named(self):
        words = ["--data", "synthetic:circles", "--hidden", "none", "--lr", "0.02", "--epochs", "30"]
        found = self.train(*words)["diagnosis"]
        self.assertEqual([finding["issue"] for finding in found], ["underfitting"])
        out, _ = self.run_cli("train", *words, "--out", "told")
        self.assertIn("diagnosis  underfitting: the training loss stagnates at", out)
        self.assertIn("<b>underfitting</b>", self.read("told/report.html").decode())
        self.assertEqual(self.train("--data", "synthetic:moons", "--lr", "0.01", out="well")["diagnosis"], [])
        self.assertIn("No issue found.", self.read("well/report.html").decode())

    def test_threads_do_not_change_the_model_and_seeds_do(self):
        words = ["--data", "synthetic:imbalanced-blobs,samples=5000", "--epochs", "2", "--hidden", "300"]
        models = []
        for out, more in (("a", []), ("b", ["--threads", "1"]), ("c", ["--threads", "2"]), ("d", ["--seed", "1"])):
            self.train(*words, "--dropout", "0.2", *more, out=out)
            models.append(self.read(f"{out}/model.safetensors"))
        self.assertEqual(models[0], models[1])
        self.assertEqual(models[0], models[2])
        self.assertNotEqual(models[0], models[3])

    def test_class_weights_move_the_decisions(self):
        data = "synthetic:imbalanced-blobs,samples=3000,ratio=30,noise=1.5"
        recalls = []
        for out, weights in (("plain", "none"), ("balanced", "balanced"), ("file", self.write("w.txt", "1\n30\n"))):
            test = self.train("--data", data, "--class-weights", weights, "--epochs", "10", out=out)["test"]
            recalls.append(min(test["classes"], key=lambda c: c["samples"])["recall"])
        self.assertGreater(recalls[1], recalls[0])
        self.assertGreater(recalls[2], recalls[0])

    def test_patience_keeps_the_best_model(self):
        out, _ = self.run_cli(
            *"train --data synthetic:moons,samples=120,noise=0.5 --hidden 200,200 --lr 0.01".split(),
            *"--epochs 200 --patience 5 --out run".split(),
        )
        self.assertRegex(
            out, r"stopped early: the validation loss did not improve for 5 epochs; kept the model of epoch \d+"
        )
        epochs = [r for r in self.history("run") if r["kind"] == "epoch"]
        best = min(epochs, key=lambda r: r["val_loss"])["epoch"]
        self.assertEqual(len(epochs), best + 5)
        self.assertIn(f"kept the model of epoch {best}\n", out)

    def test_folders_are_numbered_where_none_is_named(self):
        for _ in range(2):
            self.run_cli("train", "--data", "synthetic:moons,samples=50", "--epochs", "1", "--quiet")
        self.assertEqual(sorted(os.listdir(self.path("runs"))), ["moons-1", "moons-2"])


main()
