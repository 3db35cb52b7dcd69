"""The losses as classes with the names of torch.nn, for NumPy arrays. Options are bound and checked in the constructor.

    criterion = perdita.nn.CrossEntropyLoss(label_smoothing=0.1)
    loss = criterion(logits, labels)

The function of the same loss documents the formula and the options.
"""

import itertools

import numpy as np

from perdita import _core, functional
from perdita._arrays import numpy_of
from perdita._checks import integer
from perdita._extras import PartExtras, SumExtras
from perdita._formula import Formula
from perdita._loss_sum import (
    AddableLoss,
    check_text,
    check_weight,
    common_options,
    loss_of_part,
    text_in_epoch,
    weighted,
)
from perdita._loss_text import unwritten_options
from perdita._modules import bind_options, make_classes, shown_options, sign_constructor
from perdita._names import missing
from perdita._options import loss_of
from perdita.errors import DomainError, LabelError, ShapeError


class Loss(AddableLoss):
    """Base class of the losses, called with the array arguments of the function. 0.7 * a + 0.3 * b is a Sum."""

    def __init__(self, *args, **kwargs):
        self.options = bind_options(self._loss, self._signature, args, kwargs)

    def __init_subclass__(cls, **keywords):
        super().__init_subclass__(**keywords)
        sign_constructor(cls)

    def __call__(self, *arrays, **named):
        return self._function(*arrays, **named, **self.options)

    def bound_options(self):
        """The options by name."""
        return self.options

    @staticmethod
    def _sum_type():
        return Sum

    def __repr__(self):
        return f"{type(self).__name__}({shown_options(self._signature, self.options)})"


_classes = make_classes(Loss, vars(functional), __name__)
globals().update(_classes)


class _FormulaPart:
    """A formula with the options of its part of a sum."""

    def __init__(self, formula, weight=None, reduction="mean", normalize_by=None):
        loss_of(formula._function, reduction, normalize_by, formula=formula.text)  # checks the options
        self.formula, self.options = formula, {"weight": weight, "reduction": reduction, "normalize_by": normalize_by}

    @property
    def text(self):
        return "formula: " + self.formula.text

    def bound_options(self):
        return self.options

    def call_with(self, call, *arrays, **options):
        return self.formula.call_with(call, *arrays, **{**self.options, **options})

    def __repr__(self):
        return repr(self.formula)


class Sum(AddableLoss):
    """A sum of losses that read the same prediction and target, each with its own reduction and denominator.

        criterion = perdita.nn.Sum("0.7*binary_cross_entropy_with_logits + 0.3*dice:smooth=1")
        criterion = 0.7 * perdita.nn.BCEWithLogitsLoss() + 0.3 * perdita.nn.DiceLoss(smooth=1)
        loss, extras = criterion(logits, masks, return_extras=True)
        extras.parts["dice"].value

    loss: text. A part is a loss with factors before it: numbers, or one of linear(FROM,TO,epochs=N), cosine(...) and
    step(...), which depend on the epoch, see set_epoch(). weight, reduction and normalize_by are those of each part. Learned
    weights require perdita.torch.nn.Sum.

    Raises ValueError (DomainError) for parts that do not read the same prediction and target.
    """

    def __init__(self, loss, *, weight=None, reduction="mean", normalize_by=None):
        check_text(loss)
        parts = _core.loss_parts(loss)
        check_weight(parts, weight)
        given = {"reduction": reduction, "normalize_by": normalize_by}
        given = given if weight is None else {**given, "weight": weight}
        losses = (loss_of_part(part, _classes, given) for part in parts)
        self._set_parts(loss, [_FormulaPart(one, **given) if isinstance(one, Formula) else one for one in losses])

    @classmethod
    def of_parts(cls, text, losses, learned=()):
        """A sum of modules and formulas, with the weights in `text`. learned: see perdita.torch.nn.Sum.of_parts()."""
        self = cls.__new__(cls)
        self._set_parts(text, [_FormulaPart(one) if isinstance(one, Formula) else one for one in losses])
        return self

    def _set_parts(self, text, losses):
        parts = _core.loss_parts(text)
        learned = [part["name"] for part in parts if part["is_learned"]]
        if learned:
            raise DomainError(f"Sum: the weight of {learned[0]} is learned (valid: numbers, or perdita.torch.nn.Sum)")
        self.text = text
        self.names = tuple(part["name"] for part in parts)
        self.losses = tuple(losses)
        self._epoch = 0

    def set_epoch(self, epoch):
        """Sets the epoch, counted from 0, on which scheduled weights depend."""
        self._epoch = integer("Sum.set_epoch", "epoch", epoch, 0)

    @property
    def weights(self):
        """The weights of the parts in the current epoch, by name."""
        return dict(zip(self.names, _core.loss_weights(self.text, self._epoch), strict=True))

    @staticmethod
    def _sum_type():
        return Sum

    def _text_for_core(self):
        """(text, common options) of the whole sum; None if a part has options that a text cannot hold, or others than the
        rest."""
        common = common_options(self.losses)
        for one in self.losses:
            options = {**unwritten_options(one), "reduction": one.bound_options()["reduction"]}
            if {**options, "normalize_by": options.get("normalize_by")} != common:
                return None
        return text_in_epoch(self.text, self._epoch), common

    def __call__(self, *arrays, return_extras=False):
        total, found = None, {}
        for loss, (name, weight) in zip(self.losses, self.weights.items(), strict=True):
            value, extras = self._call_part(loss, arrays, return_extras)
            term = weighted(value, weight)
            if total is not None and np.shape(term) != np.shape(total):
                raise ShapeError(
                    f"Sum: the losses of {name} have shape {list(np.shape(term))}, and those before it "
                    f"{list(np.shape(total))} (valid: reduction 'mean' or 'sum')"
                )
            total = term if total is None else total + term
            found[name] = PartExtras(weight, value, extras)
        return (total, SumExtras(found)) if return_extras else total

    def _call_part(self, loss, arrays, return_extras):
        if isinstance(loss, _FormulaPart):
            result = loss.call_with(functional._call, *arrays, return_extras=return_extras)
        else:
            result = loss._function(*arrays, **{**loss.options, "return_extras": return_extras})
        return result if return_extras else (result, None)

    def __repr__(self):
        return f"Sum({self.text!r})"


def _uniform(rng, outputs, inputs, dtype):
    """Weights as torch.nn.Linear starts with: uniform in +-1/sqrt(inputs)."""
    bound = inputs**-0.5
    return rng.uniform(-bound, bound, (outputs, inputs)).astype(dtype)


class LinearCrossEntropyLoss:
    """linear_cross_entropy with its linear layer: weight [C, d1, ..., F], and bias if asked for, as NumPy arrays."""

    def __init__(self, in_features, num_classes, *, out_features=(), bias=False, dtype=np.float32, seed=0, **options):
        rng = np.random.default_rng(seed)
        shape = (num_classes, *out_features)
        outputs = int(np.prod(shape))
        self.linear_weight = _uniform(rng, outputs, in_features, dtype).reshape(*shape, in_features)
        self.linear_bias = _uniform(rng, outputs, in_features, dtype)[:, 0].reshape(shape) if bias else None
        known = {
            "weight",
            "reduction",
            "ignore_index",
            "label_smoothing",
            "z_loss",
            "softcap",
            "normalize_by",
            "chunk_rows",
        }
        if not known >= options.keys():
            raise TypeError(
                f"LinearCrossEntropyLoss: unknown options {sorted(options.keys() - known)} (valid: {sorted(known)})"
            )
        bind_options(
            "CrossEntropyLoss",
            _classes["CrossEntropyLoss"]._signature,
            (),
            {key: value for key, value in options.items() if key != "chunk_rows" and value is not None},
        )
        self.options = options

    def __call__(self, input, target):
        return functional.linear_cross_entropy(
            input, self.linear_weight, target, linear_bias=self.linear_bias, **self.options
        )


class AdaptiveLogSoftmaxWithLoss:
    """A two-level softmax for many classes of which few are frequent (Grave et al., Efficient softmax approximation for
    GPUs, arXiv 1609.04309). Classes below cutoffs[0] are in the head; the others are in clusters, each of which has one
    logit in the head. Parameters are NumPy arrays: head (and head_bias), and tail, pairs of projection and classes.

    Called with input [N, F] (or [F]) and labels [N] (or []), it returns (log-probability of each label, mean loss).
    """

    def __init__(self, in_features, n_classes, cutoffs, div_value=4.0, head_bias=False, dtype=np.float32, seed=0):
        cutoffs = list(cutoffs)
        if not cutoffs or cutoffs != sorted(set(cutoffs)) or not 0 < cutoffs[0] or not cutoffs[-1] < n_classes:
            raise DomainError(
                f"AdaptiveLogSoftmaxWithLoss: cutoffs is {cutoffs} (valid: ascending integers in 1..{n_classes - 1})"
            )
        rng = np.random.default_rng(seed)
        self.n_classes, self.cutoffs, self.shortlist_size = n_classes, cutoffs + [n_classes], cutoffs[0]
        head_size = cutoffs[0] + len(cutoffs)
        self.head = _uniform(rng, head_size, in_features, dtype)
        self.head_bias = _uniform(rng, head_size, in_features, dtype)[:, 0] if head_bias else None
        self.tail = []
        for i, (low, high) in enumerate(itertools.pairwise(self.cutoffs)):
            hidden = int(in_features // div_value ** (i + 1))
            self.tail.append((_uniform(rng, hidden, in_features, dtype), _uniform(rng, high - low, hidden, dtype)))

    def __call__(self, input, target):
        input = numpy_of("AdaptiveLogSoftmaxWithLoss", "input", input)
        target = numpy_of("AdaptiveLogSoftmaxWithLoss", "target", target)
        if target.ndim + 1 != input.ndim or target.shape != input.shape[:-1]:
            raise ShapeError(
                f"AdaptiveLogSoftmaxWithLoss: target has shape {list(target.shape)}, but input has {list(input.shape)} "
                "(valid: [N] for [N, F], [] for [F])"
            )
        rows, labels = np.atleast_2d(input), np.atleast_1d(target)
        outside = np.flatnonzero((labels < 0) | (labels >= self.n_classes))
        if len(outside):
            raise LabelError(
                f"AdaptiveLogSoftmaxWithLoss: target[{outside[0]}] is {labels[outside[0]]} (valid: 0..{self.n_classes - 1})"
            )
        cluster = np.searchsorted(self.cutoffs, labels, side="right")
        places = np.where(cluster == 0, labels, self.shortlist_size + cluster - 1)
        output = -functional.cross_entropy(self._head_scores(rows), places, reduction="none")
        for i, (projection, classes) in enumerate(self.tail):
            chosen = np.flatnonzero(cluster == i + 1)
            if len(chosen):
                scores = rows[chosen] @ projection.T @ classes.T
                output[chosen] -= functional.cross_entropy(scores, labels[chosen] - self.cutoffs[i], reduction="none")
        loss = -output.mean() if len(output) else output.dtype.type(np.nan)
        return (output if input.ndim > 1 else output[0]), loss

    def _head_scores(self, rows):
        scores = rows @ self.head.T
        return scores if self.head_bias is None else scores + self.head_bias

    def log_prob(self, input):
        """Log-probabilities [N, n_classes] of all classes, for input [N, F]."""
        input = numpy_of("AdaptiveLogSoftmaxWithLoss", "input", input)
        head = _log_softmax(self._head_scores(input))
        parts = [head[:, : self.shortlist_size]]
        for i, (projection, classes) in enumerate(self.tail):
            scores = _log_softmax(input @ projection.T @ classes.T)
            parts.append(scores + head[:, self.shortlist_size + i, None])
        return np.concatenate(parts, axis=1)

    def predict(self, input):
        """The most probable class of each row."""
        return self.log_prob(input).argmax(axis=1)


def _log_softmax(scores):
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


__getattr__ = missing(__name__, "module")
__all__ = sorted([*_classes, "LinearCrossEntropyLoss", "AdaptiveLogSoftmaxWithLoss", "Sum"])
