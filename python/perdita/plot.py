"""Plots of losses with Matplotlib.

    perdita.plot.loss_curves("runs/fashion-mnist-1").savefig("curves.png")
    perdita.plot.loss_distribution(losses, by=labels, names=["cat", "dog"])

Both return the Matplotlib figure.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from perdita._arrays import numpy_of
from perdita._history import history
from perdita._types import Array
from perdita.errors import DomainError, ShapeError

_TRAIN, _VAL = "#0072b2", "#d55e00"  # distinguished by colour-blind people, too (Okabe and Ito)


def loss_curves(run: Any, *, log: bool = False, ax: Any = None) -> Any:
    """Plots training and validation loss by epoch, with the best epoch marked. Returns the Matplotlib figure.

    run: the folder of a run, its history.jsonl, or the DataFrame of perdita.history(). log: use a logarithmic loss axis.
    ax: the axes to draw on; default: new axes. Raises ValueError for a history without epochs, and the exceptions of
    perdita.history().
    """
    frame = run if hasattr(run, "columns") else history(run)
    epochs = frame[frame["kind"] == "epoch"]
    if epochs.empty:
        raise DomainError("loss_curves: the history has no epochs")
    ax = ax or _new_axes()
    ax.plot(epochs["epoch"], epochs["train_loss"], marker="o", markersize=4, color=_TRAIN, label="training")
    if "val_loss" in epochs and epochs["val_loss"].notna().any():
        ax.plot(epochs["epoch"], epochs["val_loss"], marker="s", markersize=4, ls="--", color=_VAL, label="validation")
        best = epochs.loc[epochs["val_loss"].idxmin(), "epoch"]
        ax.axvline(best, color="gray", ls=":", label=f"best: epoch {best:.0f}")
    ax.set(xlabel="epoch", ylabel="loss", yscale="log" if log else "linear")
    ax.grid(axis="y", alpha=0.3)
    ax.legend()
    return ax.figure


def loss_distribution(
    losses: Array,
    *,
    by: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    bins: int = 50,
    log: bool = False,
) -> Any:
    """Plots histogram and kernel density of per-sample losses, in one panel or one panel per class. Returns the Matplotlib
    figure.

    losses: [N], as returned with reduction='none'; losses that are not finite are excluded and counted in the title. by:
    [N], keys to group by, such as labels. names: names of the classes 0, 1, ...; default: the numbers. bins: number of bins
    of the histogram. log: plot log10(loss), excluding losses of 0. Raises ValueError for shapes that do not match, or if no
    loss remains.
    """
    values = numpy_of("loss_distribution", "losses", losses).astype(float)
    if values.ndim != 1:
        raise ShapeError(f"loss_distribution: losses have shape {list(values.shape)} (valid: [N])")
    groups = [("all samples", values)]
    if by is not None:
        keys = np.asarray(by)
        if keys.shape != values.shape:
            raise ShapeError(f"loss_distribution: by has shape {list(keys.shape)} (valid: {list(values.shape)})")
        groups = [(str(key) if names is None else names[int(key)], values[keys == key]) for key in np.unique(keys)]
    usable = values[np.isfinite(values) & ((values > 0) | (not log))]
    if usable.size == 0:
        raise DomainError("loss_distribution: no loss is finite" + " and above 0" * log)
    edges = np.histogram_bin_edges(np.log10(usable) if log else usable, bins=bins)
    figure, panels = _panels(len(groups))
    for (name, group), ax in zip(groups, panels, strict=False):
        _draw_distribution(ax, name, group, edges, log)
    figure.tight_layout()
    return figure


def _draw_distribution(ax, name, values, edges, log):
    kept = values[np.isfinite(values) & ((values > 0) | (not log))]
    left_out = len(values) - len(kept)
    ax.set_title(f"{name} ({len(kept):,}{f', {left_out:,} left out' if left_out else ''})", fontsize=9)
    ax.set(xlabel="log10(loss)" if log else "loss", ylabel="density", xlim=(edges[0], edges[-1]))
    if kept.size == 0:
        return
    x = np.log10(kept) if log else kept
    ax.hist(x, edges, density=True, color=_TRAIN, alpha=0.4)
    if np.ptp(x) > 0:
        at = np.linspace(edges[0], edges[-1], 200)
        ax.plot(at, _density(x, at), color=_TRAIN)
    ax.axvline(np.log10(kept.mean()) if log else kept.mean(), color=_VAL, ls="--")


def _density(x, at):
    """Gaussian kernels with Silverman's width (Density estimation, 1986, eq. 3.31), of at most 5,000 samples."""
    x = x if len(x) <= 5000 else np.random.default_rng(0).choice(x, 5000, replace=False)
    spread = min(x.std(), np.subtract(*np.percentile(x, [75, 25])) / 1.34) or x.std()
    width = 0.9 * spread * len(x) ** -0.2
    return np.exp(-0.5 * ((at[:, None] - x) / width) ** 2).sum(1) / (len(x) * width * np.sqrt(2 * np.pi))


def _new_axes():
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(7, 4))[1]


def _panels(count):
    from matplotlib import pyplot

    columns = min(count, 4)
    rows = -(-count // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(3.2 * columns + 1, 2.4 * rows + 0.6), squeeze=False)
    for ax in axes.flat[count:]:
        ax.set_visible(False)
    return figure, axes.flat
