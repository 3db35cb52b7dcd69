"""perdita compare: one table of several losses, that can be interrupted."""

import csv
import io
import json
import os
import shutil
import signal
import time

from harness import CliTest, main

DATA = ["--data", "synthetic:blobs,samples=1200,classes=4", "--imbalance", "longtail:20"]
LOSSES = ["--losses", "cross_entropy; logit_adjusted:tau=0; balanced_softmax; cross_entropy:weights=balanced"]


def without_time(results):
    return [{key: value for key, value in result.items() if key != "seconds"} for result in results]


class Comparison(CliTest):
    def results(self, folder):
        return json.loads(self.read(f"{folder}/comparison.json"))["results"]

    def test_table_files_and_the_same_start(self):
        out, err = self.run_cli("compare", *DATA, *LOSSES, "--epochs", "4", "--seeds", "2", "--out", "all")
        self.assertEqual(err, "")
        self.assertRegex(out, r"(?m)^  8/8  cross_entropy:weights=balanced, seed 1: accuracy \d+\.\d\d %$")
        self.assertRegex(out, r"(?m)^loss +accuracy +balanced acc\. +head +middle +tail +test loss +ECE +seconds$")
        self.assertRegex(out, r"(?m)^balanced_softmax +\d+\.\d\d ± \d+\.\d\d %")
        results = self.results("all")
        self.assertEqual(len(results), 8)
        rows = list(csv.DictReader(io.StringIO(self.read("all/comparison.csv").decode())))
        self.assertEqual([float(row["accuracy"]) for row in rows], [result["accuracy"] for result in results])
        # Without shares logit adjustment is cross-entropy, and both began alike: they end alike, too.
        plain = [r["test_cross_entropy"] for r in results if r["loss"] == "cross_entropy"]
        same = [r["test_cross_entropy"] for r in results if r["loss"] == "logit_adjusted:tau=0"]
        for a, b in zip(plain, same, strict=True):
            self.assertAlmostEqual(a, b, places=6)
        for result in results:  # blobs are balanced in the test: both accuracies are one
            self.assertAlmostEqual(result["accuracy"], sum(result["recall"]) / 4, delta=0.02)
        page = self.read("all/report.html").decode()
        self.assertNotRegex(page, r"(?:src|href)=\"https?:")
        self.assertIn("Recall by class", page)
        self.assertTrue(os.path.exists(self.path("all/runs/3-balanced_softmax-seed-1/report.html")))

    def test_an_interrupted_comparison_goes_on(self):
        words = ["compare", *DATA, *LOSSES, "--epochs", "30", "--seeds", "2"]
        self.run_cli(*words, "--out", "whole", "--quiet")
        for number in (signal.SIGINT, signal.SIGKILL):
            process = self.start(*words, "--out", "cut")
            while process.poll() is None:
                if os.path.exists(self.path("cut/comparison.json")) and len(self.results("cut")) >= 2:
                    break
                time.sleep(0.002)
            time.sleep(0.05)
            process.send_signal(number)
            _, err = process.communicate()
            if number == signal.SIGINT:
                self.assertEqual(process.returncode, 130)
                self.assertRegex(err, r"interrupted after \d of 8 runs; to continue:\n  perdita compare --resume cut")
            self.assertLess(len(self.results("cut")), 8)
            self.run_cli("compare", "--resume", "cut", "--quiet")
            self.assertEqual(without_time(self.results("cut")), without_time(self.results("whole")))
            shutil.rmtree(self.path("cut"))

    def test_one_seed_is_compared_by_the_test_samples(self):
        losses = ["--losses", "cross_entropy; logit_adjusted:tau=0; balanced_softmax:lr=1e-6; ldam_drw"]
        words = ["compare", *DATA, *losses, "--epochs", "4", "--seeds", "1", "--out", "one"]
        out, _ = self.run_cli(*words, "--quiet")
        self.assertIn("paired t-test over the test samples", out)
        self.assertIn("Holm", out)
        self.assertRegex(out, r"(?m)^balanced_softmax:lr=1e-6 +\d+\.\d\d % \*")  # has learned nothing
        self.assertNotRegex(out, r"(?m)^logit_adjusted:tau=0 .*\*")  # is cross_entropy
        self.assertIn("paired t-test over the test samples", self.read("one/report.html").decode())
        again, _ = self.run_cli("compare", "--resume", "one", "--quiet")
        self.assertEqual(out, again)

    def test_overwriting_replaces_a_comparison_and_nothing_else(self):
        words = ["compare", *DATA, "--epochs", "1", "--seeds", "1", "--overwrite", "--quiet"]
        os.makedirs(self.path("mine/runs/moons-1"))
        self.fails(1, *words, *LOSSES, "--out", "mine", says=["does not contain a comparison"])
        self.run_cli("compare", *DATA, *LOSSES, "--epochs", "1", "--seeds", "2", "--out", "cmp", "--quiet")
        os.makedirs(self.path("cmp/runs/moons-1"))
        self.run_cli(*words, "--losses", "cross_entropy; focal", "--out", "cmp")
        runs = {"1-cross_entropy-seed-0", "2-focal-seed-0", "moons-1"}
        self.assertEqual(set(os.listdir(self.path("cmp/runs"))), runs)
        self.assertTrue(os.path.exists(self.path("mine/runs/moons-1")))

    def test_a_run_that_diverges_is_left_out(self):
        words = ["--losses", "cross_entropy; cross_entropy:lr=1e30,optimizer=sgd", "--seeds", "2"]
        out, _ = self.run_cli("compare", *DATA, *words, "--epochs", "4", "--out", "out")
        self.assertRegex(out, r"(?m)^cross_entropy:lr=1e30,optimizer=sgd +–")
        self.assertRegex(out, r"seed 0, failed and is excluded: the training loss is")

    def test_weights_that_wreck_training_bring_a_warning(self):
        words = [
            "--losses",
            "cross_entropy; cross_entropy:weights=inverse",
            "--optimizer",
            "sgd:momentum=0.9",
            "--batch-size",
            "128",
        ]
        data = ["--data", "synthetic:blobs,samples=4000,classes=4", "--imbalance", "longtail:200"]
        _, err = self.run_cli("compare", *data, *words, "--lr", "0.05", "--epochs", "1", "--seeds", "1", "--out", "w")
        self.assertIn("warning: 'cross_entropy:weights=inverse': --class-weights inverse is likely to make", err)
        self.assertRegex(err, r"try --class-weights inverse,cap=\d+, or --lr 0\.\d+")

    def test_numbers(self):
        out, _ = self.run_cli(
            "compare", "--data", "synthetic:sine", "--losses", "mse; huber", "--seeds", "2", "--out", "n"
        )
        self.assertRegex(out, r"(?m)^loss +RMSE +MAE +R² +seconds$")

    def test_bad_input(self):
        self.fails(2, "compare", *DATA, says=["--losses is missing"])
        self.fails(2, "compare", *DATA, "--losses", "cross_entropy", says=["two or more losses"])
        self.fails(2, "compare", *DATA, "--losses", "cross_entropy; focl", says=["'focl'", "did you mean 'focal'"])
        self.fails(2, "compare", *DATA, "--losses", "cross_entropy; mse", "--out", "x", says=["'mse'", "does not support"])
        self.fails(2, "compare", "--losses", "mse; l1", says=["--data is missing"])
        self.fails(1, "compare", "--resume", "nowhere", says=["no comparison", "nowhere"])
        self.fails(2, "compare", "--resume", "nowhere", "--seeds", "2", says=["--resume can be combined only with"])


main()
