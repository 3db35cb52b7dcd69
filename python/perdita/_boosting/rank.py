"""The LambdaMART objective, for LightGBM and XGBoost."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from perdita import _checks, _core
from perdita._boosting.arrays import row_of_numbers, scores_of, sizes_of_groups, weights_of
from perdita._boosting.pairs import Pairs
from perdita.errors import DomainError, ShapeError


class BaseRankObjective:
    """Gradients that push the documents of a query (group) towards a larger NDCG at k. The adapters add the forms in which a
    booster calls it."""

    def __init__(self, *, k: int = 30, sigma: float = 1.0, normalize: bool = True, min_hessian: float = 1e-16) -> None:
        self.k = _checks.integer("RankObjective", "k", k, 1)
        self.sigma = _checks.number("RankObjective", "sigma", sigma)
        self.normalize = _checks.flag("RankObjective", "normalize", normalize)
        self.min_hessian = _checks.number("RankObjective", "min_hessian", min_hessian)
        if not 0 < self.sigma < np.inf or not 0 < self.min_hessian < np.inf:
            raise DomainError(
                f"RankObjective: sigma is {sigma} and min_hessian is {min_hessian} (valid: finite, above 0)"
            )

    def __repr__(self) -> str:
        return f"{type(self).__module__}.RankObjective(k={self.k}, sigma={self.sigma}, normalize={self.normalize})"

    def compute(self, scores: Any, relevance: Any, weight: Any, group: Any) -> Pairs:
        """Gradient and Hessian, float32 [N]. group: sizes of the groups, whose documents are adjacent."""
        given = _one_score(scores)
        target = row_of_numbers("RankObjective", "relevance", relevance, len(given), given.dtype)
        weights = weights_of("RankObjective", weight, len(given), given.dtype)
        gradient, hessian = np.empty(len(given), np.float32), np.empty(len(given), np.float32)
        row = _core.lambda_rank_pairs(
            given,
            target,
            weights,
            sizes_of_groups("RankObjective", group),
            gradient,
            hessian,
            self.k,
            self.sigma,
            self.normalize,
            self.min_hessian,
        )[2]
        if row >= 0:
            raise DomainError(f"RankObjective: scores[{row}] is {given[row]} (valid: finite)")
        return gradient, hessian

    def score(self, scores: Any, relevance: Any, group: Any) -> float:
        """The mean NDCG at k of the groups; 1 for groups without relevant documents."""
        given = np.asarray(_one_score(scores), np.float64)
        target = row_of_numbers("RankObjective", "relevance", relevance, len(given), np.float64)
        return _core.ndcg(given, target, sizes_of_groups("RankObjective", group), self.k)

    @property
    def metric_name(self) -> str:
        return f"ndcg@{self.k}"


def _one_score(scores: Any) -> NDArray[Any]:
    given = scores_of("RankObjective", scores)
    if given.ndim != 1:
        raise ShapeError(f"RankObjective: scores has shape {list(given.shape)} (valid: [N], one score per document)")
    return given
