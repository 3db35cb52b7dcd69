"""Recorders in the training loops of other packages.

    perdita.callbacks.transformers    compute_loss_func and a TrainerCallback
    perdita.callbacks.lightning       a Callback of Lightning, also by the environment variable PERDITA_RUN
    perdita.callbacks.keras           a Callback of Keras 3
    perdita.callbacks.ignite          handlers of ignite's engines
    perdita.callbacks.skorch          a Callback of skorch
    perdita.callbacks.fastai          a Callback of fastai
    perdita.callbacks.boosting        callbacks of LightGBM and XGBoost
    perdita.callbacks.loggers         curves and report to TensorBoard, Weights & Biases, MLflow and Trackio

Each module needs its package. docs/recording.md has an example of each.
"""
