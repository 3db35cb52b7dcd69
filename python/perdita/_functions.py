"""The losses as functions, by PyTorch's names, argument order and defaults: one text for NumPy and for PyTorch."""
import functools
import operator

from perdita import _core
from perdita._catalogue import ARGUMENTS, ENTRIES, FORMULAS, deciding, make_function
from perdita.errors import DomainError, DTypeError, ShapeError

_COMMON = """
Keywords of all losses:
    reduction: 'none' gives a loss an element (a row, for losses over classes or vectors), 'sum' their sum, 'mean' their
        sum over a denominator.
    normalize_by: the denominator of a mean: 'count' (losses that count), 'weight_sum' or 'batch' (size of the first
        dimension). None is PyTorch's choice for this loss.
    return_extras: gives (loss, extras), with extras.numerator, .denominator, .losses (as 'none' gives) and, for losses
        of logits and class indices, .margins and .hits, all from the same pass.

Raises ValueError (perdita.errors.ShapeError, DomainError, LabelError) or TypeError (DTypeError), naming the argument,
what it is, what is valid and, where it lies in the data, the first such element."""


def functions(call, library, check_arrays=_core.check_arrays):
    """Every loss as a function that ends in call(function, operands, reduction, normalize_by, return_extras, **options).

    Here stand PyTorch's, whose order of arguments is history's, and what takes more than numbers; the others are made
    from the catalogue.

    operands: arrays or None, in the order the core takes them. library: numpy or torch, for what is done to arrays first.
    check_arrays: raises for what is no array.
    """

    def l1_loss(input, target, reduction="mean", weight=None, *, normalize_by=None, return_extras=False):
        return call("l1_loss", (input, target, weight), reduction, normalize_by, return_extras)

    def mse_loss(input, target, reduction="mean", weight=None, *, normalize_by=None, return_extras=False):
        return call("mse_loss", (input, target, weight), reduction, normalize_by, return_extras)

    def smooth_l1_loss(input, target, reduction="mean", beta=1.0, *, normalize_by=None, return_extras=False):
        return call("smooth_l1_loss", (input, target), reduction, normalize_by, return_extras, beta=beta)

    def huber_loss(input, target, reduction="mean", delta=1.0, weight=None, *, normalize_by=None, return_extras=False):
        return call("huber_loss", (input, target, weight), reduction, normalize_by, return_extras, delta=delta)

    def binary_cross_entropy(input, target, weight=None, reduction="mean", *, normalize_by=None, return_extras=False):
        return call("binary_cross_entropy", (input, target, weight), reduction, normalize_by, return_extras)

    def binary_cross_entropy_with_logits(
        input, target, weight=None, reduction="mean", pos_weight=None, *, normalize_by=None, return_extras=False
    ):
        return call(
            "binary_cross_entropy_with_logits",
            (input, target, weight, pos_weight),
            reduction,
            normalize_by,
            return_extras,
        )

    def binary_focal_loss(
        input,
        target,
        alpha=0.25,
        gamma=2.0,
        reduction="mean",
        *,
        alpha_by_class=True,
        normalize_by=None,
        return_extras=False,
    ):
        if alpha is None or isinstance(alpha, (int, float)) and alpha < 0:  # torchvision's word for no weighting
            alpha, alpha_by_class = 1.0, False
        return call(
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
    ):
        if alpha is not None:
            if weight is not None:
                raise DomainError("focal_loss: alpha and weight are both given (valid: one of them)")
            if isinstance(alpha, (int, float)) or getattr(alpha, "ndim", None) == 0:
                alpha = float(alpha)
            else:
                weight, normalize_by, alpha = _for_each_class(alpha, input, library), normalize_by or "count", None
        return call(
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

    def quantile_loss(input, target, q=0.5, reduction="mean", *, normalize_by=None, return_extras=False):
        return call("quantile_loss", (input, target), reduction, normalize_by, return_extras, q=_levels(q))

    def cross_entropy(
        input,
        target,
        weight=None,
        ignore_index=-100,
        reduction="mean",
        label_smoothing=0.0,
        *,
        normalize_by=None,
        return_extras=False,
    ):
        return call(
            "cross_entropy",
            (input, target, weight),
            reduction,
            normalize_by,
            return_extras,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
        )

    def nll_loss(
        input, target, weight=None, ignore_index=-100, reduction="mean", *, normalize_by=None, return_extras=False
    ):
        return call(
            "nll_loss", (input, target, weight), reduction, normalize_by, return_extras, ignore_index=ignore_index
        )

    def kl_div(input, target, reduction="mean", log_target=False, *, normalize_by=None, return_extras=False):
        return call("kl_div", (input, target), reduction, normalize_by, return_extras, log_target=log_target)

    def poisson_nll_loss(
        input, target, log_input=True, full=False, eps=1e-8, reduction="mean", *, normalize_by=None, return_extras=False
    ):
        return call(
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
        input, target, var, full=False, eps=1e-6, reduction="mean", *, normalize_by=None, return_extras=False
    ):
        if isinstance(var, (int, float)) and hasattr(input, "dtype"):
            var = library.full_like(input, var)
        return call(
            "gaussian_nll_loss", (input, target, var), reduction, normalize_by, return_extras, full=full, eps=eps
        )

    def soft_margin_loss(input, target, reduction="mean", *, normalize_by=None, return_extras=False):
        return call("soft_margin_loss", (input, target), reduction, normalize_by, return_extras)

    def hinge_embedding_loss(input, target, margin=1.0, reduction="mean", *, normalize_by=None, return_extras=False):
        return call("hinge_embedding_loss", (input, target), reduction, normalize_by, return_extras, margin=margin)

    def margin_ranking_loss(
        input1, input2, target, margin=0.0, reduction="mean", *, normalize_by=None, return_extras=False
    ):
        return call(
            "margin_ranking_loss", (input1, input2, target), reduction, normalize_by, return_extras, margin=margin
        )

    def multi_margin_loss(
        input, target, p=1, margin=1.0, weight=None, reduction="mean", *, normalize_by=None, return_extras=False
    ):
        return call(
            "multi_margin_loss", (input, target, weight), reduction, normalize_by, return_extras, p=p, margin=margin
        )

    def multilabel_margin_loss(input, target, reduction="mean", *, normalize_by=None, return_extras=False):
        return call("multilabel_margin_loss", (input, target), reduction, normalize_by, return_extras)

    def multilabel_soft_margin_loss(
        input, target, weight=None, reduction="mean", *, normalize_by=None, return_extras=False
    ):
        return call("multilabel_soft_margin_loss", (input, target, weight), reduction, normalize_by, return_extras)

    def cosine_embedding_loss(
        input1, input2, target, margin=0.0, reduction="mean", *, normalize_by=None, return_extras=False
    ):
        return call(
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
    ):
        return call(
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
    ):
        try:
            lengths = [
                x if x is None or hasattr(x, "dtype") else library.asarray(x) for x in (input_lengths, target_lengths)
            ]
        except (RuntimeError, TypeError, ValueError) as error:
            raise DTypeError(
                f"ctc_loss: input_lengths or target_lengths cannot be read: {error} (valid: integers)"
            ) from None
        return call(
            "ctc_loss",
            (log_probs, targets, *lengths),
            reduction,
            normalize_by,
            return_extras,
            blank=blank,
            zero_infinity=zero_infinity,
        )

    def triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        *,
        distance_function=None,
        margin=1.0,
        swap=False,
        reduction="mean",
        normalize_by=None,
        return_extras=False,
    ):
        vectors = anchor, positive, negative
        if distance_function is None:
            try:
                return call(
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
        return call(
            "margin_ranking_loss",
            (far, near, library.ones_like(far)),
            reduction,
            normalize_by,
            return_extras,
            margin=margin,
        )

    table = {name: function for name, function in locals().items() if name not in ("call", "library", "check_arrays")}
    table |= {name: make_function(entry, call) for name, entry in ENTRIES.items() if name not in table}
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


def docstring(name):
    """What the catalogue says of a loss."""
    entry = _core.describe(_DESCRIBED_AS.get(name, name))
    lines = [entry["summary"], "", *_MORE.get(name, ())]
    if entry["operands"]:
        lines += [f"The formula is of {entry['operands']}.", ""]
    if entry["parameters"]:
        lines += ["Parameters:", *(f"    {line}" for line in entry["parameters"]), ""]
    lines += [f"{title}: {entry[key]}." for title, key in _SECTIONS if entry[key]]
    return "\n".join(lines) + "\n" + _COMMON


_MORE = {
    "focal_loss": ("alpha: a number, or one for each class, that multiplies losses; as weight, with a mean by 'count'.", ""),
    "binary_focal_loss": ("alpha: None or below 0 weighs nothing, as torchvision has it.", ""),
    "quantile_loss": ("q may be a sequence of Q numbers: input is [..., Q] then, target [...], and there is a loss an input.", ""),
}
_DESCRIBED_AS = {"triplet_margin_with_distance_loss": "triplet_margin_loss"}
_SECTIONS = (
    ("Use it when", "use_when"),
    ("Not when", "avoid_when"),
    ("Source", "source"),
    ("Differs from PyTorch", "differences"),
)


@functools.lru_cache(maxsize=1024, typed=True)  # typed: 1 + 0j equals 1.0, but is no number here
def loss_of(function, reduction, normalize_by, **options):
    """The core's loss for these options; checked. Cached, so that a loop pays once."""
    try:
        text = text_of(options.items())
    except DTypeError as error:
        raise DTypeError(f"{function}: {error}") from None
    return loss_of_text(function, reduction, normalize_by, text)


@functools.lru_cache(maxsize=1024, typed=True)
def loss_of_text(function, reduction, normalize_by, text):
    """The same for options as a text."""
    for name, value in (("reduction", reduction), ("normalize_by", normalize_by)):
        if not isinstance(value, str) and (name == "reduction" or value is not None):
            raise DTypeError(f"{function}: {name} is {value!r} (valid: a string)")
    text = ("formula" if function in FORMULAS else function) + ":" * bool(text) + text
    return _core.Loss(function, text, ARGUMENTS[function], deciding(function), reduction, normalize_by or "standard")


def text_of(options):
    """Options as the core reads them: "delta=2.0,full=true"."""
    return ",".join(value if name == "formula" else f"{name}={_text_of_value(name, value)}" for name, value in options)


def _text_of_value(name, value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):  # q=0.1/0.9; a single one ends in a slash
        return "/".join(repr(level) for level in value) + "/" * (len(value) < 2)
    try:
        if name in _INTEGERS:
            index = operator.index(value)
            if abs(index) >= 1 << 63:
                raise ValueError
            return str(index)
        return str(value) if isinstance(value, int) else repr(float(value + 0))
    except (TypeError, ValueError):
        raise DTypeError(f"{name} is {value!r} (valid: {'an integer of 64 bits' if name in _INTEGERS else 'a number'})") from None


_INTEGERS = ("ignore_index", "blank")
