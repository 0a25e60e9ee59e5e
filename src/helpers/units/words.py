"""Numbers in words, both ways: 310亿 is 31.0 billion is 3.1e10.

亿 is 1e8 and a billion is 1e9; the slip between them is a factor of ten. What is ambiguous is refused
rather than guessed: 兆 (1e12 in Taiwan, 1e6 on the mainland), "mm", a percent, a range, a currency sign.
"""

from __future__ import annotations

import math
import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from typing import NoReturn

from helpers.errors import UnitError, UnknownNameError

_ENGLISH = {"thousand": 3, "k": 3, "million": 6, "mn": 6, "m": 6, "billion": 9, "bn": 9, "b": 9}
_ENGLISH |= {"trillion": 12, "tn": 12, "trn": 12}
_CHINESE = {"十": 1, "百": 2, "千": 3, "万": 4, "十万": 5, "百万": 6, "千万": 7}
_CHINESE |= {"亿": 8, "十亿": 9, "百亿": 10, "千亿": 11, "万亿": 12}
_POWERS = _ENGLISH | _CHINESE
_TRADITIONAL = str.maketrans("億萬−–", "亿万--")

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_SCALE = "|".join(sorted(_POWERS, key=len, reverse=True))
_NUMBER = re.compile(rf"(?P<sign>[+-]?)\s*(?P<digits>{_DIGITS})\s*(?P<scale>{_SCALE})?", re.IGNORECASE)
_CHAIN = re.compile(rf"(?P<sign>[+-]?)\s*(?P<parts>(?:(?:{_DIGITS})(?:{'|'.join(_CHINESE)}))+)")
_LINK = re.compile(rf"({_DIGITS})({'|'.join(sorted(_CHINESE, key=len, reverse=True))})")
_PERCENT = re.compile(r"[%‰]|percent|per cent|pct|百分")

_WORDS = {
    "en": ((12, " trillion"), (9, " billion"), (6, " million"), (3, " thousand")),
    "zh": ((12, "万亿"), (8, "亿"), (4, "万")),
}
_MISSING = {"en": "n/a", "zh": "无数据"}
_WRITTEN_OUT_BELOW = 10_000


def parse_number(text: str) -> float:
    """The number that a text such as ``3.42万亿``, ``1亿2000万`` or ``31bn`` states, in ones.

    Parameters
    ----------
    text : str
        One number, with at most one scale word (or Chinese parts in falling order). Full-width
        digits, thousands separators, ``-``, ``−`` and traditional 億, 萬 are understood; English
        scale words in any case: thousand k, million mn m, billion bn b, trillion tn trn.

    Returns
    -------
    float
        The nearest float to the decimal number stated.

    Raises
    ------
    UnitError
        If the text is empty, a percent, a range, or anything else than one number.

    Examples
    --------
    >>> parse_number("310亿") == parse_number("31 billion") == 31e9
    True
    """
    if not isinstance(text, str):
        raise UnitError(f"parse_number reads text, got {text!r}")
    plain = unicodedata.normalize("NFKC", text).translate(_TRADITIONAL).strip()
    if _PERCENT.search(plain.lower()):
        raise UnitError(f"{text!r} is a percent, not a number of things: record it as a ratio, 0-1")
    if found := _NUMBER.fullmatch(plain):
        value = _scaled(found["digits"], found["scale"])
    elif found := _CHAIN.fullmatch(plain):
        value = _chained(text, found["parts"])
    else:
        _refuse(text)
    return float(-value if found["sign"] == "-" else value)


def _scaled(digits: str, scale: str | None) -> Decimal:
    # Decimal, so that 3.42万亿 is exactly 3420000000000 and not a float product next to it.
    return Decimal(digits.replace(",", "")).scaleb(_POWERS[scale.lower()] if scale else 0)


def _chained(text: str, parts: str) -> Decimal:
    """Sum of ``1亿2000万``; each part must be smaller than one of the scale before it."""
    links = _LINK.findall(parts)
    values = [_scaled(digits, scale) for digits, scale in links]
    for (_, scale), smaller in zip(links[:-1], values[1:], strict=True):
        if smaller >= _scaled("1", scale):
            _refuse(text)
    return sum(values, Decimal(0))


def _refuse(text: str) -> NoReturn:
    raise UnitError(
        f"cannot read {text!r} as one number; understood are plain numbers (1,234.5), "
        "Chinese scales (35万, 310亿, 3.42万亿, 1亿2000万) and English ones (12k, 1.3 million, 31bn, 3.4tn), "
        "without a currency, a unit or a word of doubt"
    )


def in_words(value: float, language: str = "en", digits: int = 3) -> str:
    """A number in the words that a reader of the language expects, rounded.

    Parameters
    ----------
    value : float
        In ones. NaN gives ``n/a`` or ``无数据``.
    language : {"en", "zh"}
        ``31.0 billion`` or ``310亿``. Below 10,000 the number is written out.
    digits : int
        Significant digits, 1 or more; halves round away from zero. Rounding comes before the
        choice of the word, so 999.96 million is ``1.00 billion``.

    Returns
    -------
    str
        `parse_number` reads it back, up to the rounding.

    Raises
    ------
    UnitError
        If the value is infinite or `digits` is below 1.
    UnknownNameError
        If the language is not one of the two.
    """
    if language not in _WORDS:
        raise UnknownNameError("language", language, list(_WORDS))
    if digits < 1:
        raise UnitError(f"digits must be 1 or more, got {digits}")
    if math.isinf(value):
        raise UnitError(f"an infinite number has no words, got {value}")
    if math.isnan(value):
        return _MISSING[language]
    rounded = _significant(Decimal(repr(float(value))), digits)
    if abs(rounded) < _WRITTEN_OUT_BELOW:
        return _written_out(rounded, language)
    power, word = next(scale for scale in _WORDS[language] if abs(rounded) >= Decimal(10) ** scale[0])
    return _with_word(rounded.scaleb(-power), word, language, digits)


def _significant(value: Decimal, digits: int) -> Decimal:
    if value == 0:
        return Decimal(0)
    return value.quantize(Decimal(1).scaleb(value.adjusted() - digits + 1), rounding=ROUND_HALF_UP)


def _written_out(value: Decimal, language: str) -> str:
    """Up to four figures before the point; a thousands comma in English only."""
    plain = f"{value:,f}" if language == "en" else f"{value:f}"
    return _without_zeros(plain)


def _with_word(value: Decimal, word: str, language: str, digits: int) -> str:
    """English shows the digits that count (31.0 billion); Chinese drops the zeros (310亿)."""
    decimals = max(0, digits - 1 - value.adjusted())
    plain = f"{value:,.{decimals}f}" if language == "en" else _without_zeros(f"{value:.{decimals}f}")
    return f"{plain}{word}"


def _without_zeros(plain: str) -> str:
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
