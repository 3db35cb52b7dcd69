"""Loggers: the values of each epoch, and the report, to trackers that are installed.

    recorder = perdita.Recorder("runs/a", loggers=[MLflow(), WandB()])

Each needs its package, and a run that the program has started (mlflow.start_run(), wandb.init(), trackio.init()).
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["MLflow", "TensorBoard", "Trackio", "WandB"]


class TensorBoard:
    """writer: a torch.utils.tensorboard.SummaryWriter, or another object with add_scalar()."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def log_epoch(self, values: Mapping[str, float], epoch: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, epoch)

    def log_report(self, path: str) -> None:
        self._writer.flush()


class MLflow:
    """The active run of MLflow; the report becomes an artifact."""

    def log_epoch(self, values: Mapping[str, float], epoch: int) -> None:
        import mlflow

        mlflow.log_metrics(dict(values), step=epoch)

    def log_report(self, path: str) -> None:
        import mlflow

        mlflow.log_artifact(path)


class WandB:
    """The active run of Weights & Biases, or `run`; the report becomes a panel of HTML."""

    def __init__(self, run: Any = None) -> None:
        self._run = run

    def log_epoch(self, values: Mapping[str, float], epoch: int) -> None:
        self._active().log({**values, "epoch": epoch})

    def log_report(self, path: str) -> None:
        import wandb

        with open(path, encoding="utf-8") as file:
            self._active().log({"report": wandb.Html(file.read(), inject=False)})

    def _active(self):
        import wandb

        return self._run or wandb.run


class Trackio:
    """The active run of Trackio."""

    def log_epoch(self, values: Mapping[str, float], epoch: int) -> None:
        import trackio

        trackio.log(dict(values), step=epoch)

    def log_report(self, path: str) -> None:
        """Trackio shows numbers; the report stays in the folder of the run."""
