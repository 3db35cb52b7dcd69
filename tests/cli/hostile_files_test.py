"""Small files that claim a lot: they must be refused, or read, within 64 MB and twice what they hold."""

import gzip
import os
import struct
import subprocess
import zipfile

from harness import PROGRAM, CliTest, idx, limit_memory, main, npy

MARGIN = 64 << 20


class HostileFiles(CliTest):
    @classmethod
    def setUpClass(cls):
        cls.environment = dict(os.environ, OMP_NUM_THREADS="1", MALLOC_ARENA_MAX="1", PERDITA_PNG="no")

    def setUp(self):
        super().setUp()
        self.write("ok.npy", npy("<f8", (3,), bytes(24)))
        self.base = self.least("evaluate", "--predictions", "ok.npy", "--targets", "ok.npy", "--loss", "mse")

    def run_within(self, size, *words):
        return subprocess.run([PROGRAM, *words], cwd=self.folder, capture_output=True, text=True, env=self.environment,
                              preexec_fn=limit_memory(size))  # fmt: skip

    def least(self, *words):
        """The address space that a command takes which does nearly nothing, to 4 MB."""
        low, high = 0, 1 << 32
        while high - low > 4 << 20:
            middle = (low + high) // 2
            low, high = (low, middle) if self.run_within(middle, *words).returncode == 0 else (middle, high)
        return high

    def check(self, *words, held, says=None, status=1):
        """Within the bound for `held` bytes of file content the command fails with such a message, or succeeds."""
        found = self.run_within(self.base + MARGIN + 2 * held, *words)
        self.assertNotIn("bad_alloc", found.stderr)
        self.assertNotIn("memory", found.stderr)
        if says is None:
            self.assertEqual(found.returncode, 0, found.stderr[-500:])
            return
        self.assertEqual(found.returncode, status, found.stderr[-500:])
        self.assertIn(": error: ", found.stderr)
        self.assertIn(says, found.stderr)
        self.assertLess(len(found.stderr), 2000)

    def evaluate(self, predictions, *words, targets="ok.npy", **expected):
        self.check("evaluate", "--predictions", predictions, "--targets", targets, *words, **expected)

    def test_npz_that_claims_a_long_row(self):
        claims = npy("<f8", (3, 100000000), b"\0" * 16)
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            with zipfile.ZipFile(self.path("a.npz"), "w", method) as archive:
                archive.writestr("a.npy", claims)
            for loss in ("mse", "cross_entropy"):
                self.evaluate("a.npz", "--loss", loss, held=200, says="shape [3, 100000000]")
        data = bytearray(self.read("a.npz"))
        at = data.rfind(b"PK\x01\x02")
        data[at + 24 : at + 28] = struct.pack("<I", 2400000128)  # the directory claims as much
        self.write("a.npz", bytes(data))
        self.evaluate(
            "a.npz", "--loss", "mse", held=200, says="requires 2400000000 bytes, more than the file can contain"
        )

    def test_npy_shapes(self):
        for shape in ((3, 100000000), (3, 2**62), (2**40, 2**40), (2**62, 0), (3, 2**31, 2**31)):
            self.write("a.npy", npy("<f8", shape, b""))
            self.evaluate("a.npy", "--loss", "mse", held=200, says="a.npy")

    def test_text_of_many_fields(self):
        self.write("wide.csv", "1," * 5_000_000 + "1\n")
        self.evaluate("wide.csv", "--loss", "mse", held=10_000_000, says="more than 1048576 fields")
        self.write("wide.csv", "1," * 65535 + "1\n")
        self.write("one.csv", "3\n")
        self.write("wider.csv", "1," * 65536 + "1\n")
        self.evaluate("wider.csv", targets="one.csv", held=131074, says="65537 columns (valid: up to 65536")
        self.evaluate("wide.csv", targets="one.csv", held=131072)
        self.write("long.csv", '"' + "x" * 40_000_000)
        self.evaluate("long.csv", "--loss", "mse", held=40_000_000, says="more than 16777216 bytes")
        self.write("lines.csv", "\n" * 20_000_000)
        self.evaluate("lines.csv", "--loss", "mse", held=20_000_000, says="the file is empty")

    def test_many_fields_elsewhere(self):
        self.write("wide.csv", "1," * 5_000_000 + "1\n")
        self.check("weights", "wide.csv:0", held=10_000_000, says="more than 65536 fields")
        self.check("train", "--data", "csv:wide.csv", held=10_000_000, says="more than 262144 fields")
        self.write("words.csv", "x,y\n" + "".join(f"1,w{i:x}\n" for i in range(400_000)))
        self.check("train", "--data", "csv:words.csv", held=3_600_000, says="more than 262144 different labels")

    def test_labels_far_apart(self):
        self.write("y.csv", "99999999\n1\n")
        self.check(
            "weights", "y.csv", held=11, says="is 99999999 (valid: 0..262143; for larger labels set num_classes)"
        )
        self.write("y.npy", npy("<i8", (2,), struct.pack("<2q", 99999999, 1)))
        self.check(
            "weights", "y.npy", held=144, says="is 99999999 (valid: 0..262143; for larger labels set num_classes)"
        )
        self.write("most.csv", "262143\n1\n")
        self.check("weights", "most.csv", held=9)
        self.check("weights", "most.csv", "--json", held=9)
        self.write("words.csv", "".join(f"w{i:x}\n" for i in range(400_000)))
        self.check("weights", "words.csv", held=2_400_000, says="more than 262144 different labels")

    def test_idx_that_claims_a_lot(self):
        for content in (idx(8, b"", [60000, 1000, 1000]), idx(14, b"", [2**31, 2**31, 4])):
            self.write("train-images-idx3-ubyte", content)
            self.write("train-labels-idx1-ubyte", idx(8, b"\0", [1]))
            self.check("train", "--data", "idx:.", held=16, says="train-images-idx3-ubyte")
        # a thousandth of what is claimed
        packed = gzip.compress(idx(8, b"\0" * 1_000_000, [1000, 1000, 1000]))
        os.remove(self.path("train-images-idx3-ubyte"))
        self.write("train-images-idx3-ubyte.gz", packed + os.urandom(1_000_000))
        self.check("train", "--data", "idx:.", held=2_000_000, says="train-images-idx3-ubyte.gz")

    def test_safetensors_headers(self):
        self.write("x.csv", "a,b\n" + "1,2\n2,3\n" * 20)
        out, _ = self.run_cli("train", "--data", "csv:x.csv", "--epochs", "1", "--out", "run", "--quiet")
        deep = b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
        many = b'{"a":[' + b"0," * 5_000_000 + b"0]}"
        claims = b'{"a":{"dtype":"F64","shape":[100000000,3],"data_offsets":[0,2400000000]}}'
        for header in (deep, many, claims):
            for name in os.listdir(self.path("run")):
                if name.endswith(".safetensors"):
                    self.write(f"run/{name}", struct.pack("<Q", len(header)) + header)
            found = self.run_within(self.base + MARGIN + 2 * len(header), "train", "--resume", "run", "--epochs", "2")
            self.assertIn(found.returncode, (1, 2), found.stderr[-500:])
            self.assertIn(": error: ", found.stderr)
            self.assertNotIn("bad_alloc", found.stderr)


main()
