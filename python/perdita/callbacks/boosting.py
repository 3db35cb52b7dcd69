"""Recorders for LightGBM and XGBoost. Rounds are epochs.

lightgbm.train(params, data, valid_sets=[data, valid], callbacks=[LightGBM(recorder)])
xgboost.train(params, data, evals=[(data, "train"), (valid, "valid")], callbacks=[xgboost_callback(recorder)])
"""

from collections.abc import Mapping
from typing import Any

from perdita._recorder import Recorder
from perdita.callbacks._epochs import check_recorder
from perdita.errors import DomainError

__all__ = ["LightGBM", "xgboost_callback"]


def _record_round(recorder: Recorder, name: str, losses: Mapping[str, Mapping[str, float]], metric: str | None) -> None:
    """losses: of each data set, its metrics. The training set has a name with "train", or is the first of several."""
    train = next((each for each in losses if "train" in each), None)
    if train is None and len(losses) > 1 and "validation_0" in losses:
        train = "validation_0"  # how the estimators of XGBoost name the first of eval_set
    if train is None:
        raise DomainError(
            f"{name}: the training set is not evaluated, but {list(losses) or 'nothing'} (valid: the training set among "
            f"the data sets of the evaluation, with a name that contains 'train')"
        )
    chosen = metric or next(iter(losses[train]))
    if chosen not in losses[train]:
        raise DomainError(f"{name}: there is no metric {chosen!r} (valid: {list(losses[train])})")
    recorder(float(losses[train][chosen]))
    others = [each for each in losses if each != train]
    values: dict[str, Any] = {}
    if others:
        values = {f"val_{key}": float(value) for key, value in losses[others[0]].items() if key != chosen}
        recorder.log(val_loss=float(losses[others[0]][chosen]))
    recorder.epoch(**values)


class LightGBM:
    """A callback of lightgbm.train and of LightGBM's estimators.

    metric: which of several metrics is the loss; default: the first. recorder.finish() is to be called after training,
    because LightGBM does not report its end.
    """

    before_iteration = False
    order = 15  # before early stopping, which ends the round by an exception

    def __init__(self, recorder: Recorder, metric: str | None = None) -> None:
        self._recorder, self._metric = check_recorder("LightGBM", recorder), metric

    def __call__(self, env: Any) -> None:
        losses: dict[str, dict[str, float]] = {}
        for data, metric, value, *_ in env.evaluation_result_list:
            losses.setdefault(data, {})[metric] = value
        _record_round(self._recorder, "LightGBM", losses, self._metric)


def xgboost_callback(recorder: Recorder, metric: str | None = None) -> Any:
    """A callback of xgboost.train and of XGBoost's estimators, which also finishes the run. metric: which of several metrics
    is the loss; default: the first."""
    from xgboost.callback import TrainingCallback

    check_recorder("xgboost_callback", recorder)

    class Callback(TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            losses = {data: {name: values[-1] for name, values in each.items()} for data, each in evals_log.items()}
            _record_round(recorder, "xgboost_callback", losses, metric)
            return False

        def after_training(self, model: Any) -> Any:
            if recorder.steps:
                recorder.finish()
            return model

    return Callback()
