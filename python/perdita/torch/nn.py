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
from perdita._modules import bind_options, make_classes, shown_options, sign_constructor
from perdita._names import missing
from perdita.errors import DTypeError, LabelError, ShapeError
from perdita.torch import functional
from perdita.torch._call import check_denominator
from perdita.torch._operands import as_tensor


class Loss(torch.nn.modules.loss._Loss):
    """Base class of the modules, called with the tensor arguments of the function. Modules that also exist in torch.nn are
    subclasses of that module, so that isinstance(criterion, torch.nn.CrossEntropyLoss) is true."""

    def __init__(self, *args, **kwargs):
        torch.nn.Module.__init__(self)  # not that of torch's loss, whose options are others
        denominator = kwargs.get("normalize_by")
        if denominator is not None and not isinstance(denominator, str):
            check_denominator(self._loss, denominator)
            kwargs = {**kwargs, "normalize_by": None}
        options = bind_options(self._loss, self._signature, args, kwargs)
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

    def forward(self, *tensors, **named):
        return self._function(*tensors, **{**self._options(), **named})

    def extra_repr(self):
        return shown_options(self._signature, self._options())


def _module_of_torch(name):
    return (getattr(torch.nn, name),) if hasattr(torch.nn, name) else ()


_classes = make_classes(Loss, vars(functional), __name__, _module_of_torch)
globals().update(_classes)


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
__all__ = sorted([*_classes, "AdaptiveLogSoftmaxWithLoss"])

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
