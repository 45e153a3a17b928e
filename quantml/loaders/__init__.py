"""Loaders: the outside world, in; `Bars` and outside tables, out. Each is a declaration with a ``load`` method."""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = [
    "BlockBootstrap",
    "Csv",
    "Epoch",
    "Factors",
    "FilePerSymbol",
    "Files",
    "Garch",
    "GeometricBrownianMotion",
    "Intraday",
    "LongFile",
    "Membership",
    "Published",
    "Quality",
    "Refresh",
    "Regime",
    "RegimeSwitching",
    "Retry",
    "Sample",
    "Sessions",
    "Source",
    "Sql",
    "Store",
    "Stored",
    "Synthetic",
    "Table",
    "TableFile",
    "WideFile",
    "WideReturns",
    "Yahoo",
    "check_frame",
    "check_quality",
    "read_yfinance",
]

if TYPE_CHECKING:
    from quantml.loaders.downloads import Source as Source
    from quantml.loaders.files import Csv as Csv
    from quantml.loaders.files import Epoch as Epoch
    from quantml.loaders.files import FilePerSymbol as FilePerSymbol
    from quantml.loaders.files import Files as Files
    from quantml.loaders.files import Intraday as Intraday
    from quantml.loaders.files import LongFile as LongFile
    from quantml.loaders.files import Sessions as Sessions
    from quantml.loaders.files import WideFile as WideFile
    from quantml.loaders.files import WideReturns as WideReturns
    from quantml.loaders.quality import Quality as Quality
    from quantml.loaders.quality import check_frame as check_frame
    from quantml.loaders.quality import check_quality as check_quality
    from quantml.loaders.refreshes import Refresh as Refresh
    from quantml.loaders.sample import Sample as Sample
    from quantml.loaders.sql import Sql as Sql
    from quantml.loaders.store import Store as Store
    from quantml.loaders.store import Stored as Stored
    from quantml.loaders.synthetic import BlockBootstrap as BlockBootstrap
    from quantml.loaders.synthetic import Factors as Factors
    from quantml.loaders.synthetic import Garch as Garch
    from quantml.loaders.synthetic import GeometricBrownianMotion as GeometricBrownianMotion
    from quantml.loaders.synthetic import Regime as Regime
    from quantml.loaders.synthetic import RegimeSwitching as RegimeSwitching
    from quantml.loaders.synthetic import Synthetic as Synthetic
    from quantml.loaders.table import Table as Table
    from quantml.loaders.table import TableFile as TableFile
    from quantml.loaders.tables import Published as Published
    from quantml.loaders.yahoo import Yahoo as Yahoo
    from quantml.loaders.yahoo_client import Retry as Retry
    from quantml.loaders.yahoo_prices import read_yfinance as read_yfinance
    from quantml.universe import Membership as Membership
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "BlockBootstrap": "synthetic",
            "Csv": "files",
            "Epoch": "files",
            "Factors": "synthetic",
            "FilePerSymbol": "files",
            "Files": "files",
            "Garch": "synthetic",
            "GeometricBrownianMotion": "synthetic",
            "Intraday": "files",
            "LongFile": "files",
            "Membership": "quantml.universe",
            "Published": "tables",
            "Quality": "quality",
            "Refresh": "refreshes",
            "Regime": "synthetic",
            "RegimeSwitching": "synthetic",
            "Retry": "yahoo_client",
            "Sample": "sample",
            "Sessions": "files",
            "Source": "downloads",
            "Sql": "sql",
            "Store": "store",
            "Stored": "store",
            "Synthetic": "synthetic",
            "Table": "table",
            "TableFile": "table",
            "WideFile": "files",
            "WideReturns": "files",
            "Yahoo": "yahoo",
            "check_frame": "quality",
            "check_quality": "quality",
            "read_yfinance": "yahoo_prices",
        },
    )
