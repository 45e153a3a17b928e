"""The only loop over folds: splits, tuning, workers, and what audits it."""
