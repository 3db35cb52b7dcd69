"""Calls that mypy refuses: each line that ends in a comment has an error of that kind, and no other line has one."""

import numpy as np
import torch

import perdita
import perdita.functional as F
import perdita.torch.functional as TF
import perdita.torch.nn

x = np.zeros((4, 3), np.float32)
t = torch.zeros(4, 3)

F.mse_loss(x, x, reduction="avg")  # call-overload
F.mse_loss(x, x, reduction="batchmean")  # call-overload
F.huber_loss(x, x, detla=1.0)  # call-overload
F.huber_loss(x, x, delta="1")  # call-overload
F.cross_entropy(x)  # call-overload
F.cross_entropy(x, x, normalize_by="rows")  # call-overload
F.mean_squared_error(x, x)  # attr-defined
F.tversky_loss(x, x, 0.5, 0.5, 1.0, "yes")  # call-overload
perdita.nn.HuberLoss(margin=1.0)  # call-arg
perdita.nn.HuberLoss()(x)  # call-arg
perdita.ops.exponential(x)  # attr-defined
TF.mse_loss(t, t, reduction="average")  # call-overload
TF.mse_loss(x, t)  # call-overload
TF.focal_loss(t, t, gama=2.0)  # call-overload
perdita.torch.nn.CrossEntropyLoss(smoothing=0.1)  # call-arg
perdita.evaluate(x, x, bins="many")  # arg-type
perdita.data.random_split(10, 0.5)  # arg-type
perdita.set_validation("on")  # arg-type
value, extras = TF.mse_loss(t, t, return_extras=False).item()  # misc
perdita.formula(3)  # arg-type
