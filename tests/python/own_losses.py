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


def _signs(*shape):
    return 2.0 * _bits(*shape) - 1.0


def _counts(*shape):
    return (5.0 * _uniform(*shape)).round()


def _scaled(*shape):
    return {**_elements(*shape, target=lambda *s: _normal(*s, seed=3)), "scale": 0.3 + _uniform(*shape)}


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

_EMBEDDINGS = {"input": _normal(6, 3), "target": torch.tensor([0, 0, 1, 1, 2, 1])}


def _views():
    return {"query": _normal(5, 3), "positive": _normal(5, 3, seed=7)}


_INTERVALS = {
    "lower": torch.tensor([2.0, 3.0, 0.0, 1.5, 4.0, 1.0], dtype=torch.float64),
    "upper": torch.tensor([2.0, float("inf"), 2.5, 6.0, 4.0, 1.001], dtype=torch.float64),
}


_THRESHOLDS = torch.tensor([-0.5, 0.7, 0.71], dtype=torch.float64)


def _boxes():
    """Boxes that overlap, are apart, and are nested."""
    input = torch.tensor([[0.0, 0.1, 4, 3], [0, 0, 2, 2.1], [1, 1, 3, 2.2], [0.2, 0.1, 2, 2], [0, 0.1, 4, 3.3]])
    target = torch.tensor([[1.0, 1, 5, 4], [3, 3, 6, 5], [0, 0, 4, 4], [0.1, 0.2, 2.1, 1.9], [0.1, 0.5, 4.5, 3]])
    return {"input": input.double(), "target": target.double()}


def _pictures(*shape):
    return {"input": _uniform(*shape), "target": _uniform(*shape, seed=5)}


def _similar_pictures(*shape):
    x = _uniform(*shape)
    return {"input": x, "target": x + 0.3 * _uniform(*shape, seed=5)}


def _log_probs(*names):
    return {name: -0.2 - 2.0 * _uniform(5, seed=20 + i) for i, name in enumerate(names)}


def _transducer(blank):
    """Logits of two sequences of different lengths."""
    labels = _labels(2, 2, 2)
    return {
        "logits": _normal(2, 3, 3, 3),
        "targets": labels + 1 if blank == 0 else labels,
        "logit_lengths": torch.tensor([3, 2]),
        "target_lengths": torch.tensor([1, 2]),
    }


def with_reduction(options, reduction):
    """Options with this reduction, and a denominator only if it is a mean."""
    kept = {name: value for name, value in options.items() if name != "normalize_by" or reduction == "mean"}
    return {**kept, "reduction": reduction}


CALLS = {
    "log_cosh_loss": [(_elements(3, 4), {}), ({**_elements(3, 4), "weight": _uniform(3, 4)}, {"normalize_by": "batch"})],
    "charbonnier_loss": [(_elements(3, 4), {"eps": 0.1})],
    "pseudo_huber_loss": [(_elements(3, 4), {}), (_elements(3, 4), {"delta": 0.5})],
    "general_adaptive_loss": [
        (_elements(3, 4), {"alpha": alpha, "c": 0.7}) for alpha in (1.0, 2.0, 0.0, -2.0, 1.5, float("-inf"))
    ],
    "epsilon_insensitive_loss": [(_elements(3, 4), {"epsilon": 0.3})],
    "expectile_loss": [(_elements(3, 4), {"tau": 0.8})],
    "msle_loss": [({"input": _uniform(3, 4), "target": _uniform(3, 4, seed=5)}, {})],
    "mape_loss": [(_elements(3, 4, target=_uniform), {})],
    "smape_loss": [(_elements(3, 4, target=_uniform), {})],
    "hinge_loss": [(_elements(3, 4, target=_signs), {}), (_elements(3, 4, target=_signs), {"margin": 0.3})],
    "squared_hinge_loss": [(_elements(3, 4, target=_signs), {})],
    "quantile_loss": [
        (_elements(3, 4), {"q": 0.3}),
        ({"input": _normal(5, 3), "target": _normal(5)}, {"q": (0.1, 0.5, 0.9)}),
    ],
    "tweedie_loss": [(_elements(3, 4, target=_uniform), {"power": 1.3})],
    "gamma_nll_loss": [(_elements(3, 4, target=_uniform), {})],
    "gamma_deviance_loss": [(_elements(3, 4, target=_uniform), {})],
    "inverse_gaussian_deviance_loss": [(_elements(3, 4, target=_uniform), {})],
    "laplace_nll_loss": [(_scaled(3, 4), {}), ({**_scaled(3, 4), "weight": _uniform(4)}, {"full": True})],
    "student_t_nll_loss": [({**_scaled(3, 4), "df": 1.0 + 9.0 * _uniform(3, 4, seed=6)}, {"full": True})],
    "lognormal_nll_loss": [({**_scaled(3, 4), "target": _uniform(3, 4, seed=7)}, {"full": True})],
    "negative_binomial_nll_loss": [
        ({**_elements(3, 4, target=_counts), "log_dispersion": _normal(3, 4, seed=8)}, {"full": True}),
        ({**_elements(3, 4, target=_counts), "log_dispersion": _normal(3, 4, seed=8) - 9.0}, {}),
    ],
    "crps_gaussian_loss": [(_scaled(3, 4), {}), ({**_scaled(3, 4), "scale": _uniform(3, 1)}, {})],
    "crps_laplace_loss": [(_scaled(3, 4), {})],
    "crps_logistic_loss": [(_scaled(3, 4), {})],
    "interval_score_loss": [
        ({"lower": _normal(3, 4) - 1.0, "upper": _normal(3, 4, seed=9) + 1.0, "target": _normal(3, 4, seed=5)}, {})
    ],
    "gaussian_kl_loss": [
        ({"mean": _normal(3, 4), "log_var": _normal(3, 4, seed=4)}, {}),
        ({"mean": _normal(3, 4), "log_var": 1e-5 * _normal(3, 4, seed=4)}, {"normalize_by": "count"}),
    ],
    "aft_loss": [({"input": _normal(6), **_INTERVALS}, {"distribution": name, "scale": 1.3})
                 for name in ("normal", "logistic", "extreme")],
    "dpo_loss": [
        (_log_probs("chosen", "rejected", "ref_chosen", "ref_rejected"), {"kind": kind, "label_smoothing": 0.1})
        for kind in ("sigmoid", "robust", "hinge", "ipo")
    ],
    "simpo_loss": [(_log_probs("chosen", "rejected"), {})],
    "orpo_loss": [(_log_probs("chosen", "rejected"), {})],
    "kto_loss": [
        ({**_log_probs("log_prob", "ref_log_prob"), "desirable": torch.tensor([1, 0, 1, 1, 0]), "kl": _uniform(1)},
         {"undesirable_weight": 0.5})
    ],
    "ppo_clip_loss": [({**_log_probs("log_prob", "old_log_prob"), "advantage": _normal(5, seed=9)}, {})],
    "grpo_loss": [
        ({**_log_probs("log_prob", "old_log_prob", "ref_log_prob"), "advantage": _normal(5, seed=9),
          "weight": _bits(5)}, {}),
    ],
    "js_div_loss": [
        ({"input": torch.log_softmax(_normal(3, 4), 1), "target": torch.softmax(_normal(3, 4, seed=5), 1)},
         {"beta": beta}) for beta in (0.5, 0.2)
    ],
    "quality_focal_loss": [(_elements(3, 4, target=_uniform), {}), (_elements(3, 4, target=_uniform), {"beta": 1.5})],
    "varifocal_loss": [
        ({"input": _normal(3, 4), "target": _uniform(3, 4) * _bits(3, 4)}, {}),
    ],
    "crps_ensemble_loss": [({"input": _normal(5, 4), "target": _normal(5, seed=7)}, {}),
                           ({"input": _normal(5, 4), "target": _normal(5, seed=7), "weight": _uniform(5)}, {"fair": True})],
    "coral_loss": [({"input": _normal(5, 3), "target": _labels(4, 5)}, {}),
                   ({"input": _normal(5, 3), "target": _labels(4, 5), "weight": _uniform(5)}, {})],
    "cumulative_link_loss": [
        ({"input": 2.0 * _normal(6), "target": _labels(4, 6), "thresholds": _THRESHOLDS}, {"link": link})
        for link in ("logit", "probit")
    ],
    "logistic_hazard_loss": [
        ({"input": _normal(5, 4), "interval": _labels(4, 5), "event": torch.tensor([1, 0, 1, 1, 0])}, {})
    ],
    "distribution_focal_loss": [
        ({"input": _normal(3, 5), "target": torch.tensor([1.3, 3.0, 4.0], dtype=torch.float64)}, {})
    ],
    "distillation_loss": [
        ({"input": _normal(5, 4), "target": _labels(4, 5), "teacher": 2.0 * _normal(5, 4, seed=9)}, {"temperature": 1.5}),
    ],
    "ssim_loss": [
        (_pictures(2, 2, 4, 5), {"window": 3}),
        ({**_pictures(2, 1, 6, 5), "weight": _uniform(2)}, {"window": 7, "padding": "reflect", "data_range": 2.0}),
        (_pictures(3, 5, 4), {"window": 3, "sigma": 0.8}),
    ],
    "ms_ssim_loss": [
        (_similar_pictures(1, 5, 6), {"window": 3, "scales": 2}),
        (_similar_pictures(2, 2, 6, 5), {"window": 3, "scales": 2}),
        ({**_similar_pictures(2, 1, 7, 6), "weight": _uniform(2)}, {"window": 3, "scales": 2, "padding": "reflect"}),
    ],
    "total_variation_loss": [
        ({"input": _normal(2, 2, 3, 4)}, {"norm": "l1"}),
        ({"input": _normal(2, 2, 3, 4), "weight": _uniform(2)}, {"norm": "squared"}),
        ({"input": _normal(3, 5, 4)}, {"norm": "isotropic", "eps": 0.01}),
    ],
    "box_iou_loss": [(_boxes(), {"mode": mode}) for mode in ("linear", "log", "square")],
    "box_giou_loss": [(_boxes(), {}), ({**_boxes(), "weight": _uniform(5)}, {})],
    "box_diou_loss": [(_boxes(), {}), (_boxes(), {"format": "xywh"})],
    "box_ciou_loss": [(_boxes(), {}), (_boxes(), {"format": "cxcywh"})],
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
    "generalized_dice_loss": [
        *(call for call in _OF_MASKS if "weight" not in call[0]),
        ({"input": _normal(2, 3, 5), "target": _bits(2, 3, 5), "weight": _uniform(2)}, {"weighting": "simple"}),
    ],
    "lovasz_loss": _OF_MASKS,
    "cox_loss": [
        (_SURVIVAL, {}),
        ({**_SURVIVAL, "strata": torch.tensor([0, 0, 0, 1, 1, 1])}, {"ties": "breslow"}),
        ({**_SURVIVAL, "weight": _uniform(6)}, {"normalize_by": "weight_sum"}),
    ],
    "rnnt_loss": [
        (_transducer(-1), {}),
        (_transducer(0), {"blank": 0}),
        (_transducer(0), {"blank": 0, "fastemit": 0.3, "clamp": 0.25}),
    ],
    "list_net_loss": [
        ({"input": _normal(2, 4), "target": _bits(2, 4)}, {}),
        ({**_RANKING, "groups": torch.tensor([0, 0, 0, 1, 1, 1, 1])}, {"relevance": "softmax"}),
        ({**_RANKING, "groups": torch.tensor([3, 0, 4])}, {"temperature": 0.5}),
    ],
    "rank_net_loss": [
        ({"input": _normal(2, 4), "target": _bits(2, 4)}, {}),
        ({**_RANKING, "groups": torch.tensor([0, 0, 0, 1, 1, 1, 1]), "weight": _uniform(2)}, {"sigma": 2.0}),
    ],
    "lambda_rank_loss": [
        ({"input": _normal(2, 4), "target": _bits(2, 4)}, {}),
        ({**_RANKING, "groups": torch.tensor([0, 0, 0, 1, 1, 1, 1])}, {"k": 2, "gain": "linear"}),
    ],
    "list_mle_loss": [
        ({"input": _normal(2, 4), "target": _bits(2, 4)}, {}),
        ({**_RANKING, "groups": torch.tensor([3, 0, 4])}, {"k": 2}),
        ({**_RANKING, "groups": torch.tensor([3, 4])}, {"position_aware": True}),
    ],
    "approx_ndcg_loss": [
        ({"input": _normal(2, 4), "target": _bits(2, 4)}, {"alpha": 2.0}),
        ({**_RANKING, "groups": torch.tensor([3, 0, 4])}, {"alpha": 1.0, "gain": "linear"}),
    ],
    "info_nce_loss": [
        ({"query": _normal(5, 3), "positive": _normal(5, 3, seed=7)}, {}),
        ({"query": _normal(5, 3), "positive": _normal(5, 3, seed=7), "negatives": _normal(4, 3, seed=8)}, {}),
        ({"query": _normal(2, 3), "positive": _normal(2, 3, seed=7), "negatives": _normal(2, 4, 3, seed=8)},
         {"temperature": 0.5}),
    ],
    "nt_xent_loss": [(_views(), {}), ({**_views(), "weight": _uniform(10)}, {"temperature": 0.2})],
    "clip_contrastive_loss": [(_views(), {}), ({**_views(), "logit_scale": torch.tensor(3.0, dtype=torch.float64)}, {})],
    "siglip_loss": [
        (_views(), {}),
        ({**_views(), "logit_scale": torch.tensor(3.0, dtype=torch.float64),
          "logit_bias": torch.tensor(-1.0, dtype=torch.float64)}, {}),
    ],
    "contrastive_loss": [
        ({"input1": _normal(5, 3), "input2": _normal(5, 3, seed=7), "target": _bits(5)}, {"margin": 2.0}),
    ],
    "sup_con_loss": [(_EMBEDDINGS, {}), ({**_EMBEDDINGS, "weight": _uniform(6)}, {"normalize_by": "weight_sum"})],
    "multi_similarity_loss": [(_EMBEDDINGS, {}), (_EMBEDDINGS, {"beta": 5.0, "base": 1.0})],
    "circle_loss": [(_EMBEDDINGS, {"gamma": 8.0}), (_EMBEDDINGS, {"margin": 0.25, "gamma": 4.0})],
    "batch_triplet_loss": [
        *((_EMBEDDINGS, {"mining": mining, "margin": 1.5}) for mining in ("hard", "semi_hard", "all")),
        (_EMBEDDINGS, {"soft": True, "distance": "squared"}),
        ({**_EMBEDDINGS, "weight": _uniform(6)}, {"distance": "cosine", "mining": "all"}),
    ],
    "arc_face_loss": [({**_EMBEDDINGS, "class_vectors": _normal(3, 3, seed=8)}, {"scale": 16.0})],
    "cos_face_loss": [({**_EMBEDDINGS, "class_vectors": _normal(3, 3, seed=8)}, {"scale": 16.0})],
}  # fmt: skip
"""function -> (operands in float64, options)"""
