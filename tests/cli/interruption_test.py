"""Runs that are interrupted go on from their last epoch and end with the model of a run that was not."""

import os
import shutil
import signal
import time

from harness import CliTest, main

WORDS = "train --data synthetic:spirals,samples=6000 --hidden 64,64 --dropout 0.1 --optimizer adamw:amsgrad=yes".split()
WORDS += "--epochs 12 --patience 11 --sampling balanced".split()


def without_time(history):
    return [{key: value for key, value in record.items() if key != "seconds"} for record in history]


class Interruption(CliTest):
    def setUp(self):
        super().setUp()
        self.run_cli(*WORDS, "--out", "whole", "--quiet")

    def interrupt(self, number, epochs):
        """Starts a run and sends the signal when its history holds so many epochs."""
        process = self.start(*WORDS, "--out", "run")
        path = self.path("run/history.jsonl")
        while process.poll() is None:
            if os.path.exists(path):
                with open(path, "rb") as file:
                    if file.read().count(b'"epoch","epoch"') >= epochs:
                        break
            time.sleep(0.001)
        process.send_signal(number)
        _, err = process.communicate()
        return process.returncode, err

    def expect_same_as_whole(self):
        self.run_cli("train", "--resume", "run", "--quiet")
        self.assertEqual(self.read("run/model.safetensors"), self.read("whole/model.safetensors"))
        self.assertEqual(without_time(self.history("run")), without_time(self.history("whole")))
        self.assertFalse([name for name in os.listdir(self.path("run")) if name.endswith(".partial")])

    def test_interrupt_tells_how_to_go_on(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                status, err = self.interrupt(number, 2)
                self.assertEqual(status, 128 + number, err)
                self.assertRegex(err, r"interrupted in epoch \d+; to continue:\n  perdita train --resume run\n")
                self.assertFalse(os.path.exists(self.path("run/model.safetensors")))
                self.expect_same_as_whole()
                shutil.rmtree(self.path("run"))

    def test_killed(self):
        for epochs in (0, 1, 3, 7):
            with self.subTest(epochs):
                status, err = self.interrupt(signal.SIGKILL, epochs)
                self.assertEqual(status, -signal.SIGKILL, err)
                if os.path.exists(self.path("run/config.json")):  # else killed before the run had begun
                    self.expect_same_as_whole()
                shutil.rmtree(self.path("run"))

    def test_more_epochs_later(self):
        words = [word if word != "12" else "5" for word in WORDS]
        self.run_cli(*words, "--out", "run", "--quiet")
        self.run_cli("train", "--resume", "run", "--epochs", "12", "--threads", "1", "--quiet")
        self.assertEqual(self.read("run/model.safetensors"), self.read("whole/model.safetensors"))

    def test_two_processes_cannot_share_a_folder(self):
        first = self.start(*WORDS[:-6], "--epochs", "1000", "--out", "run")
        while not os.path.exists(self.path("run/history.jsonl")) and first.poll() is None:
            time.sleep(0.001)
        try:
            self.fails(1, "train", "--resume", "run", says=["run", "another process is writing"])
        finally:
            first.kill()
            first.communicate()


main()
