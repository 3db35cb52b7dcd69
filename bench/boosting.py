"""Times of objectives of gradient boosting, next to the NumPy versions that are pasted from the web.

    python bench/boosting.py [--rows 1000000] [--threads 2] [--repeats 15] [--processor]

Prints medians in milliseconds per call, as a booster makes it: from its scores to the arrays that it reads; with
--processor of the time that its threads took, which depends less on other programs.
"""

import argparse
import statistics
import time

import numpy as np

import perdita
import perdita.lightgbm
import perdita.xgboost


class Labels:
    """A data set with labels alone, as LightGBM and XGBoost pass it."""

    def __init__(self, labels):
        self._labels = labels.astype(np.float32)

    def get_label(self):
        return self._labels

    def get_weight(self):
        return np.empty(0)


class LabelsOfLightGBM(Labels):
    def get_weight(self):
        return None


def numpy_focal(scores, labels, alpha=0.25, gamma=2.0):
    """The common implementation: the gradient of the paper, and the second derivative by the chain rule."""
    p = 1 / (1 + np.exp(-scores))
    a = np.where(labels == 1, alpha, 1 - alpha)
    p_t = np.where(labels == 1, p, 1 - p)
    y = 2 * labels - 1
    gradient = a * y * (1 - p_t) ** gamma * (gamma * p_t * np.log(p_t) + p_t - 1)
    u, du = a * y * (1 - p_t) ** gamma, -gamma * a * y * (1 - p_t) ** (gamma - 1)
    v, dv = gamma * p_t * np.log(p_t) + p_t - 1, gamma * np.log(p_t) + gamma + 1
    return gradient, (du * v + u * dv) * y * (p_t * (1 - p_t))


def numpy_softmax(scores, labels, order):
    """Softmax of all rows, the factor K / (K - 1), and the layout and type that a booster copies to."""
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    gradient = p.copy()
    gradient[np.arange(len(labels)), labels] -= 1
    hessian = scores.shape[1] / (scores.shape[1] - 1) * p * (1 - p)
    return gradient.ravel(order).astype(np.float32), hessian.ravel(order).astype(np.float32)


def median_ms(call, repeats, clock):
    call()
    times = []
    for _ in range(repeats):
        start = clock()
        call()
        times.append(clock() - start)
    return 1e3 * statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--processor", action="store_true")
    options = parser.parse_args()
    clock = time.process_time if options.processor else time.perf_counter
    perdita.set_num_threads(options.threads)
    n, rng = options.rows, np.random.default_rng(0)
    scores, labels = rng.normal(-3, 2, n), (rng.random(n) < 0.036).astype(float)
    classes, logits = rng.integers(0, 10, n), np.asfortranarray(rng.normal(size=(n, 10)))
    narrow, rows = scores.astype(np.float32), np.ascontiguousarray(logits, np.float32)
    light, of_xgboost = LabelsOfLightGBM(labels), Labels(labels)
    light_classes, xgboost_classes = LabelsOfLightGBM(classes), Labels(classes)
    focal, focal_x = (module.Objective("binary_focal") for module in (perdita.lightgbm, perdita.xgboost))
    log_loss = perdita.lightgbm.Objective("binary_cross_entropy_with_logits")
    softmax = perdita.lightgbm.Objective("cross_entropy", hessian="friedman")
    softmax_x = perdita.xgboost.Objective("cross_entropy")
    cases = {
        "focal, NumPy": lambda: numpy_focal(scores, labels),
        "focal, LightGBM (float64 to float32)": lambda: focal(scores, light),
        "focal, XGBoost (float32)": lambda: focal_x(narrow, of_xgboost),
        "log loss, LightGBM": lambda: log_loss(scores, light),
        "softmax of 10, NumPy, class-major": lambda: numpy_softmax(logits, classes, "F"),
        "softmax of 10, LightGBM (class-major)": lambda: softmax(logits, light_classes),
        "softmax of 10, XGBoost (row-major)": lambda: softmax_x(rows, xgboost_classes),
    }
    print(f"{n} rows, {options.threads} threads, median of {options.repeats}; ms")
    for name, call in cases.items():
        print(f"{name:42} {median_ms(call, options.repeats, clock):8.2f}")


if __name__ == "__main__":
    main()
