"""Operands and options of the losses that torch does not have: a few calls of each."""

import torch


def _numbers(seed):
    return torch.Generator().manual_seed(seed)


def _normal(*shape, seed=0):
    return torch.randn(*shape, generator=_numbers(seed), dtype=torch.float64)


def _uniform(*shape, seed=1):
    return torch.rand(*shape, generator=_numbers(seed), dtype=torch.float64)


def _labels(classes, *shape, seed=2, ignored=False):
    labels = torch.randint(classes, shape, generator=_numbers(seed))
    if ignored:
        labels.view(-1)[0] = -100
    return labels


def _elements(*shape, target=_normal):
    return {"input": _normal(*shape), "target": target(*shape)}


def _bits(*shape):
    return _uniform(*shape).round()


def _classes(**more):
    return {"input": _normal(6, 4), "target": _labels(4, 6, ignored=True), **more}


_WEIGHT = {"weight": torch.tensor([0.5, 1.0, 2.0, 0.25], dtype=torch.float64)}
_COUNTS = {"class_counts": torch.tensor([50.0, 20.0, 5.0, 1.0], dtype=torch.float64)}
_OF_CLASSES = [
    (_classes(), {}),
    (_classes(**_WEIGHT), {"label_smoothing": 0.1}),
    ({"input": _normal(2, 4, 3), "target": _labels(4, 2, 3)}, {}),
    ({"input": _normal(5, 4), "target": torch.softmax(_normal(5, 4, seed=5), 1)}, {"normalize_by": "count"}),
]
_OF_COUNTS = [(_classes(**_COUNTS), {}), ({"input": _normal(2, 4, 3), "target": _labels(4, 2, 3), **_COUNTS}, {})]
_OF_MASKS = [
    ({"input": _normal(2, 3, 5), "target": _bits(2, 3, 5)}, {}),
    ({"input": _normal(2, 3, 5), "target": _bits(2, 3, 5)}, {"multilabel": True, "batch": True}),
    ({"input": _normal(2, 3, 5), "target": _labels(3, 2, 5, ignored=True)}, {}),
    ({"input": _normal(7), "target": _bits(7)}, {}),
    ({"input": _normal(2, 3, 4), "target": _labels(2, 2, 4), "weight": _uniform(3)}, {"present_only": True}),
]
_TIMES = torch.tensor([3.0, 1.0, 3.0, 2.0, 3.0, 5.0], dtype=torch.float64)
_SURVIVAL = {"input": _normal(6), "time": _TIMES, "event": torch.tensor([1, 1, 1, 0, 1, 0])}
_RANKING = {"input": _normal(7), "target": torch.tensor([2.0, 0, 1, 0, 3, 1, 0], dtype=torch.float64)}

CALLS = {
    "log_cosh_loss": [(_elements(3, 4), {}), ({**_elements(3, 4), "weight": _uniform(3, 4)}, {"normalize_by": "batch"})],
    "charbonnier_loss": [(_elements(3, 4), {"eps": 0.1})],
    "quantile_loss": [
        (_elements(3, 4), {"q": 0.3}),
        ({"input": _normal(5, 3), "target": _normal(5)}, {"q": (0.1, 0.5, 0.9)}),
    ],
    "tweedie_loss": [(_elements(3, 4, target=_uniform), {"power": 1.3})],
    "gamma_nll_loss": [(_elements(3, 4, target=_uniform), {})],
    "binary_focal_loss": [
        (_elements(3, 4, target=_bits), {}),
        (_elements(3, 4, target=_uniform), {"gamma": 0.5, "alpha": 0.6, "alpha_by_class": False}),
    ],
    "asymmetric_loss": [(_elements(3, 4, target=_bits), {}), (_elements(3, 4, target=_bits), {"gamma_pos": 1.5})],
    "focal_loss": [*_OF_CLASSES, (_classes(), {"gamma": 0.5, "alpha": 0.25})],
    "poly_1_loss": _OF_CLASSES,
    "generalized_cross_entropy": _OF_CLASSES,
    "symmetric_cross_entropy": _OF_CLASSES,
    "balanced_softmax_loss": _OF_COUNTS,
    "logit_adjusted_loss": [(tensors, {"tau": 0.5}) for tensors, _ in _OF_COUNTS],
    "ldam_loss": [(tensors, {"scale": 3.0}) for tensors, _ in _OF_COUNTS],
    "dice_loss": [*_OF_MASKS, ({"input": _normal(2, 3, 5), "target": _bits(2, 3, 5)}, {"squared": True})],
    "jaccard_loss": _OF_MASKS,
    "tversky_loss": [(tensors, {"alpha": 0.3, **options}) for tensors, options in _OF_MASKS],
    "focal_tversky_loss": _OF_MASKS,
    "lovasz_loss": _OF_MASKS,
    "cox_loss": [
        (_SURVIVAL, {}),
        ({**_SURVIVAL, "strata": torch.tensor([0, 0, 0, 1, 1, 1])}, {"ties": "breslow"}),
        ({**_SURVIVAL, "weight": _uniform(6)}, {"normalize_by": "weight_sum"}),
    ],
    "list_net_loss": [
        ({"input": _normal(2, 4), "target": _bits(2, 4)}, {}),
        ({**_RANKING, "groups": torch.tensor([0, 0, 0, 1, 1, 1, 1])}, {"relevance": "softmax"}),
        ({**_RANKING, "groups": torch.tensor([3, 0, 4])}, {"temperature": 0.5}),
    ],
    "info_nce_loss": [
        ({"query": _normal(5, 3), "positive": _normal(5, 3, seed=7)}, {}),
        ({"query": _normal(5, 3), "positive": _normal(5, 3, seed=7), "negatives": _normal(4, 3, seed=8)}, {}),
        ({"query": _normal(2, 3), "positive": _normal(2, 3, seed=7), "negatives": _normal(2, 4, 3, seed=8)},
         {"temperature": 0.5}),
    ],
}  # fmt: skip
"""function -> (operands in float64, options)"""
