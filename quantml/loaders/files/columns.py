"""Which column of a table is which field: common names are known, everything else is told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from quantml.errors import DataError, ParameterError, did_you_mean

VALUES: Final = ("open", "high", "low", "close", "volume", "split", "dividend")
FIELDS: Final = ("date", "time", "symbol", *VALUES)

SYNONYMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        name: field
        for field, names in {
            "date": "date datetime timestamp dt ts day session tradedate tradingdate tradingday index"
            " indexlevel0 unnamed0",
            "time": "time timeofday",
            "symbol": "symbol ticker sym instrument",
            "open": "open o openprice openingprice",
            "high": "high h highprice",
            "low": "low l lowprice",
            "close": "close c closeprice closingprice closelast",
            "volume": "volume vol v",
            "split": "split splits splitratio splitfactor splitcoefficient",
            "dividend": "dividend dividends div dividendamount",
        }.items()
        for name in names.split()
    }
    | {"": "date"}  # pandas writes an index without a name so
)

ADJUSTED: Final = frozenset({"adjclose", "adjustedclose", "closeadj", "closeadjusted", "adjclosingprice"})
SPLIT_BY_SOURCE: Final = frozenset({"stocksplits", "stocksplit"})

Told = Mapping[str, str | None]


def check_told(owner: str, columns: Told | None) -> None:
    """Raise unless each column told is a field, or None for one to leave out."""
    for name, field in (columns or {}).items():
        if field is not None and field not in FIELDS:
            must = "map a file's columns to fields, or to None to leave them out"
            hint = did_you_mean(str(field), FIELDS)
            raise ParameterError(f"{owner}.columns", must=must, got={name: field}, hint=hint)


def find_fields(names: Sequence[str], told: Told, source: str) -> dict[str, str]:
    """Return the column of each field that a table has.

    Raises
    ------
    DataError
        If a column is unknown, or two are the same field; the text names the nearest field.
    """
    check_present(names, told, source)
    found: dict[str, str] = {}
    for name in names:
        field = told[name] if name in told else _known(name, source)
        if field is None:
            continue
        if field in found:
            hint = f"Leave one out: columns={{{name!r}: None}}."
            raise DataError(f"the field {field!r}", must="be one column", got=f"{found[field]!r} and {name!r}",
                            where=source, hint=hint)  # fmt: skip
        found[field] = name
    return found


def check_present(names: Sequence[str], told: Told, source: str) -> None:
    """Raise unless every column that was told is there."""
    for name in told:
        if name not in names:
            hint = did_you_mean(name, names)
            raise DataError("columns", must="name columns of the table", got=name, where=source, hint=hint)


def _known(name: str, source: str) -> str:
    plain = _plain(name)
    if plain in SYNONYMS:
        return SYNONYMS[plain]
    subject = f"the column {name!r}"
    if plain in ADJUSTED:
        hint = f"Give raw prices, with splits and dividends apart, and say columns={{{name!r}: None}}."
        raise DataError(subject, must="not be taken for a raw close", where=source, hint=hint)
    if plain in SPLIT_BY_SOURCE:
        hint = (
            f"Beside prices as quoted, say columns={{{name!r}: 'split'}}. Yahoo's prices are divided by later splits"
            f" already: load them with Yahoo(...), or say columns={{{name!r}: None}}."
        )
        raise DataError(subject, must="be told what it goes with", where=source, hint=hint)
    near = did_you_mean(plain, FIELDS)
    say = f"Say columns={{{name!r}: 'close'}} or another field, or None to leave it out."
    must = f"be one of {', '.join(FIELDS)}, or a common name of one"
    raise DataError(subject, must=must, where=source, hint=f"{near} {say}" if near.startswith("Did") else say)


def _plain(name: str) -> str:
    """Reduce a name to its letters and digits: '<Adj. Close>' and '5. adj close' are 'adjclose'."""
    return re.sub(r"[\W_]", "", re.sub(r"^\d+\.\s*", "", name.strip().lower()))
