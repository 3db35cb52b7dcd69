"""The losses on a GPU: results next to the CPU's, waiting for the device, and times next to torch eager, torch.compile
and Liger.

    scripts/check-gpu.sh          prints the tables; without a GPU it says so and exits with status 0

Times are medians over 30 runs of value and gradient, float32 unless stated, measured with CUDA events after 10 runs that are
not counted. Ratios above 1 mean that Perdita is faster.
"""

import statistics
import sys

import torch

import perdita.torch.functional as F

ROWS, CLASSES = 8192, 32000


def parity():
    """Rows (loss, error of the value, error of the gradient, whether the host waits)."""
    numbers = torch.Generator().manual_seed(0)
    x, t = torch.randn(64, 10, generator=numbers), torch.randn(64, 10, generator=numbers)
    labels, bits = torch.randint(10, (64,), generator=numbers), t.sigmoid().round()
    counts = torch.arange(1.0, 11.0)
    calls = {
        "log_cosh_loss": (x, t), "huber_loss": (x, t), "charbonnier_loss": (x, t), "binary_focal_loss": (x, bits),
        "asymmetric_loss": (x, bits), "focal_loss": (x, labels), "cross_entropy": (x, labels), "poly_1_loss": (x, labels),
        "generalized_cross_entropy": (x, labels), "balanced_softmax_loss": (x, labels, counts), "dice_loss": (x, bits),
        "lovasz_loss": (x, bits), "multi_margin_loss": (x, labels), "info_nce_loss": (x, t),
        "cosine_embedding_loss": (x, t, torch.ones(64)), "triplet_margin_loss": (x, t, bits),
    }  # fmt: skip
    for name, operands in calls.items():
        on_cpu = _value_and_gradient(name, operands)
        on_gpu = [tensor.cuda() for tensor in operands]
        _value_and_gradient(name, on_gpu)
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            found, waits = _value_and_gradient(name, on_gpu), "no"
        except RuntimeError as error:
            torch.cuda.set_sync_debug_mode("default")
            found, waits = _value_and_gradient(name, on_gpu), f"yes: {str(error).splitlines()[0]}"
        torch.cuda.set_sync_debug_mode("default")
        errors = [((a.cpu() - b).abs().max() / b.abs().max()).item() for a, b in zip(found, on_cpu, strict=True)]
        yield name, *errors, waits


def _value_and_gradient(name, operands):
    leaf = operands[0].detach().requires_grad_()
    value = getattr(F, name)(leaf, *operands[1:])
    return value.detach(), torch.autograd.grad(value, leaf)[0]


def times():
    """Rows (case, milliseconds of Perdita, and of each other)."""
    logits = torch.randn(ROWS, CLASSES, device="cuda")
    labels = torch.randint(CLASSES, (ROWS,), device="cuda")
    y, t = torch.randn(10_000_000, device="cuda"), torch.rand(10_000_000, device="cuda").round()
    cases = {
        "focal_loss": ((logits, labels), F.focal_loss, _focal_of_torch),
        "cross_entropy": ((logits, labels), F.cross_entropy, torch.nn.functional.cross_entropy),
        "log_cosh_loss": ((y, t), F.log_cosh_loss, lambda y, t: torch.log(torch.cosh(y - t)).mean()),
        "binary_focal_loss": ((y, t), F.binary_focal_loss, None),
    }
    for name, (operands, ours, theirs) in cases.items():
        row = {"eager": _milliseconds(ours, operands), "compiled": _milliseconds(torch.compile(ours), operands)}
        if theirs is not None:
            row["torch"] = _milliseconds(theirs, operands)
            row["torch compiled"] = _milliseconds(torch.compile(theirs), operands)
        if name == "cross_entropy" and (liger := _liger()) is not None:
            row["Liger"] = _milliseconds(liger, operands)
        yield name, row


def _focal_of_torch(logits, labels):
    losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    return ((1 - torch.exp(-losses)) ** 2 * losses).mean()


def _liger():
    try:
        from liger_kernel.transformers.functional import liger_cross_entropy
    except ImportError:
        return None
    return liger_cross_entropy


def _milliseconds(loss, operands):
    leaf = operands[0].detach().requires_grad_()
    found = []
    for run in range(40):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        torch.autograd.grad(loss(leaf, *operands[1:]), leaf)
        end.record()
        torch.cuda.synchronize()
        if run >= 10:
            found.append(start.elapsed_time(end))
    return statistics.median(found)


def main():
    if not torch.cuda.is_available():
        print("torch finds no GPU: nothing was checked")
        return 0
    print(f"torch {torch.__version__}, {torch.cuda.get_device_name()}")
    print(f"{'loss':28} {'value':>9} {'gradient':>9}  host waits")
    worst = 0.0
    for name, value, gradient, waits in parity():
        worst = max(worst, value, gradient)
        print(f"{name:28} {value:9.1e} {gradient:9.1e}  {waits}")
    print(f"\n{'case':20} milliseconds")
    for name, row in times():
        print(f"{name:20} " + ", ".join(f"{key} {value:.3f}" for key, value in row.items()))
    return 0 if worst < 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
