"""Losses as objectives of gradient boosting: what perdita.lightgbm, perdita.xgboost and perdita.catboost share."""
