"""Which calendar the exchanges that Yahoo names keep."""

from __future__ import annotations

from typing import Final

_CODES: Final = {
    # All of these keep New York's sessions and hours, and one name leaves a panel of American symbols one calendar.
    "XNYS": "ASE BTS DJI NAS NCM NGM NIM NMS NYQ NYS OEM OQB OQX PCX PNK SNP",
    "XAMS": "AMS", "XASX": "ASX", "XBKK": "SET", "XBOM": "BSE NSI", "XBRU": "BRU", "XBUD": "BUD", "XBUE": "BUE",
    "XCSE": "CPH", "XDUB": "ISE", "XETR": "GER", "XFRA": "FRA", "XHEL": "HEL", "XHKG": "HKG", "XICE": "ICE",
    "XIDX": "JKT", "XIST": "IST", "XJSE": "JNB", "XKLS": "KLS", "XKRX": "KOE KSC", "XLIS": "LIS", "XLON": "LSE",
    "XMAD": "MCE", "XMEX": "MEX", "XMIL": "MIL", "XNZE": "NZE", "XOSL": "OSL", "XPAR": "PAR", "XPRA": "PRA",
    "XSES": "SES", "XSGO": "SGO", "XSHG": "SHH SHZ", "XSTO": "STO", "XSWX": "EBS",
    "XTAI": "TAI TWO", "XTKS": "JPX OSA", "XTSE": "TOR VAN", "XWAR": "WSE", "XWBO": "VIE", "BVMF": "SAO",
    "24/7": "CCC", "24/5": "CCY",
}  # fmt: skip
_CALENDARS: Final = {code: calendar for calendar, codes in _CODES.items() for code in codes.split()}


def calendar_of(exchange: str) -> str | None:
    """Return the calendar of an exchange by Yahoo's code for it; None where it is not known.

    Examples
    --------
    >>> calendar_of("NMS"), calendar_of("LSE"), calendar_of("CCC"), calendar_of("CMX")
    ('XNYS', 'XLON', '24/7', None)
    """
    return _CALENDARS.get(exchange)
