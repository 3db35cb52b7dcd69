"""How often the diagnosis of a training run is right: runs with a known fault, and healthy ones.

    bench/diagnosis.py build/release/bin/perdita [--half tuning|held-out|both] [--verbose]

Every scene is staged with several seeds. The rules were tuned on one half of the seeds; what
counts is the other half. A sick run is
named rightly where its fault is among the findings, and named first where it is the first of them. A healthy run with
any finding is a false alarm. Some healthy runs are on clean but noisy data: labels drawn from a true logistic or softmax
model, numbers of which a linear model explains a share; 4,000 rows, default options. No model could do much better there.
"""

import argparse
import collections
import concurrent.futures
import json
import math
import random
import struct
import subprocess
import sys
import tempfile

SGD = "--optimizer sgd:momentum=0.9 "
# fault -> commands that stage it. Each is run with every seed, which also seeds the data.
FAULTY = {
    "divergence": [
        "--data synthetic:sine --hidden 64 --optimizer sgd --lr 50 --epochs 20",
        "--data synthetic:linear,features=8 --hidden none --optimizer sgd --lr 5 --epochs 20",
        "--data synthetic:linear,noise=1 --hidden 128 " + SGD + "--lr 3 --epochs 20",
    ],
    "lr_too_large": [
        "--data synthetic:spirals --hidden 128 " + SGD + "--lr 2 --epochs 40",
        "--data synthetic:moons,samples=600 --hidden 64,64 --lr 0.5 --epochs 40",
        "--data synthetic:blobs,classes=5 --hidden 128,64 " + SGD + "--lr 1 --epochs 40",
        "--data synthetic:circles --hidden 128 " + SGD + "--lr 6 --epochs 40",
    ],
    "lr_too_small": [
        "--data synthetic:moons --hidden 64 --lr 0.0001 --epochs 30",
        "--data synthetic:blobs,classes=4 --hidden 64 --optimizer sgd --lr 0.001 --epochs 30",
        "--data synthetic:linear,features=5 --hidden 32 --lr 0.0003 --epochs 30",
        "--data synthetic:circles --hidden 64 --optimizer sgd --lr 0.003 --epochs 60",
    ],
    "underfitting": [
        "--data synthetic:circles --hidden none --lr 0.02 --epochs 40",
        "--data synthetic:spirals --hidden none --lr 0.02 --epochs 40",
        "--data synthetic:spirals --hidden 1 --lr 0.02 --epochs 40",
        "--data synthetic:circles --hidden 128 --weight-decay 3 --optimizer sgd --lr 0.05 --epochs 40",
    ],
    "plateau": [
        "--data synthetic:spirals,noise=0.05 --hidden 64 --lr 0.01 --epochs 100 --schedule step:0.08,0.1,0.12",
        "--data synthetic:moons --hidden 64 " + SGD + "--lr 0.02 --epochs 60 --schedule step:0.1,0.12,0.14",
        "--data synthetic:circles --hidden 32 --lr 0.003 --epochs 80 --schedule step:0.1,0.12,0.14",
    ],
    "overfitting": [
        "--data synthetic:moons,samples=200,noise=0.4 --hidden 256,256 --lr 0.005 --epochs 200 --val-fraction 0.3",
        "--data synthetic:circles,samples=200,noise=0.25 --hidden 256,256 --lr 0.005 --epochs 200 --val-fraction 0.3",
        "--data synthetic:blobs,samples=200,classes=4,noise=2.5 --hidden 256,256 --lr 0.005 --epochs 200 --val-fraction 0.3",
        "--data synthetic:linear,samples=120,features=30,noise=2 --hidden 256,256 --lr 0.003 --epochs 200 "
        "--val-fraction 0.3",
    ],
    "wrong_labels": [
        "--data synthetic:blobs,classes=4 --hidden 64 --lr 0.003 --epochs 15 --label-noise 0.2",
        "--data synthetic:blobs,classes=8,samples=3000 --hidden 64 --lr 0.003 --epochs 15 --label-noise 0.1",
        "--data synthetic:blobs,classes=3 --hidden none --lr 0.02 --epochs 20 --label-noise 0.15",
        "--data fashion-mnist --hidden 64 --epochs 3 --lr 0.002 --label-noise 0.2",
    ],
    "class_not_learned": [
        "--data fashion-mnist --imbalance step:1000 --hidden 64 --epochs 4",
        "--data fashion-mnist --imbalance longtail:1000 --hidden 64 --epochs 4",
        "--data synthetic:imbalanced-blobs,ratio=50,noise=3,samples=8000 --hidden 32 --epochs 20",
        "--data synthetic:blobs,classes=4,noise=2,samples=3000 --imbalance step:200 --hidden 32 --epochs 30",
    ],
    "miscalibration": [
        "--data synthetic:blobs,classes=5,samples=3000 --hidden 64 --loss cross_entropy:label_smoothing=0.5 --epochs 20",
        "--data synthetic:blobs,classes=4,samples=3000,noise=1 --hidden 64 --loss focal:gamma=8 --epochs 20",
        "--data fashion-mnist --hidden 64 --loss cross_entropy:label_smoothing=0.4 --epochs 3",
        "--data synthetic:moons,samples=3000 --hidden 64 --loss binary_focal:gamma=6 --epochs 20",
    ],
}
HEALTHY = [
    "--data synthetic:moons --hidden 64 --lr 0.01 --epochs 40",
    "--data synthetic:moons,samples=3000 --hidden 64,64 --epochs 40",
    "--data synthetic:circles,samples=2000 --hidden 64 --lr 0.005 --epochs 40",
    "--data synthetic:blobs,classes=4 --hidden 32 --lr 0.01 --epochs 20",
    "--data synthetic:spirals,samples=3000 --hidden 128,128 --lr 0.005 --epochs 40",
    "--data synthetic:linear,features=5 --hidden none --lr 0.05 --epochs 40",
    "--data synthetic:sine,samples=2000 --hidden 64 --lr 0.01 --epochs 60",
    "--data synthetic:blobs,classes=6,samples=3000 --hidden 64 " + SGD + "--lr 0.05 --epochs 20 --schedule cosine",
    "--data fashion-mnist --hidden 128 --epochs 4",
    "--data fashion-mnist --hidden 128 --epochs 5 " + SGD + "--lr 0.02 --schedule step:0.6",
    "--data synthetic:moons,noise=0.35 --hidden 32 --lr 0.01 --epochs 80 --val-fraction 0.2",  # stands still at the noise
]
# Clean but noisy: the kind, inputs, classes, size of the logits (of numbers: the share that a linear model explains).
# Each is made with a different seed in each half.
CLEAN = [
    *(("logistic", d, 2, size) for d, size in ((2, 1), (5, 1), (10, 1.5), (20, 1), (20, 2), (50, 1))),
    *(("softmax", d, k, size) for d, k, size in ((5, 3, 1), (10, 4, 1.5), (10, 5, 1), (20, 8, 2), (20, 10, 1.5))),
    *(("linear", d, 0, 0.5) for d in (2, 3, 5, 10)),
]
# Scenes that no rule was tuned on.
UNSEEN = {
    "divergence": ["--data synthetic:sine,noise=0.5 --hidden 32,32 " + SGD + "--lr 10 --epochs 30"],
    "lr_too_large": ["--data synthetic:blobs,classes=3 --hidden 64,64 --lr 0.3 --epochs 30"],
    "lr_too_small": ["--data synthetic:spirals --hidden 64 --lr 0.0002 --epochs 50"],
    "underfitting": ["--data synthetic:sine,noise=1 --hidden none --lr 0.02 --epochs 40"],
    "plateau": ["--data synthetic:spirals --hidden 64 --lr 0.005 --epochs 60 --schedule step:0.1,0.12,0.14"],
    "overfitting": [
        "--data synthetic:spirals,samples=240,noise=0.5 --hidden 256,256 --lr 0.005 --epochs 200 --val-fraction 0.3"
    ],
    "wrong_labels": ["--data synthetic:spirals,samples=3000 --hidden 128 --lr 0.005 --epochs 30 --label-noise 0.15"],
    "class_not_learned": ["--data fashion-mnist --imbalance step:2000 --hidden 32 --epochs 3 --lr 0.002"],
    "miscalibration": ["--data fashion-mnist --hidden 64 --loss focal:gamma=7 --epochs 3"],
    "healthy": [
        "--data synthetic:blobs,classes=3,samples=2000 --hidden 64 --epochs 25",
        "--data synthetic:circles,samples=1500 --hidden 32,32 --lr 0.01 --epochs 50 --batch-size 64",
        "--data synthetic:moons,samples=2000 --hidden 64 " + SGD + "--lr 0.05 --epochs 40 --schedule cosine",
        "--data fashion-mnist --hidden 256 --dropout 0.2 --epochs 4",
        "--data synthetic:blobs,classes=6,noise=2 --hidden 32 --lr 0.01 --epochs 50",  # stands still at the noise
    ],
}
SEEDS = {"tuning": (0, 2), "held-out": (5, 7)}


def write_npy(path, descr, shape, values, code):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape!r}, }}"
    header += " " * (-(11 + len(header)) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        file.write(struct.pack(f"<{len(values)}{code}", *values))


def write_clean(folder, kind, features, classes, size, seed, rows=4000):
    """Standard normal inputs; labels or numbers drawn from the true model. Returns the command's words."""
    draw = random.Random(f"{kind} {features} {classes} {size} {seed}")
    directions = []
    for _ in range(max(1, classes if kind == "softmax" else 1)):
        w = [draw.gauss(0, 1) for _ in range(features)]
        length = math.sqrt(sum(v * v for v in w))
        directions.append([v / length for v in w])
    inputs, targets = [], []
    for _ in range(rows):
        x = [draw.gauss(0, 1) for _ in range(features)]
        scores = [sum(a * b for a, b in zip(w, x, strict=True)) for w in directions]
        inputs += x
        if kind == "linear":
            targets.append(math.sqrt(size) * scores[0] + math.sqrt(1 - size) * draw.gauss(0, 1))
        elif kind == "logistic":
            targets.append(int(draw.random() < 1 / (1 + math.exp(-size * scores[0]))))
        else:
            targets.append(draw.choices(range(classes), [math.exp(size * score) for score in scores])[0])
    write_npy(f"{folder}/x.npy", "<f4", (rows, features), inputs, "f")
    if kind == "linear":
        write_npy(f"{folder}/y.npy", "<f4", (rows,), targets, "f")
    else:
        write_npy(f"{folder}/y.npy", "<i8", (rows,), targets, "q")
    return f"--data npy:{folder}/x.npy,{folder}/y.npy"


def diagnose(program, words, seed):
    """The faults named by a run, the first one first, and what was said."""
    with tempfile.TemporaryDirectory() as folder:
        if not isinstance(words, str):
            words = write_clean(folder, *words, seed)
        done = subprocess.run(
            [program, "train", *words.split(), "--seed", str(seed), "--threads", "1", "--json", "--charts", "none",
             "--out", f"{folder}/run"],
            capture_output=True, text=True,
        )  # fmt: skip
    if done.returncode == 1 and "the training loss is" in done.stderr or "a parameter is not finite" in done.stderr:
        return ["divergence"], done.stderr.strip()
    if done.returncode != 0:
        sys.exit(f"{words}: {done.stderr}")
    found = json.loads(done.stdout)["diagnosis"]
    return [finding["issue"] for finding in found], "; ".join(finding["text"] for finding in found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--half", choices=("tuning", "held-out", "both"), default="both")
    parser.add_argument("--only", help="of this fault, or 'healthy', or 'clean noise'")
    parser.add_argument("--verbose", action="store_true", help="print every run")
    arguments = parser.parse_args()
    scenes = [(fault, words) for fault, list_ in FAULTY.items() for words in list_]
    scenes += [("healthy", words) for words in HEALTHY]
    clean = [("clean noise", scene) for scene in CLEAN]
    halves = ("tuning", "held-out") if arguments.half == "both" else (arguments.half,)
    unseen = [(fault, words) for fault, list_ in UNSEEN.items() for words in list_]
    runs = [(half, fault, words, seed) for half in halves
            for fault, words in scenes + clean + unseen * (half == "held-out") for seed in SEEDS[half]
            if arguments.only in (None, fault)]  # fmt: skip
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda run: diagnose(arguments.program, run[2], run[3]), runs))
    for half in halves:
        tally = collections.defaultdict(lambda: [0, 0, 0])
        for (of, fault, words, seed), (found, said) in zip(runs, results, strict=True):
            if of != half:
                continue
            is_well = fault in ("healthy", "clean noise")
            right = not found if is_well else fault in found
            tally[fault][0] += 1
            tally[fault][1] += right
            tally[fault][2] += not found if is_well else found[:1] == [fault]
            if arguments.verbose or not right:
                print(f"{'ok   ' if right else 'WRONG'} {half} {fault} seed {seed}: {words}")
                print(f"      {', '.join(found) or 'healthy'}: {said}")
        print(f"\n{half}\n{'fault':<20}{'runs':>6}{'named':>8}{'first':>8}")
        for fault, (count, named, first) in tally.items():
            print(f"{fault:<20}{count:>6}{named:>8}{first:>8}")
        sick = [numbers for fault, numbers in tally.items() if fault not in ("healthy", "clean noise")]
        count, named, first = (sum(column) for column in zip(*sick, strict=True)) if sick else (0, 0, 0)
        if count:
            print(f"{'sick together':<20}{count:>6}{named:>8}{first:>8}   {100 * named / count:.1f} % named")


main()
