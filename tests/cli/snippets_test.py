"""The commands of README and of "Getting started" run as they are written, one after the other, in a shell."""

import os
import pathlib
import random
import re
import struct
import subprocess
import sys

from harness import PROGRAM, CliTest, main, npy

SOURCE = pathlib.Path(sys.argv[2])
SAMPLES, CLASSES = 240, 3


def commands_of(page):
    """Lines that begin with perdita in code, with the lines that continue them."""
    text = (SOURCE / page).read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    code += "\n" + "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
    return re.findall(r"^perdita (?:.*\\\n)*.*$", code, re.MULTILINE)


class Snippets(CliTest):
    def run_page(self, page):
        rng = random.Random(0)
        labels = [i % CLASSES for i in range(SAMPLES)]
        rows = [[rng.gauss(float(k == label), 1) for k in range(CLASSES)] for label in labels]
        scores = npy("<f4", (SAMPLES, CLASSES), struct.pack(f"<{SAMPLES * CLASSES}f", *sum(rows, [])))
        classes = npy("<i8", (SAMPLES,), struct.pack(f"<{SAMPLES}q", *labels))
        for name, content in {"x": scores, "p": scores, "y": classes, "labels": classes}.items():
            self.write(f"{name}.npy", content)
        houses = (f"{row[0]},{row[1]},{row[0] - 2 * row[1]}" for row in rows)
        self.write("houses.csv", "\n".join(["area,rooms,price", *houses]) + "\n")
        self.write("new.csv", "rooms,area,city,calls,since\n3,80,Oslo,2,2024-05-01\n4,95.5,Rome,,2025-01-31\n")
        kinds = (
            f"2024-{i % 12 + 1:02}-01,{['Oslo', 'Rome', ''][i % 3]},{i % 7},{['no', 'yes'][i % 2]}" for i in range(90)
        )
        self.write("customers.csv", "\n".join(["since,city,calls,churn", *kinds]) + "\n")
        os.makedirs(self.path("lightning_logs/version_3"))
        epochs = (f"{e},{10 * e + 9},{2 * 0.6**e + 0.3},{2 * 0.6**e + 0.32}" for e in range(20))
        self.write(
            "lightning_logs/version_3/metrics.csv", "\n".join(["epoch,step,train_loss,val_loss", *epochs]) + "\n"
        )
        os.symlink(PROGRAM, self.path("perdita"))
        environment = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"}
        commands = commands_of(page)
        for command in commands:
            with self.subTest(command=command):
                words = ["sh", "-c", command]
                done = subprocess.run(words, cwd=self.folder, env=environment, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}")
                self.assertTrue(done.stdout)
        return commands

    def test_readme(self):
        commands = self.run_page("README.md")
        self.assertEqual(
            {command.split()[1] for command in commands},
            {
                "train",
                "predict",
                "evaluate",
                "audit",
                "weights",
                "losses",
                "explain",
                "check",
                "compare",
                "diagnose",
                "stabilize",
            },
        )
        records = self.history("runs/houses-1")
        self.assertEqual(max(record["epoch"] for record in records if record["kind"] == "epoch"), 50)
        self.assertTrue(os.path.exists(self.path("evaluation/report.html")))

    def test_getting_started(self):
        self.assertGreaterEqual(len(self.run_page("docs/getting-started/command-line.md")), 6)
        for report in ("runs/moons/report.html", "runs/compare/report.html", "evaluation/report.html"):
            self.assertTrue(os.path.exists(self.path(report)), report)


main()
