"""Every loss of perdita.torch.functional, torch's and those that torch lacks, with operands to call it on."""

import functools
from dataclasses import dataclass, field

import torch
import torch.nn.functional as torch_functional

import perdita
import perdita.torch.functional as perdita_functional
from loss_cases import cases, function_name
from loss_operands import Numbers
from own_losses import CALLS
from perdita._catalogue import ENTRIES


@dataclass(frozen=True)
class Call:
    """A loss, its operands by name in float64, and options."""

    id: str
    name: str
    make: object = field(hash=False)
    options: dict = field(hash=False)
    differentiable: tuple = ()

    def __str__(self):
        return self.id

    def tensors(self, dtype=torch.float64):
        return {n: t.to(dtype) if t.is_floating_point() else t for n, t in self.make().items()}

    def function(self, **options):
        """The loss of the operands alone, in their order."""
        loss = FORMULAS.get(self.name) or getattr(perdita_functional, self.name)
        names = list(self.tensors())
        return lambda *operands: loss(**dict(zip(names, operands, strict=True)), **{**self.options, **options})

    def of_torch(self, **options):
        loss = getattr(torch_functional, self.name)
        names = list(self.tensors())
        return lambda *operands: loss(**dict(zip(names, operands, strict=True)), **{**self.options, **options})

    @property
    def is_torchs(self):
        return hasattr(torch_functional, self.name)


FORMULAS = {
    "formula": perdita.formula("log_cosh(y - t)"),
    "class_formula": perdita.formula("-t * (1 - exp(log_p))^2 * log_p"),
}


def _pair():
    numbers = Numbers(3)
    return {"input": numbers.uniform((4, 3), 0.1, 0.9), "target": numbers.uniform((4, 3), 0.1, 0.9)}


def _classes():
    return {"input": Numbers(4).normal((4, 3)), "target": torch.tensor([0, 2, 1, 1])}


# By the unit of a loss and what an operand's numbers are: a batch on which the loss is defined and smooth.
_OF_UNIT = {
    "element": lambda numbers, meaning: numbers.uniform((4, 3), 0.1, 0.9),
    "row": lambda numbers, meaning: (
        torch.tensor([0, 2, 1, 1]) if meaning == "class indices" else numbers.normal((4, 3))
    ),
    "mask": lambda numbers, meaning: torch.tensor([0, 2, 1, 1]) if meaning == "masks" else numbers.normal((4, 3)),
    "vector": lambda numbers, meaning: numbers.normal((4, 3)),
    "event": lambda numbers, meaning: numbers.normal((6,)),
    "group": lambda numbers, meaning: numbers.normal((2, 3)),
}
_OF_MEANING = {
    "counts": torch.tensor([5, 3, 2]),
    "times": torch.tensor([3.0, 1.0, 2.0, 2.0, 5.0, 2.0], dtype=torch.float64),
    "0 or 1": torch.tensor([1, 0, 1, 1, 1, 0]),
    "relevance": torch.tensor([[2, 0, 1], [0, 0, 3]]),
}


# Losses whose operands have different shapes, or depend on each other.
_IN_CALLS = {
    "aft_loss", "arc_face_loss", "batch_triplet_loss", "box_ciou_loss", "box_diou_loss", "box_giou_loss",
    "box_iou_loss", "circle_loss", "contrastive_loss", "coral_loss", "cos_face_loss", "crps_ensemble_loss",
    "cumulative_link_loss", "distillation_loss", "distribution_focal_loss", "logistic_hazard_loss",
    "ms_ssim_loss", "multi_similarity_loss", "rnnt_loss", "ssim_loss", "sup_con_loss", "total_variation_loss",
}  # fmt: skip

# Options without which a loss does not take these operands: small images need a small window.
_OPTIONS = {"ssim_loss": {"window": 3}, "ms_ssim_loss": {"window": 3, "scales": 2}}

# Of losses of elements: numbers between these, whole where the losses are defined for those alone.
_BETWEEN = {"log-probabilities": (-2.0, -0.2), "counts": (0.0, 5.0), "0 or 1": (0.0, 1.0)}


def _of_elements(numbers, name, meaning):
    low, high = _BETWEEN.get(meaning, (1.1, 1.9) if name == "upper" else (0.1, 0.9))
    drawn = numbers.uniform((4, 3), low, high)
    return drawn.round() if meaning in ("counts", "0 or 1") else drawn


def _of_signature(entry):
    """Operands for a loss, from its signature alone; those that are optional are left out."""
    numbers = Numbers(3)
    if entry["function"] in _IN_CALLS:
        return {name: tensor.clone() for name, tensor in CALLS[entry["function"]][0][0].items()}
    if entry["unit"] == "element":
        return {
            o["name"]: _of_elements(numbers, o["name"], o["meaning"]) for o in entry["operands"] if not o["optional"]
        }
    required = {o["name"]: o["meaning"] for o in entry["operands"] if not o["optional"]}
    make = _OF_UNIT[entry["unit"]]
    return {name: _OF_MEANING[m].clone() if m in _OF_MEANING else make(numbers, m) for name, m in required.items()}


def _of_torch():
    for case in cases(shapes=slice(1)):
        floating = tuple(n for n in case.loss.differentiable if n in case.tensors())
        yield Call(f"{case.loss.name}-{case.variant.id}", function_name(case.loss), case.tensors, case.variant.options,
                   tuple(n for n in floating if case.tensors()[n].is_floating_point()))  # fmt: skip


def _of_perdita():
    for name, entry in ENTRIES.items():
        if not hasattr(torch_functional, name):
            predictions = [o["name"] for o in entry["operands"] if o["role"] == "prediction" and not o["optional"]]
            yield Call(name, name, functools.partial(_of_signature, entry), _OPTIONS.get(name, {}), tuple(predictions))
    yield Call("formula", "formula", _pair, {}, ("input", "target"))
    yield Call("class_formula", "class_formula", _classes, {}, ("input",))


OF_TORCH = tuple(_of_torch())
OF_PERDITA = tuple(_of_perdita())
ALL = OF_TORCH + OF_PERDITA
FIRST = tuple({call.name: call for call in reversed(ALL)}.values())[::-1]
"""One call of each loss."""


def value_and_gradients(loss, tensors, names, upstream=None):
    """The loss and its gradients with respect to the operands of these names."""
    leaves = [t.detach().requires_grad_() if n in names else t for n, t in tensors.items()]
    value = loss(*leaves)
    upstream = torch.ones_like(value) if upstream is None else upstream
    by_name = dict(zip(tensors, leaves, strict=True))
    return value.detach(), torch.autograd.grad(value, [by_name[n] for n in names], upstream, allow_unused=True)
