"""perdita.evaluate on random small tables against scikit-learn, NumPy's long double and the documented definitions.

    python tests/python/test_evaluate_random.py --tables 20000 --seed 1     # more of them
    python tests/python/test_evaluate_random.py --tables 1 --seed 1234      # one again: its seed is in the message

Exits with 1 at the first difference.
"""

import argparse
import os
import pathlib
import random
import tempfile
import warnings

import numpy as np
import pytest

import evaluate_reference as reference
import evaluate_tables as tables
import perdita

TABLES_IN_CI = 300
QUANTILES = {"min": 0, "lower_quartile": 0.25, "median": 0.5, "upper_quartile": 0.75}
QUANTILES |= {"p95": 0.95, "p99": 0.99, "max": 1}


class Check:
    """Compares found with expected numbers; None stands for one that is not finite."""

    def __init__(self, relative):
        self.relative = relative

    def near(self, found, expected, name, scale=0.0, relative=None):
        if expected is None or not np.isfinite(expected):
            assert found is None, f"{name}: {found}, expected none"
            return
        assert found is not None, f"{name}: none, expected {expected}"
        least = 0 if self.relative < 1e-9 else 1e-30  # floats below the normal ones have few digits
        bound = (relative or self.relative) * max(abs(float(expected)), float(scale), least)
        assert abs(found - float(expected)) <= bound, f"{name}: {found!r}, expected {float(expected)!r}"


# Losses that may be negative; the interval of the mean of any other ends at 0.
SIGNED = ("formula", "gamma_nll", "hinge_embedding", "kl_div", "nll", "poisson_nll")


def check_losses(check, result, losses, weights):
    expected = reference.mean_losses(losses, weights)
    found = result.losses
    assert result.counted == len(losses)
    assert found["samples"] == expected["samples"]
    bad = np.flatnonzero(~np.isfinite(losses))
    assert result.left_out["nan"] == np.isnan(losses).sum()
    assert result.left_out["infinite"] == np.isinf(losses).sum()
    assert any("not finite" in warning for warning in result.warnings) == bool(len(bad))
    finite = losses[np.isfinite(losses)].astype(float)
    size = np.abs(finite).max(initial=0)
    check.near(found["mean"], expected["mean"], "mean", size)
    check.near(found["standard_deviation"], expected["sd"], "standard deviation", size)
    check.near(found["standard_error"], expected["se"], "standard error", size)
    if expected["sd"] is not None:  # Student's quantile is documented within 0.2 %
        is_bounded = result.loss.partition(":")[0] not in SIGNED and finite.min() >= 0
        for end, sign in zip(found["interval"], (-1, 1), strict=True):
            right = float(expected["mean"]) + sign * expected["half"]
            check.near(end, max(right, 0.0) if is_bounded else right, "interval",
                       expected["half"] + size * check.relative / 2e-3, 2e-3)  # fmt: skip
    for name, share in QUANTILES.items():
        check.near(found["quantiles"][name], np.quantile(finite, share) if len(finite) else None, name, size)
    histogram = found["histogram"]
    assert sum(histogram["counts"]) + histogram["below"] + histogram["above"] == len(finite)


def check_hardest(check, result, losses, predicted, truth, places, columns):
    """NaN comes first, then infinity; of equal losses the first. Rounding may swap losses that are nearly equal."""
    key = np.where(np.isnan(losses), 2, np.where(np.isinf(losses), 1, 0))
    order = np.lexsort((places, -np.where(np.isfinite(losses), losses, 0).astype(float), -key))[:20]
    assert len(result.hardest) == len(order)
    at = {place: i for i, place in enumerate(places)}
    for found, i in zip(result.hardest, order, strict=True):
        place = found["index"] * columns + found.get("column", 0)
        mine = at[place]
        size = np.abs(losses[np.isfinite(losses)]).max(initial=0)
        check.near(found["loss"], losses[i], "hardest loss", size)
        assert found.get("nonfinite") == ("nan" if np.isnan(losses[i]) else "inf" if np.isinf(losses[i]) else None)
        if key[i] > 0:
            assert mine == i, "order of the hardest"
        if predicted is None:
            continue
        for name, values in (("predicted", predicted), ("true", truth)):
            value = float(values[mine])
            assert found[name] == (None if not np.isfinite(value) else pytest.approx(value, rel=1e-15)), name


def check_classes(check, result, truth, predicted, confidence, losses, bins, expected_classes):
    expected = reference.classification(truth, predicted, losses, expected_classes)
    size = np.abs(losses[np.isfinite(losses)]).max(initial=0)
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        check.near(getattr(result, name), expected[name], name, relative=1e-14)
    for found, end in zip(result.accuracy_interval, expected["accuracy_interval"], strict=True):
        check.near(found, end, "accuracy interval", 1e-3)
    assert result.confusion == expected["confusion"]
    for found, wanted in zip(result.classes, expected["classes"], strict=True):
        assert (found["samples"], found["predicted"]) == (wanted["samples"], wanted["predicted"])
        for name in ("precision", "recall", "f1"):
            check.near(found[name], wanted[name], name, relative=1e-14)
        check.near(found["loss"], wanted["loss"], "loss of a class", size)
    assert result.left_out["unpredicted"] == (predicted < 0).sum()
    wanted = reference.calibration(confidence, predicted == truth, bins)
    check.near(result.calibration["mean_confidence"], wanted["mean_confidence"], "mean confidence")
    if not wanted["is_sharp"]:
        return
    check.near(result.calibration["ece"], wanted["ece"], "calibration error", 1)
    check.near(result.calibration["mce"], wanted["mce"], "largest calibration error", 1)
    for found, (count, mean, right) in zip(result.calibration["bins"], wanted["bins"], strict=True):
        assert found["count"] == count
        check.near(found["confidence"], mean, "confidence of a bin")
        check.near(found["accuracy"], right, "accuracy of a bin")


def check_temperature(check, result, z, truth, losses):
    """Logits are sampled in float32; all rows of a small table are in the sample."""
    if "temperature" not in result.calibration:
        return
    own = z[np.arange(len(z)), truth]
    used = np.isfinite(own) & np.isfinite(losses) & ~np.isnan(z).any(1) & ~np.isposinf(z).any(1)
    found = result.calibration["temperature"]
    assert found["samples"] == used.sum()

    def likelihood(temperature):
        log_p = reference.log_softmax(z[used].astype(np.float32) / np.longdouble(temperature))
        return -log_p[np.arange(used.sum()), truth[used]].mean()

    best = likelihood(found["temperature"])
    relative = max(check.relative, 1e-9)
    check.near(found["nll_before"], likelihood(1), "likelihood before", 1e-3, relative)
    check.near(found["nll_after"], best, "likelihood after", 1e-3, relative)
    for factor in (0.99, 1.01):
        assert likelihood(found["temperature"] * factor) >= best * (1 - relative), "temperature is not the best"


def run_classes(check, table, result):
    labels = table.targets.astype(np.int64)
    kept = np.flatnonzero(labels != table.options.get("ignore_index", -100))
    assert result.left_out["ignored"] == len(labels) - len(kept)
    given, truth = table.predictions[kept].astype(float), labels[kept]
    with np.errstate(divide="ignore"):
        z = np.log(given.astype(np.longdouble)) if table.scale == "probabilities" else given
    log_p = reference.log_softmax(z)
    rows = np.arange(len(truth))
    part = tables.Table(**{**vars(table), "predictions": given, "targets": truth})
    losses = reference.class_losses(part, log_p, truth)
    undefined = np.isnan(z).any(1) | np.isneginf(z).all(1)
    predicted = np.where(undefined, -1, np.where(np.isnan(given), -np.inf, given).argmax(1))
    if table.scale == "probabilities":
        total = given.sum(1)
        rounding = 4 * given.shape[1] * np.finfo(table.predictions.dtype).eps
        confidence = given[rows, predicted] / np.where(np.abs(total - 1) <= rounding, 1, np.where(total > 0, total, 1))
    else:
        confidence = np.exp(log_p).max(1).astype(float)
        top = np.isposinf(z).sum(1)
        confidence = np.where(top > 0, 1 / np.maximum(top, 1), confidence)
    confidence = np.where(undefined, np.nan, confidence)
    weights = None if table.weights is None else table.weights[kept]
    check_losses(check, result, losses, weights)
    check_classes(check, result, truth, predicted, confidence, losses, table.bins, given.shape[1])
    shown = np.where(predicted < 0, np.nan, predicted)
    check_hardest(check, result, losses, shown, truth, kept, 1)
    check_temperature(check, result, z, truth, losses)


def run_binary(check, table, result):
    given, signs = table.predictions.ravel().astype(float), table.targets.ravel().astype(float)
    truth = (signs > 0).astype(int)
    columns = given.size // len(table.predictions)
    wide = given.astype(np.longdouble)
    has_probabilities = table.scale == "probabilities"
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        z = np.log(wide) - np.log1p(-wide) if has_probabilities else wide
        p = given if has_probabilities else (1 / (1 + np.exp(-wide))).astype(float)
        if table.loss == "binary_cross_entropy":
            losses = np.minimum(reference.softplus(np.where(truth == 1, -z, z)), 100)
            if has_probabilities:
                losses = np.minimum(-np.where(truth == 1, np.log(wide), np.log1p(-wide)), 100)
        else:
            losses = reference.binary_losses(table, np.where(truth == 1, z, -z))
    predicted = np.where(np.isnan(given), -1, given > (0.5 if has_probabilities else 0))
    confidence = np.where(predicted == 1, p, 1 - p)
    check_losses(check, result, losses, None if table.weights is None else np.repeat(table.weights, columns))
    check_classes(check, result, truth, predicted, confidence, losses, table.bins, 2)
    shown = np.where(predicted < 0, np.nan, predicted)
    check_hardest(check, result, losses, shown, truth, np.arange(given.size), columns)
    assert result.roc_auc_exact and result.roc_auc_error == 0
    check.near(result.roc_auc, reference.roc_area(given, truth), "area under the ROC curve", relative=1e-14)
    known = ~np.isnan(p)
    check.near(result.brier, np.mean((p[known] - truth[known]) ** 2) if known.any() else None, "Brier score", 1e-16)


def run_regression(check, table, result):
    y, t = table.predictions.ravel().astype(float), table.targets.ravel()
    columns = y.size // len(table.predictions)
    with np.errstate(over="ignore", invalid="ignore"):
        losses = reference.regression_losses(table, y.astype(np.longdouble), t)
    check_losses(check, result, losses, None if table.weights is None else np.repeat(table.weights, columns))
    check_hardest(check, result, losses, y, t, np.arange(y.size), columns)
    expected = reference.regression(y, t)
    assert result.left_out["residuals"] == (~np.isfinite(y - t)).sum()
    if expected is None:
        assert not hasattr(result, "regression")
        return
    size = np.abs(expected["residuals"]).max()
    found = result.regression
    assert found["samples"] == expected["samples"]
    for name in ("rmse", "mae", "bias"):
        check.near(found[name], expected[name], name, size)
    check.near(found["mse"], expected["mse"], "mse", size**2)
    spread = 0 if expected["r2"] is None else 1 - expected["r2"]
    check.near(found["r2"], expected["r2"], "r2", max(1, spread), max(check.relative, 1e-11))
    for name, share in QUANTILES.items():
        check.near(result.residuals["quantiles"][name], np.quantile(expected["residuals"], share), name, size)


def run(seed, folder):
    rng = np.random.default_rng(seed)
    table = tables.draw(rng)
    # Losses of float32 predictions are computed in single precision.
    check = Check(1e-12 if table.predictions.dtype == np.float64 else 3e-5)
    folder.mkdir(exist_ok=True)
    source, label_source = table.source, str(rng.choice(tables.SOURCES))
    try:
        call = lambda: perdita.evaluate(  # noqa: E731
            tables.hand_over(table.predictions, source, folder / "p"),
            tables.hand_over(table.targets, label_source, folder / "t"),
            table.spec,
            weights=tables.hand_over(table.weights, "array", folder / "w"),
            scale=table.scale or None,
            bins=table.bins,
        )
        try:
            result = call()
        except perdita.errors.DataError as error:
            if "have sum 0" not in str(error) or (table.weights > 0).all():
                raise
            table.weights = None  # none of the rows of finite loss has a weight
            result = call()
        assert result.rows == len(table.predictions)
        if seed % 20 == 0:
            result.save(folder / "report")
        {"classes": run_classes, "binary": run_binary, "regression": run_regression}[table.kind](check, table, result)
    except Exception as error:
        raise AssertionError(f"table of seed {seed} ({table.kind}, {table.spec}, from {table.scale}, "
                             f"{table.predictions.shape} {table.predictions.dtype} as {source}, targets "
                             f"{table.targets.dtype} as {label_source}): {error}") from error  # fmt: skip


def first_seed():
    return int(os.environ.get("PERDITA_SEED", random.randrange(10**9)))


def test_random_tables(tmp_path):
    first = first_seed()
    print(f"PERDITA_SEED={first}")
    for seed in range(first, first + TABLES_IN_CI):
        run(seed, tmp_path / "files")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=first_seed())
    parser.add_argument("--keep-going", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        for seed in range(options.seed, options.seed + options.tables):
            if (seed - options.seed) % 1000 == 999:
                print(f"{seed - options.seed + 1} tables, {failed} disagree", flush=True)
            try:
                run(seed, pathlib.Path(name))
            except AssertionError as error:
                if not options.keep_going:
                    raise
                failed += 1
                print(error, flush=True)
    print(f"{options.tables} tables from seed {options.seed}: {failed} disagree")
