"""The losses as functions, by PyTorch's names, argument order and defaults, for NumPy and for PyTorch."""

import functools

from perdita import _core
from perdita._catalogue import ARGUMENTS, ENTRIES, call_with_options, make_function
from perdita._docstrings import docstring
from perdita._options import full_text, logit_options, loss_of, loss_of_text, options_of, text_of
from perdita.errors import DomainError, DTypeError, ShapeError

__all__ = ["full_text", "functions", "logit_options", "loss_of", "loss_of_text", "options_of", "text_of"]


def functions(call, library, check_arrays=_core.check_arrays, as_array=lambda weight, input: weight):
    """Every loss as a function that ends in call(function, operands, reduction, normalize_by, return_extras, **options).

    Written out are the losses of PyTorch, whose argument order is fixed, and those with options that are not numbers;
    the others are generated from the catalogue.

    operands: arrays or None, in the order of the core. library: numpy or torch, for operations before the call.
    check_arrays: raises an error for operands that are not arrays. as_array(weight, input): converts a weight of another
    library to the type of input.
    """
    checked = functools.partial(call, validate=True)
    chosen = functools.partial(call_with_options, call)

    # A signature takes one or two lines.
    # fmt: off
    def l1_loss(
        input, target, reduction="mean", weight=None, *, normalize_by=None, return_extras=False, validate=False, missing=None
    ):
        if weight is not None:
            weight = as_array(weight, input)
        return (chosen(validate, missing) if validate or missing else call)(
            "l1_loss", (input, target, weight), reduction, normalize_by, return_extras
        )

    def mse_loss(
        input, target, reduction="mean", weight=None, *, normalize_by=None, return_extras=False, validate=False, missing=None
    ):
        if weight is not None:
            weight = as_array(weight, input)
        return (chosen(validate, missing) if validate or missing else call)(
            "mse_loss", (input, target, weight), reduction, normalize_by, return_extras
        )

    def smooth_l1_loss(
        input, target, reduction="mean", beta=1.0, *, normalize_by=None, return_extras=False, validate=False, missing=None
    ):
        return (chosen(validate, missing) if validate or missing else call)(
            "smooth_l1_loss", (input, target), reduction, normalize_by, return_extras, beta=beta
        )

    def huber_loss(
        input, target, reduction="mean", delta=1.0, weight=None,
        *, normalize_by=None, return_extras=False, validate=False, missing=None
    ):
        if weight is not None:
            weight = as_array(weight, input)
        return (chosen(validate, missing) if validate or missing else call)(
            "huber_loss", (input, target, weight), reduction, normalize_by, return_extras, delta=delta
        )

    def binary_cross_entropy(
        input, target, weight=None, reduction="mean",
        *, normalize_by=None, return_extras=False, validate=False, missing=None, label_smoothing=0.0
    ):
        if weight is not None:
            weight = as_array(weight, input)
        return (chosen(validate, missing, label_smoothing) if validate or missing or label_smoothing else call)(
            "binary_cross_entropy", (input, target, weight), reduction, normalize_by, return_extras
        )

    def binary_cross_entropy_with_logits(
        input, target, weight=None, reduction="mean", pos_weight=None,
        *, normalize_by=None, return_extras=False, validate=False, missing=None, label_smoothing=0.0
    ):
        if weight is not None:
            weight = as_array(weight, input)
        if pos_weight is not None:
            pos_weight = as_array(pos_weight, input)
        return (chosen(validate, missing, label_smoothing) if validate or missing or label_smoothing else call)(
            "binary_cross_entropy_with_logits",
            (input, target, weight, pos_weight),
            reduction,
            normalize_by,
            return_extras,
        )

    def binary_focal_loss(
        input, target, alpha=0.25, gamma=2.0, reduction="mean",
        *, alpha_by_class=True, normalize_by=None, return_extras=False, validate=False, missing=None, label_smoothing=0.0
    ):
        if alpha is None or isinstance(alpha, (int, float)) and alpha < 0:  # torchvision's value for no weighting
            alpha, alpha_by_class = 1.0, False
        return (chosen(validate, missing, label_smoothing) if validate or missing or label_smoothing else call)(
            "binary_focal_loss",
            (input, target),
            reduction,
            normalize_by,
            return_extras,
            alpha=alpha,
            gamma=gamma,
            alpha_by_class=alpha_by_class,
        )

    def focal_loss(
        input,
        target,
        gamma=2.0,
        weight=None,
        ignore_index=-100,
        reduction="mean",
        label_smoothing=0.0,
        *,
        alpha=None,
        normalize_by=None,
        return_extras=False,
        validate=False,
    ):
        if alpha is not None:
            if weight is not None:
                raise DomainError("focal_loss: alpha and weight are both given (valid: one of them)")
            if isinstance(alpha, (int, float)) or getattr(alpha, "ndim", None) == 0:
                alpha = float(alpha)
            else:
                weight, normalize_by, alpha = _for_each_class(alpha, input, library), normalize_by or "count", None
        if weight is not None:
            weight = as_array(weight, input)
        return (checked if validate else call)(
            "focal_loss",
            (input, target, weight),
            reduction,
            normalize_by,
            return_extras,
            alpha=1.0 if alpha is None else alpha,
            gamma=gamma,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
        )

    def quantile_loss(
        input, target, q=0.5, reduction="mean", *, normalize_by=None, return_extras=False, validate=False, missing=None
    ):
        return (chosen(validate, missing) if validate or missing else call)(
            "quantile_loss", (input, target), reduction, normalize_by, return_extras, q=_levels(q)
        )

    def cross_entropy(
        input,
        target,
        weight=None,
        ignore_index=-100,
        reduction="mean",
        label_smoothing=0.0,
        *,
        z_loss=0.0,
        softcap=None,
        normalize_by=None,
        return_extras=False,
        validate=False,
    ):
        if weight is not None:
            weight = as_array(weight, input)
        return (checked if validate else call)(
            "cross_entropy",
            (input, target, weight),
            reduction,
            normalize_by,
            return_extras,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            **logit_options(z_loss, softcap),
        )

    def nll_loss(
        input, target, weight=None, ignore_index=-100, reduction="mean",
        *, normalize_by=None, return_extras=False, validate=False
    ):
        if weight is not None:
            weight = as_array(weight, input)
        return (checked if validate else call)(
            "nll_loss", (input, target, weight), reduction, normalize_by, return_extras, ignore_index=ignore_index
        )

    def kl_div(
        input, target, reduction="mean", log_target=False,
        *, normalize_by=None, return_extras=False, validate=False, missing=None
    ):
        return (chosen(validate, missing) if validate or missing else call)(
            "kl_div", (input, target), reduction, normalize_by, return_extras, log_target=log_target
        )

    def poisson_nll_loss(
        input, target, log_input=True, full=False, eps=1e-8, reduction="mean",
        *, normalize_by=None, return_extras=False, validate=False, missing=None
    ):
        return (chosen(validate, missing) if validate or missing else call)(
            "poisson_nll_loss",
            (input, target),
            reduction,
            normalize_by,
            return_extras,
            log_input=log_input,
            full=full,
            eps=eps,
        )

    def gaussian_nll_loss(
        input, target, var, full=False, eps=1e-6, reduction="mean",
        *, normalize_by=None, return_extras=False, validate=False
    ):
        if isinstance(var, (int, float)) and hasattr(input, "dtype"):
            var = library.full_like(input, var)
        return (checked if validate else call)(
            "gaussian_nll_loss", (input, target, var), reduction, normalize_by, return_extras, full=full, eps=eps
        )

    def soft_margin_loss(
        input, target, reduction="mean", *, normalize_by=None, return_extras=False, validate=False, missing=None
    ):
        return (chosen(validate, missing) if validate or missing else call)(
            "soft_margin_loss", (input, target), reduction, normalize_by, return_extras
        )

    def hinge_embedding_loss(
        input, target, margin=1.0, reduction="mean", *, normalize_by=None, return_extras=False, validate=False, missing=None
    ):
        return (chosen(validate, missing) if validate or missing else call)(
            "hinge_embedding_loss", (input, target), reduction, normalize_by, return_extras, margin=margin
        )

    def margin_ranking_loss(
        input1, input2, target, margin=0.0, reduction="mean", *, normalize_by=None, return_extras=False, validate=False
    ):
        return (checked if validate else call)(
            "margin_ranking_loss", (input1, input2, target), reduction, normalize_by, return_extras, margin=margin
        )

    def multi_margin_loss(
        input, target, p=1, margin=1.0, weight=None, reduction="mean",
        *, normalize_by=None, return_extras=False, validate=False
    ):
        if weight is not None:
            weight = as_array(weight, input)
        return (checked if validate else call)(
            "multi_margin_loss", (input, target, weight), reduction, normalize_by, return_extras, p=p, margin=margin
        )

    def multilabel_margin_loss(
        input, target, reduction="mean", *, normalize_by=None, return_extras=False, validate=False
    ):
        return (checked if validate else call)(
            "multilabel_margin_loss", (input, target), reduction, normalize_by, return_extras
        )

    def multilabel_soft_margin_loss(
        input, target, weight=None, reduction="mean", *, normalize_by=None, return_extras=False, validate=False
    ):
        if weight is not None:
            weight = as_array(weight, input)
        return (checked if validate else call)(
            "multilabel_soft_margin_loss", (input, target, weight), reduction, normalize_by, return_extras
        )

    def cosine_embedding_loss(
        input1, input2, target, margin=0.0, reduction="mean", *, normalize_by=None, return_extras=False, validate=False
    ):
        return (checked if validate else call)(
            "cosine_embedding_loss", (input1, input2, target), reduction, normalize_by, return_extras, margin=margin
        )

    def triplet_margin_loss(
        anchor,
        positive,
        negative,
        margin=1.0,
        p=2.0,
        eps=1e-6,
        swap=False,
        reduction="mean",
        *,
        normalize_by=None,
        return_extras=False,
        validate=False,
    ):
        return (checked if validate else call)(
            "triplet_margin_loss",
            (anchor, positive, negative),
            reduction,
            normalize_by,
            return_extras,
            margin=margin,
            p=p,
            eps=eps,
            swap=swap,
        )

    def ctc_loss(
        log_probs,
        targets,
        input_lengths,
        target_lengths,
        blank=0,
        reduction="mean",
        zero_infinity=False,
        *,
        normalize_by=None,
        return_extras=False,
        validate=False,
    ):
        try:
            lengths = [
                x if x is None or hasattr(x, "dtype") else library.asarray(x) for x in (input_lengths, target_lengths)
            ]
        except (RuntimeError, TypeError, ValueError) as error:
            raise DTypeError(
                f"ctc_loss: input_lengths or target_lengths cannot be read: {error} (valid: integers)"
            ) from None
        return (checked if validate else call)(
            "ctc_loss",
            (log_probs, targets, *lengths),
            reduction,
            normalize_by,
            return_extras,
            blank=blank,
            zero_infinity=zero_infinity,
        )

    def triplet_margin_with_distance_loss(
        anchor, positive, negative, *, distance_function=None, margin=1.0, swap=False, reduction="mean",
        normalize_by=None, return_extras=False, validate=False
    ):
        vectors = anchor, positive, negative
        if distance_function is None:
            try:
                return (checked if validate else call)(
                    "triplet_margin_loss", vectors, reduction, normalize_by, return_extras, margin=margin, swap=swap
                )
            except (DomainError, DTypeError, ShapeError) as error:
                message = str(error).replace("triplet_margin_loss", "triplet_margin_with_distance_loss", 1)
                raise type(error)(message) from None
        if not any(str(getattr(vector, "dtype", "")).endswith("float16") for vector in vectors):
            check_arrays("triplet_margin_with_distance_loss", ARGUMENTS["triplet_margin_loss"], vectors)
        if not callable(distance_function):
            raise DTypeError(
                f"triplet_margin_with_distance_loss: distance_function is {distance_function!r} (valid: a callable)"
            )
        if not margin > 0:
            raise DomainError(f"triplet_margin_with_distance_loss: margin is {margin} (valid: above 0)")
        if not anchor.ndim == positive.ndim == negative.ndim:
            raise ShapeError(
                f"triplet_margin_with_distance_loss: anchor has shape {list(anchor.shape)}, positive "
                f"{list(positive.shape)} and negative {list(negative.shape)} (valid: the same rank)"
            )
        near, far = distance_function(anchor, positive), distance_function(anchor, negative)
        if swap:
            far = library.minimum(far, distance_function(positive, negative))
        # max(0, margin + near - far) is the ranking loss of two scores of which far should be the larger.
        return (checked if validate else call)(
            "margin_ranking_loss",
            (far, near, library.ones_like(far)),
            reduction,
            normalize_by,
            return_extras,
            margin=margin,
        )

    # fmt: on
    table = {
        name: function
        for name, function in locals().items()
        if name not in ("call", "checked", "chosen", "library", "check_arrays", "as_array")
    }
    table |= {name: make_function(entry, call, as_array) for name, entry in ENTRIES.items() if name not in table}
    for name, function in table.items():
        function.__doc__ = docstring(name)
        function.__qualname__ = name
    return table


def _for_each_class(alpha, input, library):
    """The alpha of focal_loss as class weights."""
    if input is None or getattr(alpha, "ndim", 0) > 0:  # None: options are checked without arrays
        return alpha
    kind = {"dtype": input.dtype} if hasattr(input, "dtype") else {}
    try:
        return library.asarray(alpha, **kind)
    except (TypeError, ValueError, RuntimeError):
        raise DTypeError(f"focal_loss: alpha is {alpha!r} (valid: a number, or one for each class)") from None


def _levels(q):
    """A number as it is; several as a tuple."""
    try:
        return tuple(float(level) for level in q)
    except (TypeError, ValueError):
        return q
