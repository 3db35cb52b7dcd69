"""perdita diagnose: its output, and its exit status."""

import json

from harness import CliTest, main

HEALTHY = [(2.3 * 0.6**e + 0.1, 2.3 * 0.62**e + 0.15) for e in range(12)]
OVERFITTING = [(2.0 * 0.7**e, 2.0 * 0.7**e + 0.4 + (0.15 * (e - 4) if e > 4 else 0.0)) for e in range(20)]


class Logs(CliTest):
    def log(self, name, curves):
        lines = [f"{e},{train},{val},0.5,3" for e, (train, val) in enumerate(curves)]
        self.write(name, "epoch,train_loss,val_loss,lr,other\n" + "\n".join(lines) + "\n")

    def test_exit_status_and_text(self):
        self.log("healthy.csv", HEALTHY)
        self.log("bad.csv", OVERFITTING)
        out, _ = self.run_cli("diagnose", "healthy.csv")
        for text in ("no issue found", "CSV, 12 epochs (rows)", "training loss: train_loss", "ignored   other"):
            self.assertIn(text, out)
        out, err = self.run_cli("diagnose", "bad.csv", status=1)
        self.assertEqual(err, "")
        for text in ("overfitting", "lowest in epoch 5", "see: docs/diagnosis.md#overfitting"):
            self.assertIn(text, out)
        out, _ = self.run_cli("diagnose", "bad.csv", "--json", status=1)
        (run,) = json.loads(out)["runs"]
        self.assertEqual(run["findings"][0]["evidence"]["best_epoch"], 5)
        self.run_cli("diagnose", "healthy.csv", "--baseline", "bad.csv")
        out, _ = self.run_cli("diagnose", "bad.csv", "--baseline", "healthy.csv", status=1)
        self.assertIn("worse_than_baseline", out)
        self.assertEqual(self.run_cli("diagnose", "healthy.csv", "--baseline", "healthy.csv", "--quiet")[0], "")

    def test_what_cannot_be_read(self):
        self.write("other.csv", "a,b\n1,2\n")
        self.fails(2, "diagnose", "other.csv", says=["none of the columns is a loss: a, b", "--columns"])
        self.fails(2, "diagnose", "missing", says=["does not exist"])
        self.fails(2, "diagnose", says=["the log is missing"])
        self.log("log.csv", HEALTHY)
        self.fails(2, "diagnose", "log.csv", "--columns", "loss=a", says=["--columns", "train_loss, val_loss"])
        self.write("escape.csv", "\x1b[31mred,b\n1,2\n")
        self.fails(2, "diagnose", "escape.csv", says=["\\x1b[31mred"])

    def test_runs_of_perdita(self):
        self.run_cli("train", "--data", "synthetic:moons", "--epochs", "4", "--charts", "none", "--out", "runs/a")
        diagnosis = json.loads(self.read("runs/a/diagnosis.json"))
        self.assertEqual(diagnosis["epochs"], 4)
        status = 1 if diagnosis["findings"] else 0
        out, _ = self.run_cli("diagnose", "runs", "--json", status=status)
        (run,) = json.loads(out)["runs"]
        self.assertEqual(run["findings"], diagnosis["findings"])
        # Findings of a run that continued are not those of its end.
        self.write("runs/a/diagnosis.json", json.dumps({**diagnosis, "epochs": 3, "findings": [{"issue": "none"}]}))
        out, _ = self.run_cli("diagnose", "runs", "--json", status=status)
        self.assertNotIn('"none"', out)
        self.write("runs/a/diagnosis.json", json.dumps({**diagnosis, "findings": [{"issue": "none"}]}))
        self.fails(2, "diagnose", "runs", says=["diagnosis.json"])


if __name__ == "__main__":
    main()
