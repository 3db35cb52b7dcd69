"""Sorts the files that the reader tests read into one folder of seeds a format: seeds.py SOURCE_FOLDER SEED_FOLDER"""

import io
import pathlib
import subprocess
import sys
import tempfile
import zipfile

CSV = ["a,b,y\n1,2,3\n4,5,6\n", "1 , +2,x\r\n\r\n 4,5\t,y\r\n", '1e-60,"0\n","a ""b"""\r-1e39,nan,\r']
FORMULAS = [
    "alpha*(1-exp(-b))^gamma*b where b = softplus(y) - t*y; alpha = 0.25; gamma = 2",
    "select(abs(y - t) < 1 & !(y >= 2 | t != 0), square(y), 2*abs(y) - 1)",
    "min(y, t, 3) + max(y, 0) + clamp(y, -1, 1e-3) + copy_sign(y, t) ** -2 + pi * e",
    "xlogy(y, t) + lgamma(y) + digamma(t) + erf(y) + log_cosh(y) + log1p(y) + expm1(t) + sqrt(y) + sign(t)",
    "flip_sign(y, t) + zero_unless(y == t, log_sigmoid(y)) + clamp_min(y, inf) + clamp_max(t, .5) + tanh(sigmoid(y))",
]


def write_rows(seeds):
    """Behind a byte of options: the files of the other formats, and archives of NPY files, stored and deflated."""
    (seeds / "rows").mkdir(parents=True, exist_ok=True)
    arrays = sorted((seeds / "npy").iterdir())
    for path in arrays:
        (seeds / "rows" / path.name).write_bytes(b"\0" + path.read_bytes())
    for i, text in enumerate(["1,2,3\n4,5,6\n", "a;b\n1;-2e30\n", "# x\t0\n1\t2\n\n", '"a",labels\r\n1.5,nan\r\n']):
        (seeds / "rows" / f"{i}.csv").write_bytes(bytes([3 * i]) + text.encode())
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", packing) as archive:
            archive.writestr("a.npy", arrays[0].read_bytes())
            archive.writestr("labels.npy", arrays[-1].read_bytes())
        for option in (6, 9):
            (seeds / "rows" / f"{packing}-{option}.npz").write_bytes(bytes([option]) + file.getvalue())


def main(source, seeds):
    with tempfile.TemporaryDirectory() as made:
        subprocess.run([sys.executable, source / "tests/data/make_files.py", made], check=True)
        for path in sorted(pathlib.Path(made).iterdir()):
            kind = path.suffix.lstrip(".") if path.suffix != ".gz" else "idx"
            folder = seeds / kind
            folder.mkdir(parents=True, exist_ok=True)
            (folder / path.name).write_bytes(path.read_bytes())
    write_rows(seeds)
    (seeds / "formula").mkdir(parents=True, exist_ok=True)
    for i, text in enumerate(FORMULAS):
        (seeds / "formula" / f"{i}.txt").write_text(text)
    for i, text in enumerate(CSV):
        (seeds / "csv" / f"{i}.csv").write_text(text, newline="")


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
