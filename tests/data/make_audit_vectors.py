"""Writes audit_vectors.json: small problems and the results of cleanlab, which CI does not install.

    pip install cleanlab==2.9.0 && python tests/data/make_audit_vectors.py

Only problems are written of which the results do not depend on the order of equal numbers in numpy.argsort, which differs
between processors.
"""

import json
import pathlib
import warnings

import cleanlab
import numpy as np
from cleanlab.count import compute_confident_joint, num_label_issues
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

FILTERS = ["prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "low_self_confidence",
           "low_normalized_margin"]  # fmt: skip
SCORES = ["self_confidence", "normalized_margin", "confidence_weighted_entropy"]
argsort = np.argsort


def problem(seed):
    random = np.random.default_rng(seed)
    classes, rows = int(random.integers(2, 8)), int(random.integers(50, 120))
    true = random.choice(classes, rows, p=random.dirichlet(np.full(classes, 3)))
    true[:classes] = np.arange(classes)
    logits = random.normal(size=(rows, classes))
    logits[np.arange(rows), true] += random.uniform(1, 3)
    probabilities = np.exp(logits)
    probabilities = np.round(probabilities / probabilities.sum(1, keepdims=True), 6)
    if seed % 4 == 1:
        probabilities = np.round(probabilities, 1)  # ties
    probabilities[:, 0] = np.round(np.maximum(probabilities[:, 0] + 1 - probabilities.sum(1), 0), 6)
    wrong = random.random(rows) < random.uniform(0.05, 0.4)
    labels = np.where(wrong, random.integers(0, classes, rows), true)
    return probabilities, labels


def results(probabilities, labels):
    joints = [compute_confident_joint(labels, probabilities, calibrate=calibrate) for calibrate in (False, True)]
    sets = {f: find_label_issues(labels, probabilities, filter_by=f, n_jobs=1) for f in FILTERS}
    return {
        "joint": joints[0].tolist(),
        "calibrated": joints[1].tolist(),
        "errors": int(num_label_issues(labels, probabilities)),
        "sets": {name: np.flatnonzero(mask).tolist() for name, mask in sets.items()},
        "scores": {s: get_label_quality_scores(labels, probabilities, method=s).tolist() for s in SCORES},
    }


def main():
    warnings.simplefilter("ignore")
    problems, seed = [], 0
    while len(problems) < 12:
        probabilities, labels = problem(seed)
        seed += 1
        found = []
        for kind in ("quicksort", "stable"):
            np.argsort = lambda a, kind=kind, **options: argsort(a, **{**options, "kind": kind})
            found.append(results(probabilities, labels))
        if found[0] == found[1]:
            problems.append({"probabilities": probabilities.tolist(), "labels": labels.tolist(), **found[0]})
    content = {"source": f"cleanlab {cleanlab.__version__}", "problems": problems}
    path = pathlib.Path(__file__).parent / "audit_vectors.json"
    path.write_text(json.dumps(content, separators=(",", ":")).replace('{"prob', '\n{"prob') + "\n")


if __name__ == "__main__":
    main()
