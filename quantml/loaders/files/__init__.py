"""Bars from CSV and Parquet files: how the files are laid out, named and written is declared, never guessed."""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = [
    "Csv",
    "Epoch",
    "FilePerSymbol",
    "Files",
    "Intraday",
    "LongFile",
    "Sessions",
    "WideFile",
    "WideReturns",
]

if TYPE_CHECKING:
    from quantml.loaders.files.cells import Csv as Csv
    from quantml.loaders.files.layouts import FilePerSymbol as FilePerSymbol
    from quantml.loaders.files.layouts import LongFile as LongFile
    from quantml.loaders.files.layouts import WideFile as WideFile
    from quantml.loaders.files.layouts import WideReturns as WideReturns
    from quantml.loaders.files.loader import Files as Files
    from quantml.loaders.files.times import Epoch as Epoch
    from quantml.loaders.files.times import Intraday as Intraday
    from quantml.loaders.files.times import Sessions as Sessions
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Csv": "cells",
            "Epoch": "times",
            "FilePerSymbol": "layouts",
            "Files": "loader",
            "Intraday": "times",
            "LongFile": "layouts",
            "Sessions": "times",
            "WideFile": "layouts",
            "WideReturns": "layouts",
        },
    )
