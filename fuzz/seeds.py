"""Sorts the files that the reader tests read into one folder of seeds a format: seeds.py SOURCE_FOLDER SEED_FOLDER"""

import pathlib
import subprocess
import sys
import tempfile

CSV = ["a,b,y\n1,2,3\n4,5,6\n", "1 , +2,x\r\n\r\n 4,5\t,y\r\n", '1e-60,"0\n","a ""b"""\r-1e39,nan,\r']


def main(source, seeds):
    with tempfile.TemporaryDirectory() as made:
        subprocess.run([sys.executable, source / "tests/data/make_files.py", made], check=True)
        for path in sorted(pathlib.Path(made).iterdir()):
            kind = path.suffix.lstrip(".") if path.suffix != ".gz" else "idx"
            folder = seeds / kind
            folder.mkdir(parents=True, exist_ok=True)
            (folder / path.name).write_bytes(path.read_bytes())
    for i, text in enumerate(CSV):
        (seeds / "csv" / f"{i}.csv").write_text(text, newline="")


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
