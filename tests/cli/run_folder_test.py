"""Nothing of an earlier run, comparison or evaluation is lost before what takes its place has proved itself."""

import hashlib
import json
import os
import signal

from harness import CliTest, limit_file_size, main

MOONS = "train --data synthetic:moons --epochs 2 --charts none --quiet --out run".split()
COMPARE = "compare --data synthetic:moons --epochs 2 --seeds 1 --charts none --quiet --out both --losses".split()
LOSSES = "binary_cross_entropy_with_logits; binary_focal"


class RunFolder(CliTest):
    def content(self, folder):
        found = {}
        for place, _, names in os.walk(self.path(folder)):
            for name in names:
                path = os.path.join(place, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, self.path(folder))] = hashlib.sha256(file.read()).hexdigest()
        return found

    def expect_untouched(self, folder, *words, status, **options):
        before = self.content(folder)
        _, err = self.run_cli(*words, status=status, **options)
        self.assertEqual(self.content(folder), before, f"{words}\n{err}")
        return err

    def test_a_run_stays_where_the_new_one_fails(self):
        self.run_cli(*MOONS)
        self.write("bad.csv", "a,b,y\n1,2,3\n1,inf,3\n")
        for words, status in (
            (["--lr", "fast"], 2),
            (["--loss", "mse"], 2),
            (["--data", "csv:absent.csv"], 1),
            (["--data", "csv:bad.csv"], 1),
            (["--patience", "2", "--val-fraction", "0"], 2),
            (["--data", "synthetic:linear", "--optimizer", "sgd", "--lr", "1e20"], 1),  # diverges in epoch 1
        ):
            start = MOONS if "--data" not in words else [w for w in MOONS if w not in ("--data", "synthetic:moons")]
            self.expect_untouched("run", *start, "--overwrite", *words, status=status)
        self.expect_untouched("run", *MOONS, "--overwrite", "--hidden", "4000", status=1,
                              preexec_fn=limit_file_size(40_000))  # fmt: skip
        self.run_cli(*MOONS, "--overwrite", "--seed", "1")
        self.assertEqual(json.loads(self.read("run/config.json"))["seed"], 1)

    def test_a_run_stays_where_the_new_one_is_interrupted_in_its_first_epoch(self):
        self.run_cli(*MOONS)
        before = self.content("run")
        slow = "train --data synthetic:moons,samples=400000 --hidden 256,256 --threads 1 --out run --overwrite".split()
        for number in (signal.SIGINT, signal.SIGKILL):
            process = self.start(*slow)
            while process.poll() is None and not os.path.exists(self.path("run/.perdita-new/history.jsonl")):
                pass
            process.send_signal(number)
            _, err = process.communicate()
            self.assertEqual({k: v for k, v in self.content("run").items() if not k.startswith(".perdita")}, before)
            if number == signal.SIGINT:
                self.assertIn("the earlier run in run was kept", err)
                self.assertEqual(self.content("run"), before)
        self.run_cli("train", "--resume", "run", "--epochs", "3", "--quiet")  # and what was killed is cleared away
        self.assertNotIn(".perdita-new", os.listdir(self.path("run")))

    def test_a_replacement_that_was_cut_off_is_completed(self):
        self.run_cli(*MOONS)
        self.run_cli(*MOONS[:-1], "other", "--seed", "1")
        model = self.read("other/model.safetensors")
        for stage, moved in ((".perdita-replacing", ()), (".perdita-moving", ("config.json", "model.safetensors"))):
            with self.subTest(stage):
                self.run_cli(*MOONS, "--overwrite")
                os.mkdir(self.path("run/" + stage))
                if stage == ".perdita-moving":
                    for name in os.listdir(self.path("run")):
                        if not name.startswith("."):
                            os.remove(self.path("run/" + name))
                for name in os.listdir(self.path("other")):
                    self.write(f"run/{'' if name in moved else stage + '/'}{name}", self.read("other/" + name))
                self.run_cli("train", "--resume", "run", "--quiet")
                self.assertEqual(self.read("run/model.safetensors"), model)
                self.assertEqual(json.loads(self.read("run/config.json"))["seed"], 1)
                self.assertFalse([name for name in os.listdir(self.path("run")) if name.startswith(".")])

    def test_other_files_are_not_taken_for_a_run(self):
        os.mkdir(self.path("site"))
        self.write("site/report.html", "mine")
        self.write("site/config.json", '{"name": "mine"}')
        for words in (MOONS[:-1] + ["site"], COMPARE[:-2] + ["site", "--losses", LOSSES]):
            err = self.expect_untouched("site", *words, "--overwrite", status=1)
            self.assertIn("other files", err)
        self.run_cli(*MOONS)
        self.write("run/notes.txt", "mine")
        err = self.expect_untouched("run", *COMPARE[:-2], "run", "--losses", LOSSES, "--overwrite", status=1)
        self.assertIn("but a run", err)
        self.run_cli(*MOONS, "--overwrite")
        self.assertEqual(self.read("run/notes.txt"), b"mine")

    def test_a_comparison_stays_where_the_new_one_fails(self):
        self.run_cli(*COMPARE, LOSSES)
        self.write("both/runs/notes.txt", "mine")
        for words, status in (
            ([LOSSES + "; mse"], 2),
            (["no_such_loss"], 2),
            ([LOSSES, "--test-fraction", "0"], 2),
            ([LOSSES, "--lr", "0"], 2),
        ):
            self.expect_untouched("both", *COMPARE, *words, "--overwrite", status=status)
        self.expect_untouched("both", *COMPARE, LOSSES, "--overwrite", "--hidden", "4000", status=1,
                              preexec_fn=limit_file_size(40_000))  # fmt: skip
        err = self.expect_untouched("both", *MOONS[:-1], "both", "--overwrite", status=1)
        self.assertIn("but a comparison", err)
        others = "binary_focal:gamma=1; binary_focal:gamma=3"
        self.run_cli(*COMPARE, others, "--overwrite")
        self.assertEqual(sorted(os.listdir(self.path("both/runs"))),
                         ["1-binary_focal-gamma-1-seed-0", "2-binary_focal-gamma-3-seed-0", "notes.txt"])  # fmt: skip
        self.run_cli(*COMPARE[:-2], "fresh", "--losses", others)
        name = "runs/1-binary_focal-gamma-1-seed-0/model.safetensors"
        self.assertEqual(self.read("both/" + name), self.read("fresh/" + name))

    def test_an_evaluation_replaces_evaluations_alone(self):
        self.write("p.csv", "0.1,0.9\n0.8,0.2\n")
        self.write("y.csv", "1\n0\n")
        words = "evaluate --predictions p.csv --targets y.csv --quiet --out".split()
        self.run_cli(*MOONS)
        err = self.expect_untouched("run", *words, "run", status=2)
        self.assertIn("files of other commands", err)
        self.run_cli(*words, "evaluation")
        self.run_cli(*words, "evaluation")
        self.write("y.csv", "1\n7\n")
        self.expect_untouched("evaluation", *words, "evaluation", status=1)
        os.mkdir(self.path("project"))
        self.write("project/README.md", "mine")
        self.expect_untouched("project", "explain", "--pages", "project", status=1)


class Resuming(CliTest):
    def test_a_finished_run_keeps_its_configuration(self):
        self.run_cli(*MOONS, "--lr", "0.01")
        config, model = self.read("run/config.json"), self.read("run/model.safetensors")
        _, err = self.run_cli("train", "--resume", "run", "--lr", "0.1", "--quiet")
        self.assertIn("the run already finished after epoch 2; lr remains 0.01", err)
        self.assertEqual(self.read("run/config.json"), config)
        self.assertEqual(self.read("run/model.safetensors"), model)
        self.assertIn(b'lr</th><td class="text">0.01</td>', self.read("run/report.html"))
        self.fails(2, "train", "--resume", "run", "--epochs", "1", says=["--epochs: got 1", "already trained 2 epochs"])
        self.assertEqual(self.read("run/config.json"), config)

    def test_what_changes_on_the_way_is_in_the_history(self):
        self.run_cli(*MOONS, "--lr", "0.01")
        self.run_cli("train", "--resume", "run", "--lr", "0.1", "--epochs", "3", "--quiet")
        changes = [record for record in self.history("run") if record["kind"] == "resume"]
        self.assertEqual(changes, [{"kind": "resume", "epoch": 2, "step": changes[0]["step"], "lr": 0.1,
                                    "lr_before": 0.01, "epochs": 3, "epochs_before": 2}])  # fmt: skip
        self.assertIn(b"lr 0.1, 0.01 before; epochs 3, 2 before", self.read("run/report.html"))

    def test_patience_given_later_counts_from_there(self):
        words = [w if w != "2" else "6" for w in MOONS]
        self.run_cli(*words, "--lr", "0.05")
        out, _ = self.run_cli("train", "--resume", "run", "--epochs", "8", "--patience", "1")
        self.assertIn("resumed  after epoch 6 of 8", out)
        self.assertIn("epoch 7/8", out)

    def test_failing_to_resume_changes_nothing(self):
        self.write("data.csv", "a,y\n" + "\n".join(f"{i},{i % 2}" for i in range(60)))
        self.run_cli(*MOONS[:1], "--data", "csv:data.csv", "--epochs", "2", "--quiet", "--out", "run")
        history, config = self.read("run/history.jsonl"), self.read("run/config.json")
        self.write("data.csv", "a,y\n" + "\n".join(f"{i},{i % 2}" for i in range(61)))
        self.fails(1, "train", "--resume", "run", "--epochs", "3", says=["the same samples"])
        self.assertEqual((self.read("run/history.jsonl"), self.read("run/config.json")), (history, config))


main()
