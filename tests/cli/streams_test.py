"""Standard streams that are closed or full: an error and its status, no signal, and no text in other files."""

import json
import os
import subprocess

from harness import PROGRAM, CliTest, main

COMMANDS = {
    "train": "train --data synthetic:moons --epochs 1 --charts none --out OUT",
    "compare": "compare --data synthetic:moons --epochs 1 --seeds 1 --charts none --out OUT "
    "--losses 'binary_focal; binary_focal:gamma=1'",
    "evaluate": "evaluate --predictions p.csv --targets y.csv",
    "audit": "audit --predictions p.csv --targets y.csv --from logits",
    "weights": "weights y.csv",
    "losses": "losses",
    "explain": "explain mse",
    "check": "check 'square(y - t)'",
    "version": "version",
    "help": "help",
    "help of a command": "help train",
}
FAULTS = {
    "train": ("train --data nowhere", 2),
    "compare": ("compare --data nowhere --losses 'mse; l1'", 2),
    "evaluate": ("evaluate --predictions absent.csv --targets y.csv", 1),
    "audit": ("audit --predictions absent.csv --targets y.csv", 1),
    "weights": ("weights absent.csv", 1),
    "losses": ("losses more", 2),
    "explain": ("explain nothing", 2),
    "check": ("check 'abs(y'", 2),
    "version": ("version more", 2),
    "no command": ("nothing", 2),
}


class Streams(CliTest):
    def setUp(self):
        super().setUp()
        self.write("p.csv", "0.1,0.9\n0.8,0.2\n")
        self.write("y.csv", "1\n0\n")

    def shell(self, command, redirections):
        line = f"'{PROGRAM}' {command} {redirections}"
        return subprocess.run(["sh", "-c", line], cwd=self.folder, capture_output=True, text=True)

    def test_an_error_is_a_status_where_it_cannot_be_told(self):
        for name, (command, status) in FAULTS.items():
            for redirections in ("2>&-", "2>/dev/full", "<&- >&- 2>&-", ">&- 2>/dev/full"):
                with self.subTest(name, redirections=redirections):
                    self.assertEqual(self.shell(command, redirections).returncode, status)

    def test_output_that_cannot_be_written_is_an_error(self):
        for name, command in COMMANDS.items():
            for i, redirections in enumerate((">/dev/full", ">&-", "<&- >&-", ">&- 2>&-")):
                with self.subTest(name, redirections=redirections):
                    done = self.shell(command.replace("OUT", f"{name}-{i}"), redirections)
                    self.assertEqual(done.returncode, 1, done.stderr)
                    if "2>" not in redirections:
                        self.assertIn("cannot write to standard output", done.stderr)

    def test_messages_that_cannot_be_told_do_not_end_a_command(self):
        for name, command in COMMANDS.items():
            for i, redirections in enumerate(("2>&-", "2>/dev/full", "<&-")):
                with self.subTest(name, redirections=redirections):
                    done = self.shell(command.replace("OUT", f"{name}-{i}"), redirections)
                    self.assertEqual(done.returncode, 0, done.stderr)
        command = COMMANDS["train"] + " --json --class-weights balanced --normalize-by count"
        self.assertEqual(self.shell(command.replace("OUT", "json"), "2>/dev/full").returncode, 0)

    def test_files_hold_no_text_of_the_terminal(self):
        for i, redirections in enumerate(("<&- >&-", "<&- >&- 2>&-", "<&- 2>&-", ">&-", "2>&-")):
            with self.subTest(redirections):
                self.shell(COMMANDS["train"].replace("OUT", f"run-{i}"), redirections)
                with open(self.path(f"run-{i}/history.jsonl"), encoding="utf-8") as file:
                    kinds = [json.loads(line)["kind"] for line in file]
                self.assertEqual(set(kinds), {"step", "epoch", "test"})
                with open(self.path(f"run-{i}/checkpoint.safetensors"), "rb") as file:
                    length = int.from_bytes(file.read(8), "little")
                    self.assertLess(length, os.path.getsize(self.path(f"run-{i}/checkpoint.safetensors")))


main()
