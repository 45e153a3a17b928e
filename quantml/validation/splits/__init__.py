"""Splitters: where training, validation and test rows lie on the panel clock, and the one formula of the purge."""

from quantml.validation.splits.blocked import BlockedKFold as BlockedKFold
from quantml.validation.splits.combinatorial import CombinatorialPurged as CombinatorialPurged
from quantml.validation.splits.folds import Fold as Fold
from quantml.validation.splits.folds import Piece as Piece
from quantml.validation.splits.folds import inner_folds as inner_folds
from quantml.validation.splits.forward import WalkForward as WalkForward
from quantml.validation.splits.purge import Held as Held
from quantml.validation.splits.purge import is_known as is_known
from quantml.validation.splits.purge import may_train as may_train

__all__ = [
    "BlockedKFold",
    "CombinatorialPurged",
    "Fold",
    "Held",
    "Piece",
    "WalkForward",
    "inner_folds",
    "is_known",
    "may_train",
]
