"""Closing prices of listed shares from a vendor, over the network, each with where it came from.

An optional connector: the vendor's library (yfinance) is an extra and is imported when prices are asked
for. Vendors print closes adjusted for later splits; these are undone, so that a close is what was paid on
that day and may be multiplied by the shares of that day. Dividends are not in a close. Prices quoted in
pence come as pounds. What cannot be told from the answer, such as whether a line is an ordinary share or
a depositary share that bundles several, is not guessed.

What the module cannot do: tell whether the vendor is right (it is one source, of kind data_vendor), undo
spin-offs and rights issues, or give the price of a day that is not over.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from helpers import units
from helpers.errors import DataError, HelpersError, ParameterError, UnitError, UnknownNameError
from helpers.settings import parse_day

VENDORS = {"yfinance": "Yahoo Finance"}
MINOR_UNITS = {"GBp": ("GBP", 100.0), "GBX": ("GBP", 100.0)}
QUOTED = ("", "money_per_share", "money_per_ads")
COLUMNS = (
    *("ticker", "name", "date", "close", "currency", "unit", "exchange", "precision", "split_factor"),
    *("vendor_currency", "vendor", "retrieved_on"),
)
META = ("symbol", "currency", "longName", "shortName", "fullExchangeName", "exchangeName", "priceHint")
SHOWN = 5


def listed_prices(
    ticker: str,
    *,
    first: str | date,
    last: str | date,
    vendor: str = "yfinance",
    unit: str = "",
    session: Any = None,
) -> pd.DataFrame:
    """Closing prices as traded, by day.

    Parameters
    ----------
    ticker : str
        As the vendor writes it: "1024.HK", "PINS", "VOD.L".
    first, last : ISO day or date
        Both included; `last` must be over.
    vendor : {"yfinance"}
        The library that is asked.
    unit : {"", "money_per_share", "money_per_ads"}
        What the line is: an ordinary share or an American depositary share. Vendors do not say; empty leaves it
        open, and `as_facts` refuses what is open.
    session : optional
        A session of requests or curl_cffi, for a proxy or a certificate of one's own; the library keeps it for the
        rest of the process.

    Returns
    -------
    DataFrame
        One row per trading day, by date: ticker, name (as the vendor has it), date, close (in `currency`, not
        adjusted for anything that came later; NaN on a day that the vendor lists without a price), currency (one of
        `helpers.units.CURRENCIES`), unit, exchange, precision (size of the last digit that the exchange quotes; NaN
        where the vendor does not say), split_factor (later splits undone: 2 if one share became two since),
        vendor_currency (as the vendor writes it, such as GBp), vendor, retrieved_on.

    Raises
    ------
    ParameterError, UnknownNameError
        An argument breaks its rule.
    UnitError
        The prices are in a currency that the kit does not know.
    HelpersError
        The library is not installed, there is no network, the vendor refuses, knows no such ticker or has no price
        of these days.
    """
    if vendor not in VENDORS:
        raise UnknownNameError("vendor", vendor, list(VENDORS))
    if unit not in QUOTED:
        raise UnknownNameError("unit", unit, list(QUOTED[1:]))
    start, end, today = _days(ticker, first, last)
    table, meta = _asked(ticker, start, today, session)
    currency, divisor = _currency(ticker, meta["currency"])
    days = pd.Series(table.index.tz_localize(None).normalize()).astype("datetime64[s]")
    factor = _split_factor(table["Stock Splits"].to_numpy(float))
    step = np.nan if meta["priceHint"] is None else 10.0 ** -int(meta["priceHint"]) / divisor
    found = pd.DataFrame({"date": days, "close": np.round(_printed(table["Close"]) * factor / divisor, 9)})
    found = found.assign(
        ticker=meta["symbol"] or ticker, name=meta["longName"] or meta["shortName"] or "", currency=currency,
        unit=unit, exchange=meta["fullExchangeName"] or meta["exchangeName"] or "", precision=step * factor,
        split_factor=factor, vendor_currency=meta["currency"], vendor=vendor, retrieved_on=pd.Timestamp(today),
    )  # fmt: skip
    found = found.loc[found["date"].between(pd.Timestamp(start), pd.Timestamp(end)), list(COLUMNS)]
    if found["close"].notna().sum() == 0:
        raise HelpersError(f"{vendor} has no close of {ticker} from {start} to {end}")
    return found.reset_index(drop=True)


def _today() -> date:
    """The day that has begun nowhere later than in UTC: what lies before it is over on every exchange."""
    return datetime.now(UTC).date()


def _days(ticker: str, first: str | date, last: str | date) -> tuple[date, date, date]:
    """The span asked for, checked, and today."""
    if not isinstance(ticker, str) or not ticker.strip():
        raise ParameterError(f"ticker {ticker!r} is empty: write it as the vendor does, such as '1024.HK'")
    start, end, today = parse_day(first), parse_day(last), _today()
    if start is None or end is None:
        raise ParameterError("first and last are days such as 2025-12-31, both included")
    if end < start:
        raise ParameterError(f"last {end} lies before first {start}")
    if end >= today:
        raise ParameterError(f"last {end} is not over yet: a close is known from the next day on (today is {today})")
    return start, end, today


def _asked(ticker: str, start: date, today: date, session: Any) -> tuple[pd.DataFrame, dict]:
    """The vendor's table to this day, so that every later split is in it, and what it says about the line."""
    try:
        library = importlib.import_module("yfinance")
    except ImportError:
        raise HelpersError(
            "listed prices need the package yfinance, which is not installed: run `python -m pip install yfinance`"
        ) from None
    span = {"start": start.isoformat(), "end": (today + timedelta(days=1)).isoformat()}
    with _outspoken(library):
        try:
            line = library.Ticker(ticker, session=session)
            table = line.history(**span, auto_adjust=False, actions=True, keepna=True)
            meta = {name: line.history_metadata.get(name) for name in META}  # its other entries cost a request
        except Exception as error:
            raise _said(library, ticker, start, error) from error
    if table.empty or not meta["currency"]:
        raise HelpersError(f"yfinance gave an empty answer for {ticker} from {start}")
    return table, meta


@contextlib.contextmanager
def _outspoken(library: Any) -> Iterator[None]:
    """The library raises instead of logging and going on; its log and its warnings stay out of the report."""
    debug, log = library.config.debug, logging.getLogger("yfinance")
    before = debug.hide_exceptions, log.level
    debug.hide_exceptions = False
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="yfinance")
            yield
    finally:
        debug.hide_exceptions = before[0]
        log.setLevel(before[1])


def _said(library: Any, ticker: str, start: date, error: Exception) -> HelpersError:
    """One clear error for each way in which asking fails."""
    known, told = library.exceptions, str(error).strip().splitlines()[:1]
    reason = told[0] if told else type(error).__name__
    if isinstance(error, known.YFRateLimitError):
        return HelpersError("yfinance is refused for now, after too many requests: try again later")
    status = getattr(getattr(error, "response", None), "status_code", 0)
    if isinstance(error, known.YFTzMissingError) or status == 404:
        return HelpersError(
            f"yfinance knows no ticker {ticker!r}, or no more: write it as the vendor does, like 1024.HK"
        )
    if isinstance(error, known.YFPricesMissingError):
        return HelpersError(f"yfinance has no price of {ticker} from {start}: {reason}")
    if isinstance(error, OSError) and not isinstance(error, ValueError):  # as both of its HTTP libraries raise
        return HelpersError(
            f"yfinance cannot be reached ({reason}): prices need a network; without one, give them as own facts"
        )
    return HelpersError(f"yfinance cannot read the vendor's answer for {ticker}: {type(error).__name__}: {reason}")


def _currency(ticker: str, quoted: str) -> tuple[str, float]:
    """Currency of a quotation, and by what it is divided to get there."""
    currency, divisor = MINOR_UNITS.get(quoted, (quoted, 1.0))
    if currency not in units.CURRENCIES:
        known = ", ".join([*units.CURRENCIES, *MINOR_UNITS])
        raise UnitError(f"{ticker} is quoted in {quoted!r}, which is none of {known}")
    return currency, divisor


def _printed(closes: pd.Series) -> np.ndarray:
    """Closes as printed: vendors send single precision, in which 490.4 reads 490.3999938964844."""
    values = closes.to_numpy(float)
    single = values.astype(np.float32)
    plain = np.array([float(str(value)) for value in single])
    return np.where(single.astype(float) == values, plain, values)


def _split_factor(splits: np.ndarray) -> np.ndarray:
    """Shares of today for one share of each day: the product of the splits after it (0 is none)."""
    ratios = np.where(splits > 0, splits, 1.0)
    later = np.append(ratios[1:], 1.0)
    return np.cumprod(later[::-1])[::-1]


def as_facts(prices: pd.DataFrame, *, entity: str, shares_per_ads: float | None = None) -> pd.DataFrame:
    """Prices as rows of own facts: `to_csv(index=False)` makes a file for ``ledger.load(own=...)``.

    Parameters
    ----------
    prices : DataFrame
        As `listed_prices` gives them, of one ticker, each day with a close.
    entity : str
        Entity of the ledger.
    shares_per_ads : float, optional
        Ordinary shares in one depositary share, above 0; needed where the unit is money_per_ads.

    Returns
    -------
    DataFrame
        The columns entity, metric (share_price: of one ordinary share), value, unit, currency, period_start,
        period_end, as_of, precision, note, source, kind; days as ISO text.

    Raises
    ------
    UnitError
        It is not said what the line is; depositary shares without their ratio, or a ratio without them.
    DataError
        There is no row, more than one ticker, or a day without a close.
    """
    _refuse_loose(prices)
    unit = str(prices["unit"].iloc[0])
    ratio = _ratio(str(prices["ticker"].iloc[0]), unit, shares_per_ads)
    day = prices["date"].dt.strftime("%Y-%m-%d")
    rows = pd.DataFrame({"entity": entity, "metric": "share_price", "value": prices["close"] / ratio})
    rows = rows.assign(
        unit="money_per_share", currency=prices["currency"], period_start=day, period_end=day, as_of=day,
        precision=prices["precision"] / ratio, note=[_note(row, ratio, unit) for row in prices.itertuples()],
        source=[_cited(row) for row in prices.itertuples()], kind="data_vendor",
    )  # fmt: skip
    return rows.reset_index(drop=True)


def _refuse_loose(prices: pd.DataFrame) -> None:
    missing = [column for column in COLUMNS if column not in prices.columns]
    problems = [f"column {column!r} is missing: take the table of listed_prices" for column in missing]
    if not problems and prices.empty:
        problems.append("there is no row")
    for column in () if problems else ("ticker", "unit", "currency"):
        found = sorted(prices[column].unique())
        if len(found) > 1:
            problems.append(f"holds {len(found)} values of {column} ({', '.join(found[:SHOWN])}): one line at a time")
    if not problems and prices["close"].isna().any():
        days = prices.loc[prices["close"].isna(), "date"].dt.strftime("%Y-%m-%d").tolist()
        shown = ", ".join(days[:SHOWN])
        problems.append(f"{len(days)} days have no close ({shown}): leave them out with dropna(subset='close')")
    if problems:
        raise DataError("prices", problems)


def _ratio(ticker: str, unit: str, shares_per_ads: float | None) -> float:
    """By what a price is divided to be that of an ordinary share."""
    if unit == "":
        raise UnitError(
            f"it is not said whether {ticker} is quoted for an ordinary share or for an ADS: ask for the prices with "
            "unit='money_per_share' or unit='money_per_ads'"
        )
    if unit == "money_per_share":
        if shares_per_ads is not None:
            raise UnitError(f"{ticker} is quoted for an ordinary share: shares_per_ads must be left out")
        return 1.0
    if shares_per_ads is None or not 0 < shares_per_ads < np.inf:
        raise UnitError(f"{ticker} is quoted for an ADS: shares_per_ads must be above 0, got {shares_per_ads}")
    return float(shares_per_ads)


def _note(row: Any, ratio: float, unit: str) -> str:
    """How the value came about where it is not the quotation itself."""
    steps = []
    if row.split_factor != 1:
        steps.append(f"later splits undone, times {row.split_factor:g}")
    if row.vendor_currency != row.currency:
        steps.append(f"quoted in {row.vendor_currency}")
    if unit == "money_per_ads":
        steps.append(f"{row.close:.10g} {row.currency} for an ADS of {ratio:g} shares")
    return "; ".join(["close", *steps])


def _cited(row: Any) -> str:
    """The source in the words of own facts; without a day, for a close was public on its own."""
    told = f"Daily closes of {row.name} ({row.ticker}), {row.exchange}, retrieved {row.retrieved_on:%Y-%m-%d}"
    title = told.replace(";", ",")
    return f"{VENDORS[row.vendor]} through {row.vendor}; {title}; https://finance.yahoo.com/quote/{row.ticker}"
