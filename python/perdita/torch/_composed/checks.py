"""Checks of operands, and of labels without waiting for a device."""

import torch

from perdita.errors import DomainError, DTypeError, LabelError, ShapeError


def check_labels(function, labels, used, classes, blank=None):
    """Raises LabelError on the CPU, and stops the device elsewhere, where a used label is not a class; DomainError where it
    is the blank, if one is given. Fake and batched tensors, and those of traces, are not checked here: the gather or scatter
    that follows refuses labels that are not classes."""
    if is_distributed(labels):  # each process checks its own
        used = used.redistribute(labels.device_mesh, labels.placements).to_local()
        labels = labels.to_local()
    if not is_readable(labels) and (labels.device.type == "cpu" or not _is_plain(labels)):
        return
    is_class = (labels >= 0) & (labels < classes)
    is_valid = (is_class if blank is None else is_class & (labels != blank)) | ~used
    if labels.device.type != "cpu":
        torch._assert_async(is_valid.all(), f"{function}: a target is not a class (valid: 0..{classes - 1})")
    elif not bool(is_valid.all()):
        at = int((~is_valid).flatten().to(torch.int8).argmax())
        if labels.flatten()[at] == blank:
            raise DomainError(f"{function}: target[{at}] is {blank}, which is the blank (valid: other classes)")
        raise LabelError(
            f"{function}: target[{at}] is {labels.flatten()[at].item()}, but input has {classes} classes (valid: "
            f"0..{classes - 1})"
        )


def is_distributed(tensor):
    """Whether this is a DTensor."""
    return hasattr(tensor, "device_mesh")


def check_integers(function, name, tensor, valid="class indices as int64, int32 or uint8"):
    """Raises DTypeError unless the operand holds integers."""
    if tensor.is_floating_point() or tensor.dtype == torch.bool:
        raise DTypeError(
            f"{function}: {name} of shape {list(tensor.shape)} holds {str(tensor.dtype)[6:]} (valid: {valid})"
        )


def check_of_classes(function, name, tensor, classes):
    """Raises ShapeError unless the operand, where it is given, has one number for each class."""
    if tensor is not None and tensor.shape != (classes,):
        raise ShapeError(
            f"{function}: {name} has shape {list(tensor.shape)}, but input has {classes} classes (valid: [{classes}])"
        )


def has_shape(tensor, shape):
    """Whether a tensor has the shape. Sizes of tensors of other ranks are not compared: in a trace with dynamic shapes each
    comparison of sizes restricts them."""
    return tensor.dim() == len(shape) and tensor.shape == shape


def is_readable(tensor):
    """Whether elements can be read on the host: memory of the CPU, which no trace, mode or transform looks at."""
    return tensor.device.type == "cpu" and _is_plain(tensor)


def _is_plain(tensor):
    if type(tensor) is not torch.Tensor or tensor.is_meta or torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    return torch._C._functorch.maybe_current_level() is None and not torch._C._len_torch_dispatch_stack()


def one_hot(labels, classes, dim):
    """Whether a class is that of the label, along a new dimension. torch.nn.functional.one_hot reads its argument. A label
    that is not a class is an error of torch, also where elements are not read."""
    index = labels.unsqueeze(dim)
    if not is_distributed(labels):
        shape = [*index.shape[:dim], classes, *index.shape[dim + 1 :]]
        return torch.zeros(shape, dtype=torch.bool, device=labels.device).scatter(dim, index, 1)
    shape = [-1 if d == dim else 1 for d in range(index.dim())]
    return index == arange(classes, labels).reshape(shape)


def at_labels(values, labels, dim):
    """The value of the label along a dimension."""
    if is_distributed(values):  # where torch cannot squeeze the result of a gather over shards
        return torch.where(one_hot(labels, values.shape[dim], dim), values, 0.0).sum(dim)
    return values.gather(dim, labels.unsqueeze(dim)).squeeze(dim)


def arange(count, like):
    """0, 1, ... where `like` is."""
    numbers = torch.arange(count, device=like.device)
    if not is_distributed(like):
        return numbers
    from torch.distributed.tensor import DTensor, Replicate

    return DTensor.from_local(numbers, like.device_mesh, [Replicate()] * like.device_mesh.ndim, run_check=False)


def of_labels(values, labels):
    """values[labels], which reads labels without dimensions on the host."""
    return values.index_select(0, labels.reshape(-1)).reshape(labels.shape)
