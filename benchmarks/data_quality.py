"""How many injected defects the quality report finds, of each kind, and how often it warns on clean bars.

``python -m benchmarks.data_quality [--small]``. Each defect is put into real and synthetic prices at places drawn by
a seed, one per symbol and check, away from bars that have the same defect as they are. It counts as found if a
finding of the right rule names the right symbol and a date within a day. ``others`` is how many warnings and errors of
other rules, or elsewhere in the symbol, it caused besides.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks._defects import CALENDAR, DAY, DEFECTS, Defect
from quantml.bars import Bars
from quantml.calendars import sessions
from quantml.loaders import Factors, Garch, GeometricBrownianMotion, RegimeSwitching, Sample
from quantml.loaders.quality import Finding, Severity, check_frame, check_quality
from quantml.study import Loader

PLACEMENTS = 240
SMALL = 16
APART = pd.Timedelta(days=100)
TRUE_DEFECTS = {
    ("AAPL", "repeated bar"): "2003-01-29 repeats the four prices of the session before",
    ("^GSPC", "repeated opens"): "published opens repeat the previous close",
    ("^IXIC", "zero volume"): "2015-05-12 and 2018-01-09 have no volume",
    ("RRC", "stale run"): "hardly traded before 1993",
}
CRISES = (
    ("stocks", "AAPL", "2000-09-29", "2000-09-29", "AAPL falls by 51.9 %"),
    ("stocks", None, "2000-03-01", "2002-12-31", "end of the dot-com boom"),
    ("indices", "^IXIC", "2000-01-03", "2002-12-31", "the Nasdaq 2000 to 2002"),
    ("stocks", None, "2008-09-01", "2009-03-31", "autumn and winter of 2008"),
    ("indices", None, "2008-09-01", "2009-03-31", "autumn and winter of 2008"),
    ("large_caps", None, "2008-09-01", "2009-03-31", "autumn and winter of 2008"),
    ("stocks", None, "2010-05-03", "2010-05-14", "flash crash"),
    ("indices", None, "2011-08-01", "2011-08-31", "August 2011"),
    ("large_caps", "AAPL", "2000-09-29", "2000-09-29", "AAPL falls by 51.9 %"),
    ("large_caps", None, "2020-02-20", "2020-04-30", "spring of 2020"),
)
JUMPS = {"spike", "unadjusted split", "unit flip"}
Key = tuple[str, pd.Timestamp, str]


@dataclass
class Score:
    """Placements, those found, and what else was warned of."""

    placed: int = 0
    found: int = 0
    others: int = 0


def own_bars(bars: Bars) -> dict[str, pd.DataFrame]:
    """Take a panel apart into each symbol's own bars, with splits and dividends."""
    fields = {name: bars.raw_array(name) for name in bars.quoted} | {"split": bars.split, "dividend": bars.dividend}
    return {
        symbol: pd.DataFrame({name: values[own, n] for name, values in fields.items()}, index=bars.clock[own])
        for n, symbol in enumerate(bars.symbols)
        if (own := bars.traded[:, n]).any()
    }


def long_frame(own: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Put own bars together as one long frame."""
    return pd.concat([rows.assign(symbol=symbol) for symbol, rows in own.items()])


def as_bars(own: Mapping[str, pd.DataFrame]) -> Bars:
    """Make bars again, in order of time."""
    frame = long_frame({symbol: rows.sort_index() for symbol, rows in own.items()})
    return Bars.from_frame(frame, calendar=CALENDAR, periods_per_year=252)


def synthetic(small: bool) -> Bars:
    """Four geometric Brownian motions and four GARCH processes with t innovations, on the sessions of the NYSE."""
    length = 1000 if small else 2520
    clock = sessions(CALENDAR, pd.Timestamp("2000-01-03"), pd.Timestamp("2010-12-31"))[:length]
    worlds = (
        GeometricBrownianMotion(symbols=4, sessions=length, seed=11),
        Garch(symbols=4, sessions=length, seed=12),
    )
    own: dict[str, pd.DataFrame] = {}
    for letter, world in zip("GT", worlds, strict=True):
        own |= {f"{letter}{n}": rows.set_axis(clock) for n, rows in enumerate(own_bars(world.load()).values())}
    return as_bars(own)


def keys(findings: list[Finding]) -> set[Key]:
    """Name findings by symbol, date and rule."""
    return {(one.symbol, one.date, one.rule) for one in findings}


def inflict(
    defect: Defect, own: Mapping[str, pd.DataFrame], known: list[Finding], generator: np.random.Generator
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.Timestamp]]:
    """Put a defect into every symbol, or into one if it is only visible beside others; return where."""
    hit = [str(generator.choice(list(own)))] if defect.alone else list(own)
    damaged, planted = dict(own), {}
    for symbol in hit:
        same = [one for one in known if one.symbol == symbol and one.rule == defect.rule]
        while True:
            damaged[symbol], planted[symbol] = defect.plant(own[symbol], generator)
            if not any(one.date - APART <= planted[symbol] <= one.until + APART for one in same):
                break
    return damaged, planted


def measure(defect: Defect, own: Mapping[str, pd.DataFrame], placements: int, seed: list[int]) -> Score:
    """Put `placements` defects into a world, and look for them."""
    generator, score = np.random.default_rng(seed), Score()
    known = list(check_quality(as_bars(own)))
    clean = keys(known)
    while score.placed < placements:
        damaged, planted = inflict(defect, own, known, generator)
        if defect.in_rows:
            findings = list(check_frame(long_frame(damaged), calendar=CALENDAR))
        else:
            findings = list(check_quality(as_bars(damaged)))
        for symbol, date in planted.items():
            new = [one for one in findings if one.symbol == symbol and not keys([one]) <= clean]
            right = [one for one in new if one.rule == defect.rule and abs(one.date - date) <= DAY]
            score.placed += 1
            score.found += bool(right)
            score.others += sum(one not in right and one.severity is not Severity.NOTE for one in new)
    return score


def detection(small: bool) -> dict[str, Score]:
    """Measure and print every kind in every world."""
    worlds = {
        "stocks": own_bars(Sample("stocks", start="2007-01-03" if small else None).load()),
        "indices": own_bars(Sample("indices", start="2007-01-03" if small else None).load()),
        "synthetic": own_bars(synthetic(small)),
    }
    heads = " ".join(f"{name:>7}" for name in ("stocks", "indices", "synth.", "others"))
    print(f"{'defect':25} {'size':27} {'placed':>7} {'found':>7}  {heads}")
    total: dict[str, Score] = {}
    for number, defect in enumerate(DEFECTS):
        count = SMALL if small else PLACEMENTS
        scores = [measure(defect, own, count, [number, place]) for place, own in enumerate(worlds.values())]
        whole = Score(*(sum(getattr(s, name) for s in scores) for name in ("placed", "found", "others")))
        total[defect.kind] = whole
        shares = " ".join(f"{one.found / one.placed:7.1%}" for one in scores)
        print(
            f"{defect.kind:25} {defect.size:27} {whole.placed:7d} {whole.found / whole.placed:7.1%}  {shares}"
            f" {whole.others / whole.placed:7.3f}"
        )
    return total


def false_alarms(small: bool) -> dict[str, float]:
    """Count the warnings and errors on clean bars, apart from the defects that the samples are known to have."""
    length = 2520
    symbols = 5 if small else 40
    worlds: dict[str, Loader] = {
        "stocks": Sample("stocks"),
        "indices": Sample("indices"),
        "large_caps": Sample("large_caps"),
        "Brownian motion": GeometricBrownianMotion(symbols=symbols, sessions=length, seed=1),
        "GARCH, t": Garch(symbols=symbols, sessions=length, seed=2),
        "GARCH, t of 4": Garch(symbols=symbols, sessions=length, degrees=4.0, seed=3),
        "factors": Factors(symbols=symbols, sessions=length, seed=4),
        "regimes": RegimeSwitching(symbols=symbols, sessions=length, seed=5),
    }
    heads = f"{'years':>7} {'notes':>6} {'warnings':>9} {'true':>5} {'false':>6}"
    print(f"\n{'clean bars':17} {heads} {'false per 10 symbol-years':>26}")
    rates = {}
    for name, loader in worlds.items():
        bars = loader.load()
        findings = list(check_quality(bars))
        loud = [one for one in findings if one.severity is not Severity.NOTE]
        true = sum((one.symbol, one.rule) in TRUE_DEFECTS for one in loud)
        years = float(bars.traded.sum()) / 252
        rates[name] = round(10 * (len(loud) - true) / years, 4)
        print(
            f"{name:17} {years:7.1f} {len(findings) - len(loud):6d} {len(loud):9d} {true:5d} {len(loud) - true:6d}"
            f" {rates[name]:26.3f}"
        )
    return rates


def crises() -> dict[str, int]:
    """Count what is called a jump, and so a defect, in real crashes."""
    print("\nreal crashes called a spike, split or unit flip")
    counts = {}
    for sample, symbol, first, last, name in CRISES:
        findings = check_quality(Sample(sample).load())
        within = [one for one in findings if pd.Timestamp(first) <= one.date <= pd.Timestamp(last)]
        jumps = [one for one in within if one.rule in JUMPS and symbol in (None, one.symbol)]
        counts[f"{sample}: {name}"] = len(jumps)
        print(f"  {sample:11} {name:28} {len(jumps)}")
    return counts


def speed(small: bool) -> float:
    """Time one check of ten years of daily bars, of 50 symbols or of 500."""
    symbols = 50 if small else 500
    world = GeometricBrownianMotion(symbols=symbols, sessions=2520, seed=9).load()
    began = time.perf_counter()
    check_quality(world)
    seconds = time.perf_counter() - began
    print(f"\n{symbols} symbols x 2520 sessions checked in {seconds:.2f} s")
    return round(seconds, 3)


def main() -> None:
    """Measure and print."""
    small = "--small" in sys.argv
    began = time.perf_counter()
    scores = detection(small)
    rates = false_alarms(small)
    counts = crises()
    seconds = speed(small)
    print(f"{time.perf_counter() - began:.0f} s in all")
    machine = {"python": platform.python_version(), "system": platform.system(), "processor": platform.machine()}
    ratios = {kind: round(score.found / score.placed, 4) for kind, score in scores.items()}
    placed = {kind: score.placed for kind, score in scores.items()}
    whole = {
        "benchmark": "data_quality",
        "machine": machine,
        "ratios": ratios,
        "placed": placed,
        "seconds": seconds,
        "agree": {"false_warnings_per_10_symbol_years": rates, "crises_called_defects": counts},
    }
    print(json.dumps(whole))


if __name__ == "__main__":
    main()
