"""Calls that mypy --strict accepts."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import assert_type

import perdita
import perdita.functional as F
import perdita.torch
import perdita.torch.functional as TF

x = np.zeros((4, 3), np.float32)
labels = np.array([0, 1, 2, 0])

assert_type(F.cross_entropy(x, labels, label_smoothing=0.1), np.floating[Any])
assert_type(F.huber_loss(x, x, reduction="none", delta=2.0), NDArray[Any])
loss: float = float(F.mse_loss(x, [[0.0]], "sum"))
first = F.cross_entropy(x, labels, reduction="none")[0]
value, extras = F.focal_loss(x, labels, alpha=[0.1, 0.2, 0.7], return_extras=True)
print(extras.numerator / extras.denominator, F.kl_div(x, x, reduction="batchmean", log_target=True))
F.quantile_loss(x, x, q=(0.1, 0.9), normalize_by="batch", validate=True)
F.balanced_softmax_loss(x, labels, class_counts=[1, 2, 3])
F.linear_cross_entropy(x, x, labels, chunk_rows=2)
F.triplet_margin_with_distance_loss(x, x, x, distance_function=lambda a, b: abs(a - b).sum(-1))


def reduced_or_not(is_reduced: bool, with_extras: bool) -> object:
    return F.mse_loss(x, x, "mean" if is_reduced else "none", return_extras=with_extras)


criterion = perdita.nn.CrossEntropyLoss(weight=[1.0, 2.0, 3.0], reduction="sum")
criterion(x, labels)
perdita.nn.LDAMLoss([1, 2, 3], max_margin=0.4)(x, labels)

t, indices = torch.zeros(4, 3, requires_grad=True), torch.zeros(4, dtype=torch.long)
assert_type(TF.cross_entropy(t, indices, weight=perdita.data.class_weights(labels)), torch.Tensor)
print(TF.mse_loss(t, t, reduction="none").sum().item())
tensor, _ = TF.binary_focal_loss(t, t, alpha=None, gamma=1.5, return_extras=True)
assert_type(tensor, torch.Tensor)
module: torch.nn.Module = perdita.torch.nn.HuberLoss(delta=0.5)
torch_module: torch.nn.CrossEntropyLoss = perdita.torch.nn.CrossEntropyLoss(ignore_index=0)
with perdita.torch.torch_exact():
    module(t, t)

by_formula = perdita.formula(lambda y, t: perdita.ops.max(y - t, 0.0))
loss_and_gradient, gradient = perdita.value_and_grad(by_formula)(x, x)
perdita.value_and_grad(F.mse_loss, argnums=(0, 1))
result = perdita.evaluate("p.npy", labels, by_formula, class_names=["a", "b", "c"])
print(result.accuracy, result.to_dict()["loss"])
result.save("folder")
perdita.set_num_threads(perdita.num_threads())
sampler = perdita.data.ClassBalancedSampler(labels, how="undersample")
print(list(perdita.data.DistributedSampler(sampler, 2, 0)), perdita.data.random_split(10, [0.5, 0.5])[0].sum())
try:
    F.mse_loss(x, x, validate=perdita.validation())
except (perdita.errors.ShapeError, perdita.errors.DTypeError) as error:
    print(error)
perdita.plot.loss_curves(perdita.history("run"), log=True)
