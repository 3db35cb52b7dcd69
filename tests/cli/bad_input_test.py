"""Each wrong input gives an error that names what is wrong and what is valid, the right status, and no half-written file."""

import gzip
import os
import re
import struct

from harness import CliTest, idx, images, limit_file_size, main, npy, write_images


class BadInput(CliTest):
    def refuses(self, data, *words, says, status=1):
        """A run on these data fails and leaves nothing behind."""
        err = self.fails(status, "train", "--data", data, *words, "--out", "run", says=says)
        self.assertFalse(os.path.exists(self.path("run")), err)

    def test_options(self):
        for words, says in (
            ("--lr 0", ["--lr", "'0'", "above 0"]),
            ("--lr fast", ["--lr", "'fast'"]),
            ("--batch-size 1.5", ["--batch-size", "'1.5'", "whole number"]),
            ("--epochs 0", ["--epochs", "'0'"]),
            ("--val-fraction 1", ["--val-fraction", "'1'"]),
            ("--hidden 64,x", ["--hidden", "'64,x'", "256,128"]),
            ("--seed -1", ["--seed", "'-1'"]),
            ("--threads 0", ["--threads", "'0'"]),
            ("--optimizer adamm", ["'adamm'", "sgd, adam, adamw", "did you mean 'adam'"]),
            ("--optimizer sgd:nesterov=yes", ["nesterov", "momentum"]),
            ("--optimizer adam:beta1=1", ["beta1", "1"]),
            ("--loss cross_entropi", ["'cross_entropi'", "did you mean 'cross_entropy'"]),
            ("--loss mse", ["mse", "2 classes", "binary_cross_entropy_with_logits"]),
            ("--sampling some", ["--sampling", "shuffle, balanced"]),
            ("--patience 3 --val-fraction 0", ["patience", "val-fraction"]),
            ("--standardize maybe", ["--standardize", "yes, no"]),
        ):
            self.refuses("synthetic:moons", *words.split(), says=says, status=2)
        self.refuses("synthetic:linear", "--loss", "huber:delta=-1", says=["delta is -1", "above 0"], status=2)
        self.refuses("synthetic:linear", "--class-weights", "balanced", says=["balanced", "none"], status=2)
        self.refuses("synthetic:linear", "--sampling", "balanced", says=["balanced", "shuffle"], status=2)
        self.refuses("nothing", says=["'nothing'", "fashion-mnist", "csv:FILE"], status=2)
        self.refuses("synthetic:moon", says=["'moon'", "moons"], status=2)

    def test_csv(self):
        for content, says in (
            ("", ["data.csv", "empty"]),
            ("a,b,y\n", ["data.csv"]),
            ("a,b,y\n1,2,3\n1,2\n", ["data.csv: line 3", "2", "3"]),
            ("a,b,y\n1,2,3\n1,inf,3\n", ["data.csv: line 3", "'inf'", "b"]),
            ("a,b,y\n1,2,nan\n1,2,\n", ["the target, column 2 'y', is missing in all 2 rows"]),
            ("a,y\nx,1\nz,2\nu,3\n", ["no input is left", "'a' has 3 different values"]),
            ('a,b,y\n1,"2,3\n', ["data.csv: line 2"]),
        ):
            self.write("data.csv", content)
            self.refuses("csv:data.csv", says=says)
        self.refuses("csv:absent.csv", says=["absent.csv", "No such file"])
        self.write("data.csv", "a,b,y\n1,2,3\n")
        self.refuses("csv:data.csv,target=z", says=["'z'", "'a', 'b', 'y'"])

    def test_npy(self):
        features = npy("<f4", (4, 2), struct.pack("<8f", *range(8)))
        labels = npy("<i8", (4,), struct.pack("<4q", 0, 1, 1, 0))

        def data(x=features, y=labels):
            self.write("x.npy", x)
            self.write("y.npy", y)
            return "npy:x.npy,y.npy"

        nan = float("nan")
        self.refuses(data(y=npy("<i8", (3,), struct.pack("<3q", 0, 1, 1))), says=["3", "4"])
        self.refuses(data(y=npy("<i8", (4,), struct.pack("<4q", 0, -1, 1, 0))), says=["-1"])
        self.refuses(data(y=npy("<f4", (4,), struct.pack("<4f", 0, 1, nan, 0))), says=["nan", "2"])
        self.refuses(data(x=npy("<f4", (4, 2), struct.pack("<8f", *[nan] * 8))), says=["nan"])
        self.refuses(data(x=npy("<f4", (0, 2), b""), y=npy("<i8", (0,), b"")), says=["no samples"])
        self.refuses(data(x=npy("<f4", (4, 2), struct.pack("<7f", *range(7)))), says=["x.npy", "28", "32"])
        self.refuses(data(x=npy("<c8", (4, 2), bytes(64))), says=["x.npy", "c8"])
        self.refuses(data(x=b"PK\x03\x04 not an array"), says=["x.npy", "NPY"])
        self.refuses(data(y=npy("<i8", (4, 2), bytes(64))), says=["[4, 2]"])
        self.refuses("npy:x.npy", says=["npy:X,Y"], status=2)

    def test_idx(self):
        pixels, labels = images(30)

        def data(pixels=pixels, labels=labels):
            os.makedirs(self.path("images"), exist_ok=True)
            self.write("images/train-images-idx3-ubyte", pixels)
            self.write("images/train-labels-idx1-ubyte", labels)
            return "idx:images"

        self.refuses(data(pixels[:-5]), says=["train-images-idx3-ubyte", "ends at byte 491", "496"])
        self.refuses(data(pixels + b"more"), says=["train-images-idx3-ubyte"])
        self.refuses(data(gzip.compress(pixels)[:-20]), says=["train-images-idx3-ubyte"])
        self.refuses(data(b"\x89PNG\r\n\x1a\n" + bytes(100)), says=["train-images-idx3-ubyte", "IDX"])
        self.refuses(data(labels=labels[:-1]), says=["train-labels-idx1-ubyte"])
        self.refuses(data(labels=idx(8, bytes(29), [29])), says=["29", "30"])
        self.refuses("idx:nowhere", says=["nowhere", "train-images-idx3-ubyte"])

    def test_targets_outside_the_domain(self):
        self.write("data.csv", "x,p\n" + "\n".join(f"{i},{p}" for i, p in enumerate([0.2, 0.4, 1.5, 0.3])))
        self.refuses("csv:data.csv", "--loss", "binary_cross_entropy", says=["1.5", "sample 2", "0..1"])
        self.write("data.csv", "x,n\n" + "\n".join(f"{i},{n}" for i, n in enumerate([0.5, 2, -3.5, 1])))
        self.refuses("csv:data.csv", "--loss", "poisson_nll", says=["-3.5", "0 or more"])

    def test_class_weights(self):
        for content, says in (
            ("1\n2\n3\n", ["weights.txt", "3 numbers", "2"]),
            ("1\nx\n", ["weights.txt:2", "'x'"]),
            ("1\n-1\n", ["weights.txt:2", "'-1'"]),
            ("1 nan\n", ["weights.txt:1", "'nan'"]),
        ):
            self.write("weights.txt", content)
            self.refuses("synthetic:moons", "--class-weights", "weights.txt", says=says)
        self.refuses("synthetic:moons", "--class-weights", "absent.txt", says=["absent.txt"])

    def test_folders(self):
        self.write("taken", "something")
        moons = ["train", "--data", "synthetic:moons", "--epochs", "1"]
        self.fails(2, *moons, "--out", "taken", says=["taken", "--overwrite"])
        self.fails(1, *moons, "--out", "taken/run", says=["taken/run"])
        self.fails(1, *moons, "--out", "/proc/run", says=["/proc/run"])
        self.run_cli(*moons, "--out", "run", "--quiet")
        before = self.read("run/model.safetensors")
        self.fails(2, *moons, "--out", "run", says=["run is not empty", "--overwrite", "--resume run"])
        self.assertEqual(self.read("run/model.safetensors"), before)
        self.run_cli(*moons, "--out", "run", "--seed", "1", "--overwrite", "--quiet")
        self.assertNotEqual(self.read("run/model.safetensors"), before)

    def test_resume(self):
        self.fails(1, "train", "--resume", "nowhere", says=["nowhere"])
        os.mkdir(self.path("empty"))
        self.fails(1, "train", "--resume", "empty", says=["the folder empty does not contain a run"])
        write_images(self, "images")
        self.run_cli("train", "--data", "idx:images", "--epochs", "1", "--out", "run", "--quiet")
        self.fails(2, "train", "--resume", "run", "--seed", "1", says=["--seed cannot change", "--epochs"])
        self.fails(2, "train", "--resume", "run", "--out", "other", says=["--out", "--resume"])
        write_images(self, "images", train=601)
        self.fails(1, "train", "--resume", "run", "--epochs", "2", says=["idx:images", "the same samples"])
        write_images(self, "images")
        whole = self.read("run/checkpoint.safetensors")
        for damaged in (b"", whole[:7], whole[:200], whole[:-9], b"\xff" * 8 + whole[8:], b"GIF89a" + whole):
            self.write("run/checkpoint.safetensors", damaged)
            self.fails(1, "train", "--resume", "run", "--epochs", "2", says=["checkpoint.safetensors"])
        self.write("run/checkpoint.safetensors", self.read("run/model.safetensors"))
        self.fails(1, "train", "--resume", "run", says=["checkpoint.safetensors", "a checkpoint of perdita train"])
        self.write("run/checkpoint.safetensors", whole)
        self.run_cli("train", "--resume", "run", "--epochs", "2", "--quiet")

    def test_full_disk(self):
        data = ["--data", "synthetic:moons", "--hidden", "64", "--epochs", "3", "--out"]
        self.run_cli("train", *data, "whole", "--quiet")
        for name in ("history.jsonl", "checkpoint.safetensors", "report.html"):
            with self.subTest(name):
                run = name.split(".")[0]
                size = len(self.read(f"whole/{name}")) - 1
                if name == "checkpoint.safetensors":
                    data = [word if word != "64" else "400" for word in data]
                    size = 12000
                self.fails(1, "train", *data, run, says=[run + "/"], preexec_fn=limit_file_size(size))
                left = os.listdir(self.path(run))
                if "report.html" in left:  # that of an earlier epoch, whole
                    page = self.read(f"{run}/report.html")
                    self.assertIn(b'http-equiv="refresh"', page)
                    self.assertTrue(page.endswith(b"</html>\n"))
                self.assertFalse([n for n in left if n.endswith(".partial")], left)

    def test_loss_that_runs_away(self):
        words = ["train", "--data", "synthetic:linear", "--optimizer", "sgd", "--out", "run"]
        says = ["epoch 1, batch ", "learning rate 1e+20 is too large", "there is no checkpoint yet"]
        self.fails(1, *words, "--lr", "1e20", says=says)
        self.assertNotIn("checkpoint.safetensors", os.listdir(self.path("run")))

        self.run_cli(*words, "--lr", "0.01", "--epochs", "2", "--overwrite", "--quiet")
        good = self.read("run/checkpoint.safetensors")
        says = ["epoch 3, batch ", "the checkpoint of epoch 2 is kept in run/checkpoint.safetensors"]
        err = self.fails(1, "train", "--resume", "run", "--lr", "1e30", "--epochs", "4", says=says)
        self.assertTrue(re.search(r"training loss is (inf|nan|-inf)", err), err)
        self.assertEqual(self.read("run/checkpoint.safetensors"), good)
        self.run_cli("train", "--resume", "run", "--lr", "0.01", "--epochs", "4", "--quiet")


main()
