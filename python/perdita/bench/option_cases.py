"""Cases with options: narrow types, weights, broadcasting, smoothing, layouts, losses that are scaled or not reduced."""

import torch
import torch.nn.functional as TF

import perdita.torch.functional as PF


def _leaf(*shape, dtype=torch.float32):
    return torch.randn(shape).to(dtype).requires_grad_()


def _labels(classes, *shape):
    return torch.randint(0, classes, shape)


def _channels_last(tensor):
    return tensor.detach().contiguous(memory_format=torch.channels_last).requires_grad_()


def _of_elements(functions):
    """Yields (name, the loss as a function of tensors, a function that makes the tensors)."""
    mse, bce = functions.mse_loss, functions.binary_cross_entropy_with_logits
    n, matrix = 1_000_000, (10_000, 100)
    yield "mse none, sum", lambda y, t: mse(y, t, reduction="none").sum(), lambda: (_leaf(n), torch.randn(n))
    yield "mse none, mean", lambda y, t: mse(y, t, reduction="none").mean(), lambda: (_leaf(n), torch.randn(n))
    yield (
        "mse none, times a mask",
        lambda y, t, m: (mse(y, t, reduction="none") * m).sum() / m.sum(),
        lambda: (_leaf(n), torch.randn(n), (torch.rand(n) < 0.7).float()),
    )
    yield (
        "mse broadcast",
        lambda y, t: mse(y, t.expand_as(y)),
        lambda: (_leaf(*matrix), torch.randn(matrix[0], 1)),
    )
    yield "mse weight", lambda y, t, w: mse(y, t, weight=w), lambda: (_leaf(n), torch.randn(n), torch.rand(n))
    for dtype in torch.bfloat16, torch.float16:
        name = str(dtype).removeprefix("torch.")
        yield f"mse {name}", mse, lambda d=dtype: (_leaf(n, dtype=d), torch.randn(n).to(d))
        yield f"bce logits {name}", bce, lambda d=dtype: (_leaf(n, dtype=d), torch.rand(n).to(d))
    yield "mse times 0.5", lambda y, t: mse(y, t) * 0.5, lambda: (_leaf(n), torch.randn(n))
    yield "mse transposed", mse, lambda: (torch.randn(1000, 1000).t().requires_grad_(), torch.randn(1000, 1000))
    yield (
        "bce logits pos_weight",
        lambda y, t: bce(y, t, pos_weight=torch.tensor(3.0)),
        lambda: (_leaf(n), torch.rand(n)),
    )
    yield (
        "bce logits pos_weight of classes",
        lambda y, t, w: bce(y, t, pos_weight=w),
        lambda: (_leaf(*matrix), torch.rand(matrix), torch.rand(matrix[1]) + 0.5),
    )
    yield "bce logits weight", lambda y, t, w: bce(y, t, weight=w), lambda: (_leaf(n), torch.rand(n), torch.rand(n))


def _of_rows(functions):
    ce = functions.cross_entropy
    rows, classes = 4096, 1000

    def scores(dtype=torch.float32):
        return _leaf(rows, classes, dtype=dtype), _labels(classes, rows)

    yield "ce", ce, scores
    for dtype in torch.bfloat16, torch.float16:
        name = str(dtype).removeprefix("torch.")
        yield f"ce {name}", ce, lambda d=dtype: scores(d)
        yield (
            f"ce 1024x50257 {name}",
            ce,
            lambda d=dtype: (_leaf(1024, 50257, dtype=d), _labels(50257, 1024)),
        )
    yield "ce none, mean", lambda z, y: ce(z, y, reduction="none").mean(), scores
    yield (
        "ce none, times a mask",
        lambda z, y, m: (ce(z, y, reduction="none") * m).sum() / m.sum(),
        lambda: (*scores(), (torch.rand(rows) < 0.7).float()),
    )
    yield (
        "ce probabilities",
        ce,
        lambda: (_leaf(rows, classes), torch.softmax(torch.randn(rows, classes), 1)),
    )
    yield "ce label_smoothing", lambda z, y: ce(z, y, label_smoothing=0.1), scores
    yield (
        "ce weight, label_smoothing",
        lambda z, y, w: ce(z, y, weight=w, label_smoothing=0.1),
        lambda: (*scores(), torch.rand(classes) + 0.5),
    )
    yield "ce weight", lambda z, y, w: ce(z, y, weight=w), lambda: (*scores(), torch.rand(classes) + 0.5)
    yield "ce times 0.5", lambda z, y: ce(z, y) * 0.5, scores

    def image(*shape):
        return _leaf(*shape), _labels(shape[1], shape[0], *shape[2:])

    def channels_last_image(*shape):
        z, y = image(*shape)
        return _channels_last(z), y

    for shape in (4, 150, 128, 128), (4, 21, 256, 256):
        name = "x".join(map(str, shape))
        yield f"ce {name}", ce, lambda s=shape: image(*s)
        yield f"ce {name} channels_last", ce, lambda s=shape: channels_last_image(*s)


def option_cases(case):
    """case: makes a case of (loss, shape, ours, theirs, tensors, elements)."""
    for cases_of in _of_elements, _of_rows:
        for (name, ours, make), (_, theirs, _) in zip(cases_of(PF), cases_of(TF), strict=True):
            torch.manual_seed(0)
            tensors = make()
            yield case(name, "", ours, theirs, tensors, tensors[0].numel())
