"""The losses as modules with the names of torch.nn. Weights are buffers (tensors, or arrays such as those of perdita.data,
which are converted to tensors of torch's default dtype). Options are checked in the constructor.

    criterion = perdita.torch.nn.CrossEntropyLoss(weight=class_weights)
    criterion(model(x), labels).backward()

All other names are those of torch.nn, so that this import can replace that of torch. The modules can be loaded by
torch.load(..., weights_only=True).
"""

import torch

from perdita import _core
from perdita._catalogue import BOUND_OPERANDS
from perdita._checks import integer
from perdita._extras import PartExtras, SumExtras
from perdita._formula import Formula
from perdita._formula import formula as make_formula
from perdita._loss_sum import AddableLoss, check_text, check_weight, common_options, loss_of_part, text_in_epoch
from perdita._modules import bind_options, make_classes, shown_options, sign_constructor
from perdita._names import missing
from perdita._options import loss_of
from perdita.errors import DomainError, DTypeError, LabelError, ShapeError
from perdita.torch import functional
from perdita.torch._call import call_sum, check_denominator
from perdita.torch._composed import formula_of_parameters
from perdita.torch._operands import as_tensor


class Loss(AddableLoss, torch.nn.modules.loss._Loss):
    """Base class of the modules, called with the tensor arguments of the function. 0.7 * a + 0.3 * b is a Sum.

    Modules that also exist in torch.nn are subclasses of that module, so that isinstance(criterion,
    torch.nn.CrossEntropyLoss) is true."""

    def __init__(self, *args, **kwargs):
        torch.nn.Module.__init__(self)  # not that of torch's loss, whose options are others
        denominator = kwargs.get("normalize_by")
        if denominator is not None and not isinstance(denominator, str):
            kwargs = {**kwargs, "normalize_by": None}
        options = bind_options(self._loss, self._signature, args, kwargs)
        if denominator is not None and not isinstance(denominator, str):
            check_denominator(self._loss, denominator, options["reduction"])
        options["normalize_by"] = options["normalize_by"] if denominator is None else denominator
        for name in sorted(BOUND_OPERANDS):
            if name in options:
                self.register_buffer(name, self._tensor(name, options.pop(name)))
        self._names = tuple(options)
        for name, value in options.items():
            setattr(self, name, value)

    def __init_subclass__(cls, **keywords):
        super().__init_subclass__(**keywords)
        sign_constructor(cls)

    def _tensor(self, name, weight):
        tensor = as_tensor(weight)
        if tensor is not None and not isinstance(tensor, torch.Tensor):
            raise DTypeError(
                f"{self._loss}: {name} is a {type(weight).__name__} (valid: a torch.Tensor, or an array of numbers)"
            )
        return tensor

    def _options(self):
        weights = {name: getattr(self, name) for name in sorted(BOUND_OPERANDS) if name in self._buffers}
        return {**{name: getattr(self, name) for name in self._names}, **weights}

    bound_options = _options

    @staticmethod
    def _sum_type():
        return Sum

    def forward(self, *tensors, **named):
        return self._function(*tensors, **{**self._options(), **named})

    def extra_repr(self):
        return shown_options(self._signature, self._options())


def _module_of_torch(name):
    return (getattr(torch.nn, name),) if hasattr(torch.nn, name) else ()


_classes = make_classes(Loss, vars(functional), __name__, _module_of_torch)
globals().update(_classes)


class FormulaLoss(AddableLoss, torch.nn.Module):
    """A custom loss as a module: perdita.formula, whose declared parameters are trained.

        criterion = perdita.torch.nn.FormulaLoss("(y - t)^2 / s + log(s) where s = exp(param(log_s, 0.0))")
        optimizer = torch.optim.Adam([*model.parameters(), *criterion.parameters()])
        criterion.log_s                                         # a torch.nn.Parameter

    formula: text, a function, or a perdita.formula. A parameter is param(NAME, FIRST VALUE), or perdita.ops.param in a
    function. A formula with parameters is computed by operators of torch; it must be of elements (y and t), not of classes.
    Keywords: see perdita.formula.
    """

    def __init__(self, formula, *, weight=None, reduction="mean", normalize_by=None):
        super().__init__()
        self.formula = formula if isinstance(formula, Formula) else make_formula(formula)
        self.register_buffer("weight", as_tensor(weight))
        self._common = {"reduction": reduction, "normalize_by": normalize_by}
        if normalize_by is None or isinstance(normalize_by, str):
            loss_of(self.formula._function, reduction, normalize_by, formula=self.formula.text)  # checks the options
        else:
            check_denominator("FormulaLoss", normalize_by, reduction)
        declared = _core.formula_parameters(self.formula.text)
        if declared and _core.is_class_formula(self.formula.text):
            raise DomainError("FormulaLoss: a formula of classes has parameters (valid: in a formula of y and t)")
        self._declared = tuple(name for name, _ in declared)
        for name, initial in declared:
            if hasattr(self, name):
                raise DomainError(
                    f"FormulaLoss: a parameter is named {name!r}, as an attribute of modules (valid: another)"
                )
            self.register_parameter(name, torch.nn.Parameter(torch.tensor(initial)))

    @staticmethod
    def _sum_type():
        return Sum

    @property
    def reduction(self):
        """As of the modules of torch.nn."""
        return self._common["reduction"]

    @reduction.setter
    def reduction(self, reduction):
        self._common = {**self._common, "reduction": reduction}

    @property
    def text(self):
        """The formula as a loss."""
        return "formula: " + self.formula.text

    def bound_options(self):
        """The options by name."""
        return {"weight": self.weight, **self._common}

    def forward(self, input, target, weight=None, *, return_extras=False):
        """The loss, or (loss, extras) with return_extras."""
        weight = self.weight if weight is None else weight
        if not self._declared:
            return self.formula(input, target, weight, **self._common, return_extras=return_extras)
        parameters = [getattr(self, name) for name in self._declared]
        return formula_of_parameters(
            self.formula.text, (input, target, weight), parameters, *self._common.values(), return_extras
        )

    def extra_repr(self):
        return repr(self.formula.text)


class Sum(AddableLoss, torch.nn.Module):
    """A sum of losses that read the same prediction and target, each with its own reduction and denominator.

        criterion = perdita.torch.nn.Sum("0.7*cross_entropy + 0.3*dice:smooth=1")
        criterion = 0.7 * perdita.torch.nn.CrossEntropyLoss() + 0.3 * perdita.torch.nn.DiceLoss(smooth=1)
        criterion = perdita.torch.nn.Sum("learned*mse + learned*l1")
        optimizer = torch.optim.Adam([*model.parameters(), *criterion.parameters()])
        loss, extras = criterion(logits, masks, return_extras=True)
        extras.parts["dice"].value

    loss: text. A part is a loss with factors before it: numbers, one of linear(FROM,TO,epochs=N), cosine(...) and
    step(...),
    which depend on the epoch, see set_epoch(), and `learned`. A learned weight is exp(-s), and adds s / 2 to the sum, with a
    parameter s that starts at 0 (Kendall, Gal and Cipolla, CVPR 2018): log_variances.NAME. weight, reduction and
    normalize_by are those of each part.

    Raises ValueError (DomainError) for parts that do not read the same prediction and target.
    """

    def __init__(self, loss, *, weight=None, reduction="mean", normalize_by=None):
        super().__init__()
        check_text(loss)
        parts = _core.loss_parts(loss)
        check_weight(parts, weight)
        self.register_buffer("weight", as_tensor(weight))
        self._common = {"reduction": reduction, "normalize_by": normalize_by}
        given = self._common if weight is None else {**self._common, "weight": weight}
        self._set_parts(loss, [loss_of_part(part, _classes, given) for part in parts])
        has_parameters = any(isinstance(loss, FormulaLoss) and loss._declared for loss in self.losses)
        self._is_text = isinstance(normalize_by, (str, type(None))) and not has_parameters

    @classmethod
    def of_parts(cls, text, losses, learned=()):
        """A sum of modules and formulas, with the weights in `text`. learned: for each part, the parameter of a weight that
        is learned already, which the sum shares, or None."""
        self = cls.__new__(cls)
        torch.nn.Module.__init__(self)
        self.register_buffer("weight", None)
        self._common = common_options(losses)
        self._set_parts(text, losses, learned)
        self._is_text = False
        return self

    def _set_parts(self, text, losses, learned=()):
        parts = _core.loss_parts(text)
        self.text = text
        self.names = tuple(part["name"] for part in parts)
        self.losses = torch.nn.ModuleList(self._module_of(loss) for loss in losses)
        shared = learned or [None] * len(parts)
        self.log_variances = torch.nn.ParameterDict()
        for part, parameter in zip(parts, shared, strict=True):
            if part["is_learned"]:
                self.log_variances[part["name"]] = (
                    torch.nn.Parameter(torch.zeros(())) if parameter is None else parameter
                )
        self.set_epoch(0)

    @property
    def reduction(self):
        """That of the parts, as of the modules of torch.nn. A new one is that of each part."""
        return self._common["reduction"]

    @reduction.setter
    def reduction(self, reduction):
        self._common = {**self._common, "reduction": reduction}
        for loss in self.losses:
            loss.reduction = reduction

    def set_epoch(self, epoch):
        """Sets the epoch, counted from 0, on which scheduled weights depend."""
        epoch = integer("Sum.set_epoch", "epoch", epoch, 0)
        self._factors = tuple(_core.loss_weights(self.text, epoch))
        self._text = None if len(self.log_variances) else text_in_epoch(self.text, epoch)

    @property
    def weights(self):
        """The weights of the parts in the current epoch, by name: numbers, or tensors if they are learned."""
        return {
            name: torch.exp(-self.log_variances[name]) * factor if name in self.log_variances else factor
            for name, factor in zip(self.names, self._factors, strict=True)
        }

    @staticmethod
    def _sum_type():
        return Sum

    def forward(self, *tensors, return_extras=False):
        """The sum, or (sum, SumExtras) with return_extras."""
        if self._is_text and self._text is not None and not return_extras:
            weighted = tensors if self.weight is None else (*tensors, self.weight)
            value = call_sum(self._text, weighted, **self._common)
            if value is not None:
                return value
        total, found = None, {}
        for loss, (name, weight) in zip(self.losses, self.weights.items(), strict=True):
            value, extras = self._call_part(loss, tensors, return_extras)
            term = torch.zeros_like(value) if isinstance(weight, float) and weight == 0 else value * weight
            if name in self.log_variances:
                term = term + 0.5 * self.log_variances[name]
            if total is not None and term.shape != total.shape:
                raise ShapeError(
                    f"Sum: the losses of {name} have shape {list(term.shape)}, and those before it {list(total.shape)} "
                    f"(valid: reduction 'mean' or 'sum')"
                )
            total = term if total is None else total + term
            found[name] = PartExtras(_detached(weight), value.detach(), extras)
        return (total, SumExtras(found)) if return_extras else total

    def _module_of(self, loss):
        return FormulaLoss(loss, weight=self.weight, **self._common) if isinstance(loss, Formula) else loss

    def _call_part(self, loss, tensors, return_extras):
        result = loss(*tensors, return_extras=return_extras)
        return result if return_extras else (result, None)

    def extra_repr(self):
        return repr(self.text)


def _detached(weight):
    return weight.detach() if isinstance(weight, torch.Tensor) else weight


class AdaptiveLogSoftmaxWithLoss(torch.nn.AdaptiveLogSoftmaxWithLoss):
    """The module of torch.nn with the loss of Perdita, which does not store the log-probabilities of clusters."""

    def forward(self, input_, target_):
        if not torch.compiler.is_compiling() and _core.wanted_gradients((input_, target_)) < 0:
            return super().forward(input_, target_)  # a trace or transform cannot choose the rows of a cluster
        if target_.dim() + 1 != input_.dim() or target_.shape != input_.shape[:-1] or target_.dim() > 1:
            raise ShapeError(
                f"AdaptiveLogSoftmaxWithLoss: target has shape {list(target_.shape)}, but input has "
                f"{list(input_.shape)} (valid: [N] for [N, F], [] for [F])"
            )
        rows, labels = torch.atleast_2d(input_), torch.atleast_1d(target_)
        outside = ((labels < 0) | (labels >= self.n_classes)).nonzero()
        if len(outside):
            first = outside[0].item()
            raise LabelError(
                f"AdaptiveLogSoftmaxWithLoss: Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{labels.min()}, {labels.max()}] were found: target[{first}] is {labels[first]}"
            )
        bounds = torch.tensor(self.cutoffs)
        cluster = torch.bucketize(labels, bounds, right=True)
        places = torch.where(cluster == 0, labels, self.shortlist_size + cluster - 1)
        output = -functional.cross_entropy(self.head(rows), places, reduction="none")
        for i, tail in enumerate(self.tail):
            chosen = (cluster == i + 1).nonzero().squeeze(1)
            if len(chosen):
                losses = functional.cross_entropy(
                    tail(rows[chosen]), labels[chosen] - self.cutoffs[i], reduction="none"
                )
                output = output.index_add(0, chosen, losses, alpha=-1)
        loss = -output.mean()
        return torch.nn.modules.adaptive._ASMoutput(output if input_.dim() > 1 else output[0], loss)


__getattr__ = missing(__name__, "module", torch.nn)
__all__ = sorted([*_classes, "AdaptiveLogSoftmaxWithLoss", "FormulaLoss", "Sum"])

if hasattr(torch.nn, "LinearCrossEntropyLoss"):

    class LinearCrossEntropyLoss(torch.nn.LinearCrossEntropyLoss):
        """The module of torch.nn, computed in chunks: see perdita.torch.functional.linear_cross_entropy."""

        def forward(self, input, target):
            shape = self.num_classes, *self.out_features
            bias = self.linear.bias
            return functional.linear_cross_entropy(
                input,
                self.linear.weight.reshape(*shape, -1),
                target,
                linear_bias=None if bias is None else bias.reshape(shape),
                weight=self.weight,
                reduction=self.reduction,
                ignore_index=self.ignore_index,
                label_smoothing=self.label_smoothing,
                options=self.options,
            )

    __all__.append("LinearCrossEntropyLoss")

torch.serialization.add_safe_globals([_classes[name] for name in sorted(_classes)])
