"""What the ledger reads and writes: named tuples of arrays and plain numbers, and their types.

Arrays that hold a state per bar have one row more than there are bars: row 0 is the state before the first bar, row
``t + 1`` the state after bar ``t``. Options have a neutral value that switches them off: no limit is infinity, no lot
is 0. What an option needs of the market is an array of shape (0, 0) where it is switched off.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.arrays import read_only
from quantml.kernels import B1, B2, F1, F2, I1, I2

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

COMMISSION, SPREAD, SLIPPAGE, IMPACT, BORROW, FINANCING = range(6)  # columns of charges and rates, as costs.KINDS
TIME, DECIDED, SYMBOL, KIND = range(4)  # columns of fills
UNITS, PRICE = range(2)  # columns of amounts
ORDERED, DELISTED, RUINED, CALLED, LOSS, PROFIT, TRAILED, EXPIRED = range(8)  # kinds of fill
MARKET_ORDER, LIMIT_ORDER, STOP_ORDER = range(3)  # types of order
AT_OPEN, AT_CLOSE, SAME_BAR = range(3)  # when orders fill
FROM_OPEN, BY_LIMIT, BY_STOP, LATE = range(4)  # how a position came about on this bar

FILL_KINDS: Final = ("ordered", "delisted", "ruined", "called", "loss", "profit", "trailed", "expired")
"""Why a fill happened: an order; a symbol without bars for too long; the end of the account; a margin call; the stops
`StopLoss`, `TakeProfit`, `TrailingStop` and `TimeStop`."""

NOTHING: Final[Floats] = read_only(np.empty((0, 0)))
"""What takes the place of an array that no option needs."""
NOBODY: Final = -1
"""What is returned instead of a bar or a symbol where there is none."""
ROUNDING: Final = 1e-12
"""A change of position worth at most this fraction of equity is the rounding of its target, not an order."""
HAIR: Final = 1e-9
"""A number of lots this near to the next whole one is that one: it is the rounding of a division."""


class Market(NamedTuple):
    """What the ledger trades at, what happened to the shares, and who may be held.

    Attributes
    ----------
    price, close : ndarray, shape (T, N)
        Raw prices; ``price`` is what orders fill at. It is NaN exactly where ``close`` is: where a symbol has no bar.
    open, high, low, volume : ndarray, shape (T, N) or (0, 0)
        Raw, for orders within the bar and for participation.
    split, dividend : ndarray, shape (T, N)
    member : ndarray of bool, shape (T, N)
        Where a symbol may be held; elsewhere it is sold, whether or not the row is a decision.
    acts, whole, everyone, decides, full : ndarray of bool, shape (T,)
        Where a symbol has a split or a dividend; where every symbol has a bar; where every symbol is a member; where
        there is a decision; where there is one about every symbol, and all are members.
    session : ndarray of int64, shape (T, N)
        How many sessions each symbol has had.
    due : ndarray of int64, shape (N,)
        First row at or after each symbol's recorded delisting; T or more where there is none.
    payoff : ndarray, shape (N,)
        What is paid for it then, as a multiple of the last close.
    cash : ndarray, shape (T,)
        What cash earns over each bar, a fraction; debt owes as much.
    volatility, usual, shares : ndarray, shape (T, N) or (0, 0)
        Standard deviation of a bar's returns and average volume as known at each close, the latter in shares of the
        first row; how many shares one of them has become.
    level : ndarray, shape (T, N) or (0, 0)
        Price of a limit or stop that comes with a decision; NaN for an order at the market.
    """

    price: Floats
    close: Floats
    open: Floats
    high: Floats
    low: Floats
    volume: Floats
    split: Floats
    dividend: Floats
    member: NDArray[np.bool_]
    acts: NDArray[np.bool_]
    whole: NDArray[np.bool_]
    everyone: NDArray[np.bool_]
    decides: NDArray[np.bool_]
    full: NDArray[np.bool_]
    session: Whole
    due: Whole
    payoff: Floats
    cash: Floats
    volatility: Floats
    usual: Floats
    shares: Floats
    level: Floats


class Terms(NamedTuple):
    """What a fill costs.

    Attributes
    ----------
    rates : ndarray, shape (6,)
        `Costs.proportional`.
    tiers : ndarray, shape (tiers, 2)
        `Costs.tier_table`.
    flat : bool
        Whether costs are in proportion to notional, and nothing else but `rates` matters.
    """

    rates: Floats
    tiers: Floats
    per_share: float
    least: float
    most: float
    deviations: float
    impact: float
    permanent: float
    flat: bool


class Handling(NamedTuple):
    """How orders are executed; `plain` where whatever is ordered is filled at the bar's price."""

    plain: bool
    lot: float
    least_units: float
    least_notional: float
    participation: float
    carry: bool
    kind: int
    offset: float
    resting: bool
    by_units: bool
    band: float


class Limits(NamedTuple):
    """Most gross market value per equity after an order; least equity per gross market value at a close."""

    leverage: float
    maintenance: float


class Levels(NamedTuple):
    """Distances of stops as fractions, the bars after which a position is closed, and how they are played."""

    active: bool
    loss: float
    profit: float
    trail: float
    bars: int
    reenter: bool
    optimistic: bool


class Holding(NamedTuple):
    """What stops must know of a position.

    Attributes
    ----------
    side, entry, peak : float
        1 or -1; the average price of entry; the best price since.
    opened : float
        The average before an order enlarged it within the bar, NaN where none did.
    begun : int
        How it came about on the bar.
    """

    side: float
    entry: float
    peak: float
    opened: float
    begun: int


class Extremes(NamedTuple):
    """The prices of a bar that were worst and best for a position, and the close."""

    worst: float
    best: float
    close: float


class Rules(NamedTuple):
    """Everything that was declared, in numbers.

    `stateful` is whether anything but costs was; `plain` whether a bar can be done in the short way.
    """

    terms: Terms
    handling: Handling
    limits: Limits
    levels: Levels
    delist_after: int
    when: int
    stateful: bool
    plain: bool


class Book(NamedTuple):
    """What the ledger writes.

    Attributes
    ----------
    cash, equity : ndarray, shape (T + 1,)
    positions : ndarray, shape (T + 1, N)
        Units held.
    marks : ndarray, shape (T + 1, N) or (0, 0)
        Each symbol's last known close where fills move prices for good; elsewhere the bars tell.
    charges : ndarray, shape (T + 1, 6)
        Costs of each bar by kind.
    dividends, interest : ndarray, shape (T + 1,)
        Received, less what was owed.
    fills : ndarray of int32, shape (most fills, 4)
        Bar, bar of the decision (-1 where the ledger itself closed the position), symbol and kind.
    amounts : ndarray, shape (most fills, 2)
        Signed units and price.
    paid : ndarray, shape (most fills, 4) or (0, 0)
        Costs of each fill by kind where they are not in proportion to notional.
    late : ndarray of bool, shape (most fills,) or (0,)
        Whether each fill opened a position within the bar, after its open, where orders do so.
    cut : ndarray, shape (T + 1,)
        Notional of orders that the limit of leverage left out.
    short : ndarray, shape (1,)
        Market value of shorts at the previous close.
    written, called, culprit : ndarray of int64, shape (1,)
        Number of fills; whether there was a margin call at the latest close; a held symbol that a decision leaves out.
    pending, rest : ndarray, shape (N,)
        Orders that wait for a bar, as weights, or as units; NaN where there is none.
    decided, why : ndarray of int64, shape (N,)
        Bar that decided the order that waits, and the kind of fill that it will be.
    partly : ndarray of int64, shape (N,)
        Whether what waits is the rest of an order, to which no minimum applies.
    level : ndarray, shape (N,)
        Price of a limit or stop order, or the close that its price is told from.
    seen : ndarray of int64, shape (N,)
        Session of the symbol's latest bar before the gap that it is in.
    mark, shift : ndarray, shape (N,)
        Last known close; factor by which fills have moved prices.
    wanted, at : ndarray, shape (N,)
        Units to fill next, and their price.
    scaled : ndarray, shape (N,)
        What a limit leaves of what is wanted.
    kind : ndarray of int64, shape (N,)
        The kind of fill that this is.
    taken : ndarray, shape (N,)
        Units filled on this bar.
    entry, peak, opened : ndarray, shape (N,)
        Average price of entry; best price since; the average before an order enlarged the position within this bar, NaN
        where none did.
    age, begun, blocked : ndarray of int64, shape (N,)
        Own bars since entry; how the position came about on this bar; the side that a stop has closed.
    """

    cash: Floats
    equity: Floats
    positions: Floats
    marks: Floats
    charges: Floats
    dividends: Floats
    interest: Floats
    fills: NDArray[np.int32]
    amounts: Floats
    paid: Floats
    late: NDArray[np.bool_]
    cut: Floats
    short: Floats
    written: Whole
    called: Whole
    culprit: Whole
    pending: Floats
    rest: Floats
    decided: Whole
    why: Whole
    partly: Whole
    level: Floats
    seen: Whole
    mark: Floats
    shift: Floats
    wanted: Floats
    at: Floats
    scaled: Floats
    kind: Whole
    taken: Floats
    entry: Floats
    peak: Floats
    opened: Floats
    age: Whole
    begun: Whole
    blocked: Whole


INT, FLOAT, BOOL = types.int64, types.float64, types.boolean
V, M, W = types.float64[::1], types.float64[:, ::1], types.int64[::1]


def _named(kind: Any, *parts: Any) -> Any:
    return types.BaseTuple.from_types(parts, kind)


MARKET: Any = _named(
    Market, F2, F2, F2, F2, F2, F2, F2, F2, B2, B1, B1, B1, B1, B1, I2, I1, F1, F1, F2, F2, F2, F2
)  # fmt: skip
TERMS: Any = _named(Terms, F1, F2, FLOAT, FLOAT, FLOAT, FLOAT, FLOAT, FLOAT, BOOL)
HANDLING: Any = _named(Handling, BOOL, FLOAT, FLOAT, FLOAT, FLOAT, BOOL, INT, FLOAT, BOOL, BOOL, FLOAT)
LIMITS: Any = _named(Limits, FLOAT, FLOAT)
LEVELS: Any = _named(Levels, BOOL, FLOAT, FLOAT, FLOAT, INT, BOOL, BOOL)
HOLDING: Any = _named(Holding, FLOAT, FLOAT, FLOAT, FLOAT, INT)
EXTREMES: Any = _named(Extremes, FLOAT, FLOAT, FLOAT)
RULES: Any = _named(Rules, TERMS, HANDLING, LIMITS, LEVELS, INT, INT, BOOL, BOOL)
BOOK: Any = _named(
    Book,
    V, V, M, M, M, V, V, types.int32[:, ::1], M, M, types.boolean[::1], V, V, W, W, W, V, V, W, W, W, V, W, V, V, V, V,
    V, W, V, V, V, V, W, W, W
)  # fmt: skip
