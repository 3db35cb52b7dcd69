"""What perdita.evaluate should find, by NumPy's long double, scikit-learn and the definitions of docs/evaluating.md."""

import numpy as np
import scipy.stats
import sklearn.metrics as metrics

LONG = np.longdouble


def log_softmax(z):
    """Of rows, to the last digit also where a probability is near 1. NaN where the limit does not exist."""
    z = z.astype(LONG)
    result = np.full(z.shape, np.nan, LONG)
    for row, out in zip(z, result, strict=True):
        if np.isnan(row).any() or not np.isfinite(row.max()):
            continue
        best = int(row.argmax())
        others = np.exp(np.delete(row, best) - row[best]).sum()
        out[:] = row - row[best] - np.log1p(others)
    return result


def class_losses(table, log_p, labels):
    o = table.options
    own = log_p[np.arange(len(labels)), labels]
    if table.loss == "nll":
        return -table.predictions.astype(LONG)[np.arange(len(labels)), labels]
    if table.loss == "focal":
        miss = -np.expm1(own)
        return np.where(miss == 0, 0, -(miss ** LONG(o["gamma"])) * own)
    if table.loss == "poly_1":
        return -own + LONG(o["eps"]) * -np.expm1(own)
    if table.loss == "generalized_cross_entropy":
        q = LONG(o["q"])
        return -np.expm1(q * own) / q
    smoothing = LONG(o.get("label_smoothing", 0))
    if smoothing == 0:
        return -own
    return -(1 - smoothing) * own - smoothing / log_p.shape[1] * log_p.sum(1)


def softplus(z):
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def binary_losses(table, signed):
    """`signed` is the logit of what is true, or for binary_cross_entropy its probability (see binary())."""
    if table.loss == "binary_focal":
        alpha, gamma = LONG(0.25), LONG(table.options["gamma"])
        truth = table.targets.ravel().astype(int)
        share = np.where(truth == 1, alpha, 1 - alpha)
        # gamma = 0 counts a certain and right prediction as 0, as its limit does
        with np.errstate(invalid="ignore"):
            loss = share * (np.exp(-softplus(signed)) ** gamma) * softplus(-signed)
        return np.where(np.isposinf(signed), 0, loss)
    return softplus(-signed)


def regression_losses(table, y, t):
    o, r = table.options, (y - t).astype(LONG)
    size = np.abs(r)
    if table.loss == "mse":
        return r * r
    if table.loss == "l1":
        return size
    if table.loss == "huber":
        d = LONG(o["delta"])
        return np.where(size <= d, r * r / 2, d * (size - d / 2))
    if table.loss == "smooth_l1":
        b = LONG(o["beta"])
        return np.where(size < b, r * r / (2 * b), size - b / 2)
    if table.loss == "log_cosh":
        small = np.log1p(2 * np.sinh(np.minimum(size, 1) / 2) ** 2)  # which does not cancel
        return np.where(size < 1, small, size + np.log1p(np.exp(-2 * size)) - np.log(LONG(2)))
    q = LONG(o["q"])
    return np.maximum(q * -r, (q - 1) * -r)


def mean_losses(losses, weights):
    """Mean, standard deviation, standard error and interval of finite losses."""
    finite = np.isfinite(losses)
    n = int(finite.sum())
    kept = losses[finite].astype(LONG)
    w = np.ones(n, LONG) if weights is None else weights[finite].astype(LONG)
    total = w.sum()
    if n == 0:
        return {"samples": 0, "mean": None, "sd": None, "se": None}
    if total == 0:
        return None
    mean = (w * kept).sum() / total
    if n < 2:
        return {"samples": n, "mean": mean, "sd": None, "se": None}
    sd = np.sqrt((w * (kept - mean) ** 2).sum() / total * n / LONG(n - 1))
    se = sd / np.sqrt(LONG(n))
    if weights is not None:  # Cochran 1977, section 6.4
        se = np.sqrt((w * w * (kept - mean) ** 2).sum() * n / LONG(n - 1)) / total
    return {"samples": n, "mean": mean, "sd": sd, "se": se, "half": scipy.stats.t.ppf(0.975, n - 1) * float(se)}


def wilson(correct, n):
    z = scipy.stats.norm.ppf(0.975)
    p = correct / n
    center = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [max(0, center - half), min(1, center + half)]


def classification(truth, predicted, losses, classes):
    """`predicted` is -1 where there is no prediction: scikit-learn gets a class beyond all others there."""
    labels = np.arange(classes)
    guess = np.where(predicted < 0, classes, predicted)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        truth, guess, labels=labels, zero_division=np.nan
    )
    confusion = metrics.confusion_matrix(truth, guess, labels=np.arange(classes + 1))[:classes, :classes]
    counts = confusion.sum(0)
    f1 = np.where(support + counts > 0, 2 * np.diag(confusion) / np.maximum(support + counts, 1), np.nan)
    means = [
        float(own.mean()) if len(own := losses[(truth == k) & np.isfinite(losses)]) else np.nan for k in range(classes)
    ]
    return {
        "accuracy": metrics.accuracy_score(truth, guess),
        "accuracy_interval": wilson((truth == guess).sum(), len(truth)),
        "balanced_accuracy": np.nanmean(np.where(support > 0, recall, np.nan)),
        "macro_f1": np.nanmean(f1),
        "confusion": confusion.tolist(),
        "classes": [
            {
                "samples": int(s),
                "predicted": int(c),
                "loss": mean,
                "precision": p,
                "recall": r if s else np.nan,
                "f1": f,
            }
            for s, c, mean, p, r, f in zip(support, counts, means, precision, recall, f1, strict=True)
        ],
    }


def calibration(confidence, right, bins):
    """Bins (low, high]; rows without a confidence are left out."""
    known = ~np.isnan(confidence)
    confidence, right = confidence[known], right[known]
    edges = np.arange(bins + 1) / bins
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    found = []
    for b in range(bins):
        mine = place == b
        found.append((int(mine.sum()), confidence[mine].mean() if mine.any() else None,
                      right[mine].mean() if mine.any() else None))  # fmt: skip
    gaps = [(n, abs(a - c)) for n, c, a in found if n]
    total = len(confidence)
    return {
        "bins": found,
        "ece": sum(n * g for n, g in gaps) / total if total else None,
        "mce": max((g for _, g in gaps), default=0),
        "mean_confidence": confidence.mean() if total else None,
        # whether rounding may take a confidence over an edge
        "is_sharp": bool(total == 0 or np.abs(confidence[:, None] - edges[None, 1:-1]).min(initial=1) > 1e-6),
    }


def roc_area(scores, truth):
    """A NaN loses every pair."""
    positives, negatives = scores[truth == 1], scores[truth == 0]
    if len(positives) == 0 or len(negatives) == 0:
        return None
    if not np.isnan(scores).any():
        ranks = np.unique(scores, return_inverse=True)[1]  # scikit-learn takes no infinities
        return metrics.roc_auc_score(truth, ranks)
    won = (positives[:, None] > negatives[None]).sum() + (positives[:, None] == negatives[None]).sum() / 2
    return won / (len(positives) * len(negatives))


def regression(y, t):
    finite = np.isfinite(y - t)
    if not finite.any():
        return None
    y, t = y[finite], t[finite]
    r = (y.astype(LONG) - t.astype(LONG)).astype(float)
    return {
        "samples": int(finite.sum()),
        "mse": metrics.mean_squared_error(t, y),
        "rmse": metrics.root_mean_squared_error(t, y),
        "mae": metrics.mean_absolute_error(t, y),
        "bias": float(np.mean(r)),
        "r2": None if t.min() == t.max() else metrics.r2_score(t, y),
        "residuals": r,
    }
