"""Recorder for engines of ignite.

    attach(recorder, trainer, evaluator)

The output of a training step is the loss, or a dictionary with "loss" and optionally "losses", "logits", "targets" and
"index"; or the step computes its loss by recorder.loss().
"""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine, Events

from perdita._recorder import Recorder
from perdita.callbacks._epochs import Steps, check_recorder, part_of, validation_values

__all__ = ["attach"]


def attach(recorder: Recorder, trainer: Engine, evaluator: Engine | None = None, optimizer: Any = None) -> None:
    """Records the steps of `trainer`, the metrics that `evaluator` computes between its epochs, and the learning rate of
    `optimizer`; finishes the run when the trainer has completed."""
    check_recorder("attach", recorder)
    steps = Steps(recorder)

    def record(engine: Engine) -> None:
        output: Any = engine.state.output
        loss = part_of(output, "loss") if isinstance(output, dict) else output
        steps.add(
            loss,
            part_of(output, "losses"),
            part_of(output, "logits", "y_pred"),
            part_of(output, "targets", "y"),
            part_of(output, "index"),
        )
        if optimizer is not None:
            recorder.log(lr=optimizer.param_groups[0]["lr"])

    def end_epoch(engine: Engine) -> None:
        if recorder.has_open_epoch:
            recorder.epoch()

    def finish(engine: Engine) -> None:
        if recorder.steps:
            recorder.finish()

    trainer.add_event_handler(Events.ITERATION_COMPLETED, record)
    # Evaluators run in handlers of EPOCH_COMPLETED, before or after this one: the epoch ends with the next one.
    trainer.add_event_handler(Events.EPOCH_STARTED, end_epoch)
    trainer.add_event_handler(Events.COMPLETED, finish)
    if evaluator is not None:
        evaluator.add_event_handler(
            Events.COMPLETED, lambda engine: recorder.log(**validation_values(engine.state.metrics))
        )
