"""Hostile run files and names: a named error, in bounded memory, and nothing that steers the terminal."""

import json
import os
import struct
import subprocess

from harness import PROGRAM, CliTest, limit_memory, main, npy

DEEP = "[" * 50_000 + "]" * 50_000
LOSSES = "binary_cross_entropy_with_logits; binary_focal"
BAD_NAMES = ("\x1b]0;owned\x07", "a\nb", "\u202egpj", "\x9b31m", "\x7f")


def split(checkpoint):
    """Header and data of a safetensors file."""
    length = struct.unpack("<Q", checkpoint[:8])[0]
    return json.loads(checkpoint[8 : 8 + length]), checkpoint[8 + length :]


def join(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def drop(checkpoint, name):
    """The file without one tensor."""
    header, data = split(checkpoint)
    begin, end = header.pop(name)["data_offsets"]
    for key, entry in header.items():
        if key != "__metadata__" and entry["data_offsets"][0] >= end:
            entry["data_offsets"] = [at - (end - begin) for at in entry["data_offsets"]]
    return join(header, data[:begin] + data[end:])


def fill(checkpoint, name, element):
    """The file with one tensor's elements all the same bytes."""
    header, data = split(checkpoint)
    begin, end = header[name]["data_offsets"]
    return join(header, data[:begin] + element * ((end - begin) // len(element)) + data[end:])


def change(checkpoint, **facts):
    header, data = split(checkpoint)
    known = json.loads(header["__metadata__"]["perdita_checkpoint"])
    header["__metadata__"]["perdita_checkpoint"] = json.dumps({**known, **facts})
    return join(header, data)


class RunFiles(CliTest):
    def setUp(self):
        super().setUp()
        words = "train --data synthetic:moons --epochs 2 --charts none --patience 2 --quiet --out run"
        self.run_cli(*words.split())
        self.checkpoint = self.read("run/checkpoint.safetensors")

    def refuses(self, name, content, *says, command="train", folder="run"):
        """Resuming with this file fails in half a gigabyte of memory, with one line that names the file."""
        self.write(f"{folder}/{name}", content)
        more = ["--epochs", "4"] if command == "train" else []
        err = self.fails(
            1, command, "--resume", folder, *more, "--quiet", says=[name, *says], preexec_fn=limit_memory(1 << 29)
        )
        self.assertEqual(err.count("\n"), 1, err)
        self.assertLess(len(err), 1000)

    def test_json_that_is_nested_deeply(self):
        header = DEEP.encode().replace(b"[", b'{"a":', 1)[:-1] + b"}"
        self.refuses("checkpoint.safetensors", struct.pack("<Q", len(header)) + header, "nested")
        whole, data = split(self.checkpoint)
        whole["__metadata__"]["perdita_checkpoint"] = DEEP
        self.refuses("checkpoint.safetensors", join(whole, data), "nested")
        self.write("run/checkpoint.safetensors", self.checkpoint)
        self.refuses("history.jsonl", DEEP + "\n", "nested")
        os.remove(self.path("run/checkpoint.safetensors"))
        self.refuses("config.json", DEEP, "nested")
        self.refuses("config.json", '{"data": ' + DEEP + "}", "nested")

    def test_checkpoints_of_wrong_facts(self):
        huge = 10**30
        for key, values in {
            "epoch": (-1, 3, 1e300, huge, "2", None, [], 2.5),
            "step": (-1, huge, 1, "9", None),
            "best_epoch": (-1, 3, huge, "1"),
            "best_loss": (None, "0.1", [1]),
            "data_checksum": (-1, 1 << 32, "1", None),
            "config": (
                None,
                [],
                7,
                {"data": None},
                {"data": ["x"]},
                {"lr": huge, "data": "synthetic:moons"},
                {"epochs": 1e99},
            ),
        }.items():
            for value in values:
                with self.subTest(key, value=value):
                    self.refuses("checkpoint.safetensors", change(self.checkpoint, **{key: value}))
        header, data = split(self.checkpoint)
        for text in ("", "{}", "[]", "null", "{", '{"epoch": 1, "epoch": 2}'):
            header["__metadata__"]["perdita_checkpoint"] = text
            self.refuses("checkpoint.safetensors", join(header, data))

    def test_checkpoints_of_wrong_tensors(self):
        header, _ = split(self.checkpoint)
        for name in [name for name in header if name != "__metadata__"]:
            with self.subTest(name):
                if not name.startswith("optimizer.mean"):
                    self.refuses("checkpoint.safetensors", drop(self.checkpoint, name))
                changed = json.loads(json.dumps(header))
                dtype = changed[name]["dtype"]
                changed[name]["dtype"] = {"F32": "I32", "I64": "F64", "F64": "I64"}[dtype]
                self.refuses("checkpoint.safetensors", join(changed, split(self.checkpoint)[1]))
                if len(header[name]["shape"]) > 1:
                    changed[name] = {**header[name], "shape": header[name]["shape"][::-1] + [1]}
                    self.refuses("checkpoint.safetensors", join(changed, split(self.checkpoint)[1]))
                wrong = {
                    "F32": struct.pack("<f", float("nan")),
                    "F64": struct.pack("<d", float("nan")),
                    "I64": struct.pack("<q", -1),
                }
                self.refuses("checkpoint.safetensors", fill(self.checkpoint, name, wrong[dtype]))

    def test_a_margin_tracker_without_visits(self):
        self.write("run/checkpoint.safetensors", fill(self.checkpoint, "samples.visits", bytes(8)))
        out, _ = self.run_cli("train", "--resume", "run")  # no epoch is left, so no sample is suspect
        self.assertNotIn("suspects", out)

    def test_histories(self):
        lines = self.read("run/history.jsonl").splitlines(keepends=True)
        for line in (
            b"[]\n",
            b"nonsense\n",
            b'{"kind":1}\n',
            b'{"kind":"epoch","epoch":1e300}\n',
            b'{"kind":"epoch","epoch":"1"}\n',
            b'{"kind":"epoch","epoch":18446744073709551615}\n',
            b'{"kind":"epoch","epoch":-3}\n',
            b'{"kind":"step","step":-3}\n',
            b'{"kind":"epoch","epoch":1,"epoch":2}\n',
            b"\xff\xfe\n",
        ):
            with self.subTest(line):
                self.refuses("history.jsonl", line + b"".join(lines))
        self.refuses("history.jsonl", b"", "no record of epoch")

    def test_configurations(self):
        os.remove(self.path("run/checkpoint.safetensors"))
        config = json.loads(self.read("run/config.json"))
        for key, values in {
            "epochs": (0, -1, 1e300, 10**30, "many", None, [], True),
            "lr": (0, -1, "nan", 1e400, None, {}),
            "batch_size": (0, 10**30, 1.5),
            "hidden": ([128], "1,x", -1, None),
            "seed": (-1, 1e300, 2**64),
            "threads": (0, 100000),
            "loss": (7, None, "nothing"),
            "data": (None, ["synthetic:moons"]),
            "unknown": (1,),
        }.items():
            for value in values:
                with self.subTest(key, value=value):
                    self.refuses("config.json", json.dumps({**config, key: value}))

    def test_comparisons(self):
        words = "compare --data synthetic:moons --epochs 1 --seeds 1 --charts none --quiet --out both --losses"
        self.run_cli(*words.split(), LOSSES)
        whole = json.loads(self.read("both/comparison.json"))
        first = whole["results"][0]
        metric = [key for key in first if key not in ("loss", "seed", "recall")][0]

        def refuses(content, *says):
            self.refuses("comparison.json", content, *says, command="compare", folder="both")

        refuses(DEEP, "nested")
        refuses('{"results": ' + DEEP + "}", "nested")
        for key, values in {
            "losses": (1, None, ["mse"]),
            "seeds": (0, -1, 1001, 10**30, 1e300, "2", None),
            "options": (None, [], 3, {"data": None}),
            "results": (None, {}, 1, [1], [None], [[]]),
        }.items():
            for value in values:
                with self.subTest(key, value=value):
                    refuses(json.dumps({**whole, key: value}))
        for key, values in {
            "loss": (1, "mse"),
            "seed": (-1, 7, "0", 1e300, 10**30, None),
            metric: ("1", [], {}),
            "failure": (1, None),
            "recall": (1, [0.5], [0.5] * 3, ["a", "b"], [None, None]),
        }.items():
            for value in values:
                with self.subTest(key, value=value):
                    refuses(json.dumps({**whole, "results": [{**first, key: value}]}))
        refuses(json.dumps({**whole, "results": [first, first]}), "twice")
        refuses(json.dumps({k: v for k, v in whole.items() if k != "seeds"}), "seeds")
        self.write("both/comparison.json", json.dumps(whole))
        for content in (
            npy("<f4", (4,), bytes(16)),
            npy("<i8", (2, 2), bytes(32)),
            npy("<f4", (), bytes(4)),
            b"does not contain an array",
        ):
            name = "runs/1-binary_cross_entropy_with_logits-seed-0/test_samples.npy"
            self.refuses(name, content, command="compare", folder="both")


class Names(CliTest):
    def expect_harmless(self, *words, status=None):
        done = subprocess.run([PROGRAM, *words], cwd=self.folder, capture_output=True)
        if status is not None:
            self.assertEqual(done.returncode, status, done.stderr)
        for text in (done.stdout, done.stderr):
            shown = text.decode()  # UTF-8 whatever was quoted
            bad = [
                c for c in shown if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2028\ufeff"
            ]
            self.assertFalse(bad, shown)
        if status in (1, 2):
            first = done.stderr.decode().splitlines()[0]
            self.assertIn(": error: ", first)
        return done

    def test_words_of_the_command_line(self):
        for name in (*BAD_NAMES, b"\xff\xfe.csv"):
            for words in (
                ["train", "--data", name],
                ["train", "--data", "synthetic:moons", "--loss", name],
                ["train", "--data", "synthetic:moons", "--class-weights", name],
                ["train", "--data", "synthetic:moons", "--lr", name],
                ["train", "--resume", name],
                ["train", "--out", name, name],
                ["compare", "--data", "synthetic:moons", "--losses", name],
                ["compare", "--resume", name],
                ["evaluate", "--predictions", name, "--targets", name],
                ["evaluate", "--predictions", "x", "--targets", "y", "--loss", name],
                ["weights", name],
                ["weights", "x", "--scheme", name],
                ["losses", name],
                ["explain", name],
                ["check", name],
                ["version", name],
                ["help", name],
                [name],
            ):
                with self.subTest(words):
                    done = self.expect_harmless(*words)
                    self.assertIn(done.returncode, (1, 2))
                    self.assertLessEqual(done.stderr.count(b"\n"), 4)

    def test_names_in_files(self):
        for number, name in enumerate(BAD_NAMES):
            with self.subTest(name):
                quoted = json.dumps(name)
                self.write("data.csv", f'a,"{name}",y\n1,2,"{name}"\n1,inf,x\n')
                self.expect_harmless("train", "--data", "csv:data.csv", status=1)
                rows = "".join(f'{i},{i % 7},"{name}{i % 2}"\n' for i in range(60))
                self.write("data.csv", f'a,"{name}",y\n{rows}')
                run = f"run-{number}"
                words = ["--data", "csv:data.csv", "--epochs", "1", "--charts", "none", "--out", run]
                self.expect_harmless("train", *words, status=0)
                self.expect_harmless("weights", "data.csv:y")
                self.write(f"{run}/config.json", f'{{"data": "csv:data.csv", {quoted}: 1}}')
                os.rename(self.path(f"{run}/checkpoint.safetensors"), self.path("kept.safetensors"))
                self.expect_harmless("train", "--resume", run, status=1)
                self.write(f"{run}/config.json", f'{{"data": "csv:data.csv", "lr": {quoted}}}')
                self.expect_harmless("train", "--resume", run, status=1)
                header, data = split(self.read("kept.safetensors"))
                header[name] = {"dtype": "F32", "shape": [9], "data_offsets": [0, 0]}
                self.write(f"{run}/checkpoint.safetensors", join(header, data))
                self.expect_harmless("train", "--resume", run, status=1)
                self.write("p.csv", "0.1,0.9\n0.8,0.2\n")
                self.write("y.csv", "1\n0\n")
                self.write("names.txt", name + "\n" + name + "2\n" + name + "3\n")
                self.expect_harmless(
                    "evaluate", "--predictions", "p.csv", "--targets", "y.csv", "--class-names", "names.txt"
                )
                self.write("weights.txt", f"1\n{name}\n")
                self.expect_harmless("train", "--data", "synthetic:moons", "--class-weights", "weights.txt", status=1)

    def test_files_whose_names_are_not_utf8(self):
        name = b"caf\xe9.csv"
        with open(os.path.join(self.folder.encode(), name), "w") as file:
            file.write("a,y\n" + "\n".join(f"{i},{i % 2}" for i in range(60)))
        done = self.expect_harmless("train", "--data", b"csv:" + name, "--out", "run", status=2)
        self.assertIn(b"UTF-8", done.stderr)
        self.assertFalse(os.path.exists(self.path("run")))
        done = self.expect_harmless("compare", "--data", b"csv:" + name, "--losses", "binary_focal; binary_focal:gamma=1",
                                    "--out", "both", status=2)  # fmt: skip
        self.assertIn(b"UTF-8", done.stderr)


main()
