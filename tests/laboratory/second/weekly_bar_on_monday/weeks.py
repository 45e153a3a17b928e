"""Weekly closes on a daily clock."""

import pandas as pd


def week_of(clock):
    """Number the weeks."""
    return pd.Series(clock.to_period("W-SUN"), index=clock)


def running_week(close):
    """Close of each day's week over that of the week before."""
    week = week_of(close.index)
    last = close.groupby(week).last()
    return last.pct_change().loc[week].set_axis(close.index)


def finished_week(close):
    """Close of the week before each day's over that of the one before it."""
    week = week_of(close.index)
    last = close.groupby(week).last()
    return last.pct_change().shift().loc[week].set_axis(close.index)
