"""linear_cross_entropy on torch tensors."""

import torch

from perdita import _core
from perdita._extras import LossExtras
from perdita._functions import logit_options
from perdita._linear import LinearCrossEntropy
from perdita.errors import DTypeError
from perdita.torch._call import FUNCTIONS, check_denominator, divided
from perdita.torch._nodes import is_followed, resolved
from perdita.torch._operands import as_tensor
from perdita.torch._types import is_narrow


class _Products:
    """torch, as LinearCrossEntropy uses it."""

    concatenate = staticmethod(torch.cat)

    @staticmethod
    def empty(shape, dtype):
        return torch.empty(shape, dtype=dtype)

    @staticmethod
    def product(a, b, out):
        torch.mm(a, b, out=out)

    @staticmethod
    def accumulate(total, slope, rows):
        total.addmm_(slope.t(), rows)


def linear_cross_entropy(
    input,
    linear_weight,
    target,
    *,
    linear_bias=None,
    weight=None,
    reduction="mean",
    ignore_index=None,
    label_smoothing=0.0,
    options=None,
    z_loss=0.0,
    softcap=None,
    normalize_by=None,
    return_extras=False,
    chunk_rows=0,
):
    """cross_entropy(linear(input, linear_weight, linear_bias), target) in chunks of rows, never storing all logits.

    input: [F] or [N, F]. linear_weight: [C, F], or [C, d1, ..., dK, F] for logits [N, C, d1, ..., dK]; linear_bias: the
    same shape without F. target: class indices or probabilities, as for cross_entropy. The gradients with respect to input,
    linear_weight and linear_bias are computed in the forward pass. chunk_rows: rows per chunk; 0 limits a chunk of logits to
    25 MB. options: LinearCrossEntropyOptions of torch, of which batch_chunk_size is used. Under torch.compile, for second
    derivatives, and for gradients with respect to target or weight, all logits are stored, as in torch. Other keywords and
    errors: see cross_entropy.
    """
    weight = as_tensor(weight, input)
    chunk_rows = chunk_rows or getattr(options, "batch_chunk_size", None) or 0
    keywords = dict(
        reduction=reduction,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        normalize_by=normalize_by,
        **logit_options(z_loss, softcap),
    )
    tensors = (input, linear_weight, linear_bias, target, weight)
    for name, tensor in zip(_NAMES, tensors, strict=True):
        is_optional = name in ("linear_bias", "weight")
        if not hasattr(type(tensor), "__torch_function__") and (tensor is not None or not is_optional):
            raise DTypeError(f"linear_cross_entropy: {name} is a {type(tensor).__name__} (valid: a torch.Tensor)")
    is_name = normalize_by is None or isinstance(normalize_by, str)
    return (_call if is_name else _divided_call)(tensors, keywords, return_extras, chunk_rows)


def _divided_call(tensors, keywords, return_extras, chunk_rows):
    """With a denominator that is given. The sum of narrow numbers may overflow: it is divided before it is rounded."""
    denominator, input = keywords["normalize_by"], tensors[0]
    check_denominator("linear_cross_entropy", denominator, keywords["reduction"])
    if keywords["reduction"] != "mean":
        return _call(tensors, {**keywords, "normalize_by": None}, return_extras, chunk_rows)
    wide = tuple(tensor.float() if is_narrow(tensor) else tensor for tensor in tensors)
    total = _call(wide, {**keywords, "reduction": "sum", "normalize_by": None}, return_extras, chunk_rows)
    result = divided(total, denominator, return_extras)
    if not is_narrow(input) or torch.is_autocast_enabled("cpu"):
        return result
    return (result[0].to(input.dtype), result[1]) if return_extras else result.to(input.dtype)


def _call(tensors, keywords, return_extras, chunk_rows):
    input = tensors[0]
    if torch.compiler.is_compiling():
        return _stored(*tensors, **keywords, return_extras=return_extras)
    if not all(isinstance(tensor, torch.Tensor) for tensor in tensors if tensor is not None):  # symbols of torch.fx
        return _of_torch(*tensors, **keywords, return_extras=return_extras)
    is_elsewhere = all(tensor is None or tensor.device.type != "cpu" for tensor in tensors)
    if is_elsewhere or _core.wanted_gradients(tensors) < 0:
        return _stored(*tensors, **keywords, return_extras=return_extras)
    tensors = tuple(map(resolved, tensors))
    if is_narrow(input) or torch.is_autocast_enabled("cpu") and any(map(is_narrow, tensors)):
        dtype = torch.float32 if torch.is_autocast_enabled("cpu") else input.dtype
        wide = [tensor.float() if is_narrow(tensor) else tensor for tensor in tensors]
        loss = _chunked(keywords, return_extras, chunk_rows, *wide)
        return (loss[0].to(dtype), loss[1]) if return_extras else loss.to(dtype)
    return _chunked(keywords, return_extras, chunk_rows, *tensors)


_OF_TORCH = getattr(torch.nn.functional, "linear_cross_entropy", None)
_NAMES = ("input", "linear_weight", "linear_bias", "target", "weight")


def _chunked(keywords, return_extras, chunk_rows, input, linear_weight, linear_bias, target, weight):
    others_want = any(tensor is not None and tensor.requires_grad for tensor in (target, weight))
    if others_want and torch.is_grad_enabled():
        return _stored(input, linear_weight, linear_bias, target, weight, **keywords, return_extras=return_extras)
    found: list[LossExtras] = []
    extras = found if return_extras else None
    loss = _LinearCrossEntropy.apply(keywords, chunk_rows, extras, target, weight, input, linear_weight, linear_bias)
    return (loss, found[0]) if return_extras else loss


def _of_torch(
    input, linear_weight, linear_bias, target, weight, *, normalize_by, return_extras, ignore_index, **keywords
):
    """By torch's own function, for operands that only torch's functions can be called on."""
    if _OF_TORCH is None or normalize_by is not None or return_extras or {"z_loss", "softcap"} & keywords.keys():
        raise DTypeError(
            "linear_cross_entropy: cannot be traced with these options (valid: without normalize_by, return_extras, z_loss "
            "and softcap)"
        )
    ignored = {} if ignore_index is None else {"ignore_index": ignore_index}
    return _OF_TORCH(input, linear_weight, target, linear_bias=linear_bias, weight=weight, **ignored, **keywords)


def _stored(input, linear_weight, linear_bias, target, weight, *, ignore_index, **keywords):
    """The same with all logits at once."""
    shape = linear_weight.shape[:-1]
    bias = None if linear_bias is None else linear_bias.reshape(-1)
    logits = torch.nn.functional.linear(input, linear_weight.reshape(-1, linear_weight.shape[-1]), bias)
    # Of a single DTensor without rows torch's linear makes a matrix.
    logits = logits.reshape(-1, *shape) if len(shape) > 1 else logits.reshape(*input.shape[:-1], *shape)
    return FUNCTIONS["cross_entropy"](
        logits, target, weight, -100 if ignore_index is None else ignore_index, **keywords
    )


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, keywords, chunk_rows, extras, target, weight, input, linear_weight, linear_bias):
        """extras: a list that gets the LossExtras, or None."""
        call = LinearCrossEntropy(
            _Products,
            input,
            linear_weight,
            target,
            linear_bias,
            weight,
            chunk_rows=chunk_rows,
            return_extras=extras is not None,
            **keywords,
        )
        ctx.keywords, ctx.chunk_rows, ctx.gradients = keywords, chunk_rows, None
        ctx.save_for_backward(target, weight, input, linear_weight, linear_bias)
        if keywords["reduction"] == "none":
            value = call.losses()
        else:
            value, ctx.gradients = call.sum_and_gradients(ctx.needs_input_grad[5:])
            value = torch.tensor(value, dtype=input.dtype)
        if extras is not None:
            extras.append(call.extras)
        return value

    @staticmethod
    def backward(ctx, upstream):
        target, weight, *tensors = ctx.saved_tensors
        wanted = ctx.needs_input_grad[5:]
        if is_followed(upstream):
            with torch.enable_grad():
                tensors = [tensor if tensor is None else tensor.view_as(tensor) for tensor in tensors]
                loss = _stored(*(*tensors, target, weight), **ctx.keywords)
            leaves = [tensor for tensor, is_wanted in zip(tensors, wanted, strict=True) if is_wanted]
            following = iter(torch.autograd.grad(loss, leaves, upstream, create_graph=torch.is_grad_enabled()))
            return *(None,) * 5, *(next(following) if is_wanted else None for is_wanted in wanted)
        gradients, ctx.gradients = ctx.gradients, None
        upstream = resolved(upstream)
        if gradients is None:  # losses that are not reduced, or another pass through a retained graph
            reduced = ctx.keywords["reduction"] != "none"
            call = LinearCrossEntropy(
                _Products, tensors[0], tensors[1], target, tensors[2], weight, chunk_rows=ctx.chunk_rows, **ctx.keywords
            )
            rows = None if reduced else upstream.reshape(len(call.input), *call.places)
            _, gradients = call.sum_and_gradients(wanted, rows)
            upstream = upstream if reduced else None
        if upstream is not None and upstream.item() != 1.0:
            for gradient in gradients:
                if gradient is not None:
                    gradient *= upstream
        return *(None,) * 5, *gradients
