"""Whether an installed package works: a loss and its gradient, and a file that needs zlib. Prints which OpenMP it uses.

usage: smoke.py      (needs: perdita, NumPy)
"""

import pathlib
import tempfile

import numpy as np

import perdita
import perdita.functional as F


def check_loss():
    random = np.random.default_rng(0)
    logits, labels = random.standard_normal((1000, 10)), random.integers(0, 10, 1000)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    rows = np.arange(1000)
    loss, gradient = perdita.value_and_grad(F.cross_entropy)(logits, labels)
    expected = np.exp(log_p)
    expected[rows, labels] -= 1
    np.testing.assert_allclose(loss, -log_p[rows, labels].mean(), rtol=1e-13)
    np.testing.assert_allclose(gradient, expected / 1000, rtol=1e-10, atol=1e-16)


def check_compressed_file():
    predictions, labels = np.array([0.25, -1.0, 3.0]), np.array([0, 1, 1])
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/p.npz"
        np.savez_compressed(path, predictions)
        result = perdita.evaluate(path, labels, loss="binary_cross_entropy_with_logits")
    expected = np.log1p(np.exp(predictions)) - predictions * labels
    np.testing.assert_allclose(result.losses["mean"], expected.mean(), rtol=1e-13)


def libraries(name):
    maps = pathlib.Path("/proc/self/maps").read_text().splitlines()
    return {line.split()[-1] for line in maps if name in line}


check_loss()
check_compressed_file()
print(f"perdita {perdita.__version__} works; OpenMP: {', '.join(sorted(libraries('libgomp')))}")
