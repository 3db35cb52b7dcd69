"""Sorts the files that the reader tests read into one folder of seeds a format: seeds.py SOURCE_FOLDER SEED_FOLDER"""

import io
import json
import pathlib
import struct
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
    "expm1_minus_x(y) + log1p_minus_x(t) + log_ratio(y, t) + hypot(y, t)",
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


CONFIG = {
    "data": "synthetic:moons,samples=40", "val_fraction": 0.1, "test_fraction": 0.2, "standardize": "no",
    "imbalance": "none", "label_noise": 0, "sampling": "shuffle", "loss": "binary_cross_entropy_with_logits",
    "class_weights": "none", "pos_weight": "none", "normalize_by": "standard", "defer_weights": 0, "hidden": 3,
    "dropout": 0, "last_layer": "linear", "optimizer": "adam", "lr": 0.001, "schedule": "constant", "warmup": 0,
    "batch_size": 16, "epochs": 2, "patience": 0, "seed": 0, "threads": 1, "tensorboard": "no", "charts": "none",
}  # fmt: skip
HISTORY = [
    {"kind": "step", "epoch": 1, "step": 1, "train_loss": 0.7, "lr": 0.001},
    {
        "kind": "epoch",
        "epoch": 1,
        "step": 2,
        "train_loss": None,
        "val_loss": 0.6,
        "lr": 0.001,
        "nonfinite": "train_loss=nan",
    },
    {"kind": "resume", "epoch": 1, "step": 2, "lr": 0.1, "lr_before": 0.001},
    {"kind": "test", "epoch": 2, "loss": 0.5, "accuracy": 0.8},
]
OPTIONS = [
    "--data\nsynthetic:moons\n--lr\n0.1\n--hidden\n64,32\n--optimizer\nsgd:momentum=0.9,nesterov=yes",
    "--loss\nfocal:gamma=2\n--class-weights\nbalanced,cap=10\n--schedule\nstep:0.8,0.9,factor=0.2\n--warmup=1.5",
    "--losses\ncross_entropy; cross_entropy:weights=balanced; formula: abs(y - t)^1.5\n--data=csv:a.csv,target=y",
    "--imbalance\nlongtail:100\n--last-layer\ncosine:scale=16\n--weight-decay\n1e-4\n--nesterov\n--charts\npng,svg",
    "--seed\n18446744073709551615\n--epochs\n10\n--patience\n3\n--threads\n2\n--no-such-option\nword",
]


def checkpoint():
    """What a run on the 29 training samples of that configuration leaves behind one epoch."""
    shapes = {"layers.0.bias": [3], "layers.0.weight": [3, 2], "layers.2.bias": [1], "layers.2.weight": [1, 3]}
    parameters = [[3, 2], [3], [1, 3], [1]]
    tensors = [(f"optimizer.step.{i}", "I64", [1], "q") for i in range(4)] + [("samples.visits", "I64", [29], "q")]
    tensors += [(f"samples.{name}", "F64", [29], "d") for name in ("last", "losses", "margins")]
    tensors += [(f"model.{name}", "F32", shape, "f") for name, shape in shapes.items()]
    tensors += [
        (f"optimizer.{kind}.{i}", "F32", shape, "f")
        for kind in ("mean", "square_mean")
        for i, shape in enumerate(parameters)
    ]
    facts = {"epoch": 1, "step": 2, "best_epoch": 1, "best_loss": 0.59, "data_checksum": 619715890, "config": CONFIG}
    header, data = {"__metadata__": {"perdita_checkpoint": json.dumps(facts)}}, b""
    for name, dtype, shape, code in tensors:
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        values = struct.pack(f"<{count}{code}", *([1] * count))
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def write_runs(seeds):
    """Behind a byte that chooses the file: config.json, history.jsonl, a checkpoint, comparison.json; and words of a
    command, a line each."""
    common = {key: CONFIG[key] for key in ("data", "epochs", "seed")}
    result = {"loss": "binary_focal", "seed": 0, "accuracy": 0.8, "balanced_accuracy": 0.8, "test_cross_entropy": 0.5,
             "ece": None, "seconds": 0.1, "recall": [0.7, 0.9]}  # fmt: skip
    failed = {"loss": "binary_focal:gamma=1", "seed": 1, "failure": "the training loss is nan"}
    comparison = {"version": "0.1.0", "losses": "binary_focal; binary_focal:gamma=1", "seeds": 2, "options": common,
                  "results": [result, failed]}  # fmt: skip
    files = [json.dumps(CONFIG).encode(), "".join(json.dumps(line) + "\n" for line in HISTORY).encode(), checkpoint(),
             json.dumps(comparison).encode()]  # fmt: skip
    (seeds / "run_files").mkdir(parents=True, exist_ok=True)
    for i, content in enumerate(files):
        (seeds / "run_files" / f"{i}").write_bytes(bytes([i]) + content)
    (seeds / "options").mkdir(parents=True, exist_ok=True)
    for i, words in enumerate(OPTIONS):
        (seeds / "options" / f"{i}.txt").write_text(words)


def main(source, seeds):
    with tempfile.TemporaryDirectory() as made:
        subprocess.run([sys.executable, source / "tests/data/make_files.py", made], check=True)
        for path in sorted(pathlib.Path(made).iterdir()):
            kind = path.suffix.lstrip(".") if path.suffix != ".gz" else "idx"
            folder = seeds / kind
            folder.mkdir(parents=True, exist_ok=True)
            (folder / path.name).write_bytes(path.read_bytes())
    write_rows(seeds)
    write_runs(seeds)
    (seeds / "formula").mkdir(parents=True, exist_ok=True)
    for i, text in enumerate(FORMULAS):
        (seeds / "formula" / f"{i}.txt").write_text(text)
    (seeds / "stabilize").mkdir(parents=True, exist_ok=True)
    lines = (source / "tests/rewriting/formulas.txt").read_text().splitlines()
    for i, text in enumerate(FORMULAS + [line.replace("log_p", "y") for line in lines]):
        (seeds / "stabilize" / f"{i}.txt").write_text(text)
    for i, text in enumerate(CSV):
        (seeds / "csv" / f"{i}.csv").write_text(text, newline="")


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
