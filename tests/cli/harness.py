"""What the tests of the command line share: the program, a folder of its own for each test, files to read."""

import gzip
import json
import os
import resource
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv[1])


class CliTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return name

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def start(self, *words, **options):
        return subprocess.Popen(
            [PROGRAM, *words], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )

    def run_cli(self, *words, status=0, **options):
        """Runs to the end; returns what was printed to standard output and error."""
        process = self.start(*words, **options)
        out, err = process.communicate()
        self.assertEqual(process.returncode, status, f"{words}\n{out}\n{err}")
        return out, err

    def fails(self, status, *words, says, **options):
        """Runs a command that must fail: one message that holds all of `says`."""
        _, err = self.run_cli(*words, status=status, **options)
        self.assertIn(": error: ", err)
        for part in says:
            self.assertIn(part, err, f"{words}")
        return err

    def history(self, run):
        return [json.loads(line) for line in self.read(f"{run}/history.jsonl").splitlines()]


def limit_file_size(size):
    """A full disk, for whoever is root: no file grows beyond this."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def limit_memory(size):
    """No more address space than this, touched or not. None under a sanitizer, which reserves terabytes itself."""
    if "PERDITA_SANITIZED" in os.environ:
        return None
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size))


def idx(code, content, sizes):
    return bytes([0, 0, code, len(sizes)]) + b"".join(struct.pack(">I", size) for size in sizes) + content


def npy(descr, shape, content):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape!r}, }}"
    header += " " * (-(11 + len(header)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + content


def images(count, classes=3, side=4):
    """IDX files of images whose brightest row tells the class: images, labels."""
    pixels, labels = bytearray(), bytearray()
    for i in range(count):
        label = i * 7 % classes
        labels.append(label)
        for row in range(side):
            for column in range(side):
                pixels.append((200 if row == label else 20) + (i * 31 + column * 17) % 50)
    return idx(8, bytes(pixels), [count, side, side]), idx(8, bytes(labels), [count])


def write_images(test, folder, train=600, held_back=150, **options):
    os.makedirs(test.path(folder), exist_ok=True)
    for prefix, count in (("train", train), ("t10k", held_back)):
        pixels, labels = images(count, **options)
        test.write(f"{folder}/{prefix}-images-idx3-ubyte.gz", gzip.compress(pixels))
        test.write(f"{folder}/{prefix}-labels-idx1-ubyte", labels)
    return folder


def main():
    unittest.main(argv=sys.argv[:1])
