"""Which leaks there are in the laboratory, and which of them no audit of a study can find, with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Final

LABORATORY: Final = Path(__file__).resolve().parents[2] / "laboratory"
KINDS: Final = [
    f"{path.parent.name}/{path.name}" for path in sorted(LABORATORY.glob("*/*")) if (path / "leak.py").exists()
]
"""Series and kind of each leak."""

DECLARED: Final = "the declared availability is wrong, and nothing but the truth about the source could show it"
REVISED: Final = "values as they were finally revised: without the earlier vintages nothing shows what was said first"
MISSED: Final = {
    "first/fundamentals_at_quarter_end": DECLARED,
    "first/revised_macro": REVISED,
    "first/same_day_outside_series": DECLARED,
    "second/evening_release": DECLARED,
    "second/revised_macro_data": REVISED,
    "third/same_day_outside_series": DECLARED,
}
ALARMED: Final[dict[str, str]] = {}
"""Clean twins in which a leak is found all the same."""
CLASSICS: Final = {
    "back_adjusted_level", "backward_fill", "centred_rolling_window", "close_to_close_fill", "early_stopping_on_test",
    "feature_selection_before_split", "global_frame", "high_of_day_at_open", "label_tail_default_class",
    "min_max_normalisation", "negative_shift", "pca_whole_sample", "resample_label_edge", "revised_macro_data",
    "same_day_outside_series", "scaler_fitted_on_all", "smoothed_hidden_markov", "symbol_into_symbol",
    "target_in_features", "tuning_on_test_folds", "universe_of_last_date", "weekly_bar_on_monday",
    "whole_sample_zscore", "zero_phase_filter",
}  # fmt: skip
"""Kinds of the second series that every audit is expected to know."""
