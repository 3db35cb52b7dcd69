"""Links: raw scores as predictions, in float64."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def sigmoid(scores: NDArray[Any]) -> NDArray[np.float64]:
    small = np.exp(-np.abs(scores.astype(np.float64)))
    return np.where(scores >= 0, 1.0, small) / (1.0 + small)


def softmax(scores: NDArray[Any]) -> NDArray[np.float64]:
    shifted = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def apply_link(entry: dict[str, Any], scores: NDArray[Any]) -> NDArray[Any]:
    """Predictions from scores [N] or [N, K]. Several quantiles of a row are sorted by their levels and do not cross;
    this does not increase their loss (Chernozhukov, Fernandez-Val and Galichon, Econometrica 78, 2010)."""
    if entry["levels"]:
        places = np.argsort(np.argsort(entry["levels"], kind="stable"), kind="stable")
        return np.sort(scores, axis=1)[:, places]
    link = entry["link"]
    if link == "softmax":
        return softmax(scores) if scores.ndim == 2 else sigmoid(scores)
    if link == "sigmoid":
        return sigmoid(scores)
    if link == "exponential":
        return np.exp(scores.astype(np.float64))
    return scores
