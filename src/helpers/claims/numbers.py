"""Numbers written in digits: value, sign, currency, scale, unit and words of doubt, from what stands around them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from helpers.claims import masks, periods, vocabulary
from helpers.claims.periods import Period
from helpers.claims.vocabulary import CURRENCY_AFTER, CURRENCY_BEFORE, LETTERS, SCALES

NUMBER = re.compile(
    r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+(?!,[0-9]{3}(?![0-9])))(?:\.[0-9]+)?|(?<![0-9])\.[0-9]+"
)
_SCALE_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(百万|千万|百|千|万)(?=[元人美港家名户单件次股]|(?![0-9]))")
_MALFORMED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})*,[0-9]{4,}(?![0-9])")
_FRACTION = re.compile(r"([1-9][0-9]?)/([2-9]|[1-9][0-9])(?![0-9/])")
_HAN = re.compile("[一-鿿]")
UNITS = (
    ("points", "points", "percentage_point"), ("basis", "basis", "percentage_point"), ("percent", "ratio", "ratio"),
    ("times", "multiple", "multiple"), ("money", "money", "money"), ("time", "time", ""), ("people", "count", "person"),
    ("thing", "count", "count"),
)  # fmt: skip
"""Groups of the pattern behind a number, with the kind and the unit that they mean."""
UNIT_OF_TIME = {"分": "minute", "mi": "minute", "小": "hour", "ho": "hour", "hr": "hour", "天": "day", "da": "day"}
NOUNS = re.compile(
    r"[ -](?:(?!times\b|years?\b|months?\b|weeks?\b|quarters?\b|days?\b|points?\b|hours?\b|and\b|or\b|in\b|of\b|to\b|"
    r"the\b|on\b|at\b|for\b|by\b|from\b|with\b|per\b|is\b|was\b|were\b|as\b|its\b|has\b)[a-z][a-z'&\-]{1,18} ){0,2}?"
    r"(?P<noun>users?|people|persons?|participants?|viewers?|followers?|fans|members?|customers?|consumers?|buyers?|"
    r"shoppers?|merchants?|sellers?|vendors?|stores?|shops?|outlets|brands?|products?|items?|skus?|goods|sessions?|"
    r"rooms?|streams?|livestreams?|broadcasts?|orders?|parcels?|packages?|views?|impressions|clicks|searches|"
    r"interactions?|comments?|notes?|posts?|videos?|shares?|adss?|employees?|staff|workers|hosts?|streamers?|"
    r"creators?|influencers?|kols|anchors|cities|countries|markets|provinces|villages|counties|categories|companies|"
    r"firms|measures?|upgrades?|rewards?|initiatives?|steps|features|partners?|advertisers?|clients?|subscribers?|"
    r"downloads?|installs?|units?|vehicles|devices|warehouses?|riders|couriers|analysts|funds|investors|rounds?|"
    r"transactions?|deals|contracts|listings|episodes|hosts|households|cases|complaints|accounts|groups|teams|"
    r"games|titles|apps|images|models?|agents|drivers|trips|restaurants|hotels|seats|events?|campaigns|venues|"
    r"tonnes|tons|kilometres|kilometers|km)\b"
)
_YEAR = re.compile("(?:19|20)[0-9]{2}")
_CENTS = re.compile(r" ?(?:(?P<hk>hk|hong kong|港仙)|(?P<us>us|u\.s\.|美分))? ?(?:(?<=仙)|(?<=分)|(?<=[ 0-9])cents?\b)")
PEOPLE = {
    "user", "people", "person", "participant", "viewer", "follower", "fan", "member", "customer", "consumer", "buyer",
    "shopper", "employee", "staff", "worker", "host", "streamer", "creator", "influencer", "kol", "subscriber",
}  # fmt: skip


@dataclass(slots=True)
class Token:
    """A number before it is a claim.

    Attributes
    ----------
    start, end : int
        The printed expression, with sign, currency, scale and unit.
    digits : tuple of int
        Where the bare digits stand.
    value, digit : float
        As printed, and the size of the last printed digit, without scale.
    power : int or None
        Scale as a power of ten; None where none is printed.
    kind : str
        "" (no unit), money, ratio, points, basis, multiple, count, time.
    unit, currency, qualifier : str
    negative : bool or None
        True and False where a sign is printed, None where not.
    header : (int, int) or None
        Where the head of its column stands, for a cell of a table.
    """

    start: int
    end: int
    digits: tuple[int, int]
    value: float
    digit: float
    power: int | None = None
    kind: str = ""
    unit: str = ""
    currency: str = ""
    qualifier: str = ""
    negative: bool | None = None
    permille: bool = False
    per: str = ""
    high: float | None = None
    inferred: list[str] = field(default_factory=list)
    readings: list[tuple[str, float, str]] = field(default_factory=list)
    role: str = ""
    series: int = 0
    header: tuple[int, int] | None = None

    @property
    def factor(self) -> float:
        """What the printed digits are multiplied with."""
        return 10.0 ** (self.power or 0)


def scan(low: str) -> tuple[list[Token], list[Period]]:
    """All numbers in digits of a folded text, and the periods that hold digits.

    Numbers inside periods, citation marks, codes and names are left out; numbers that no unit follows are kept, for
    lists and ranges and tables, with an empty kind.
    """
    names = masks.spans(low)
    tokens: list[Token] = []
    found: list[Period] = []
    done, at = 0, 0
    for m in NUMBER.finditer(low):
        start, end = m.span()
        if start < done:
            continue
        while at < len(names) and names[at][1] <= start:
            at += 1
        if at < len(names) and names[at][0] <= start:
            done = names[at][1]
            continue
        part = _FRACTION.match(low, start) if low[end : end + 1] == "/" else None
        if part and _is_fraction(low, part):
            done = part.end()
            token = Token(
                start, done, (start, done), 100.0 * int(part[1]) / int(part[2]), 1.0, kind="ratio", unit="ratio"
            )
            _doubt(low, token)
            tokens.append(token)
            continue
        period = periods.at_number(low, start, end)
        if period:
            done = period.end
            if period.kind != "time":
                found.append(period)
            continue
        broken = _MALFORMED.match(low, start) if low[end : end + 1] == "," else None
        if broken:  # 3,4212: a footnote's digit grown into the number, or a lost comma; nobody can say which
            done = broken.end()
            continue
        token = _read(low, m)
        if token.kind in ("", "skip") and token.power is None and not token.currency and token.end <= end + 1:
            period = periods.bare_year(low, start)
            if period:
                done = period.end
                found.append(period)
                continue
        if token.kind in ("skip", "refused"):
            done = token.end
            continue
        done = token.end
        tokens.append(token)
    return tokens, found


def _is_fraction(low: str, part: re.Match) -> bool:
    """约占2/3, "1/20 of": a part of a whole, and neither a date nor a list."""
    if int(part[1]) >= int(part[2]) or low[part.start() - 1 : part.start()] in "/.":
        return False
    return low[max(0, part.start() - 1) : part.start()] in "占约近的逾超到" or low.startswith(
        (" of a", " of the", " of its", " of it"), part.end()
    )


def _read(low: str, m: re.Match) -> Token:
    start, end = m.span()
    text = m[0].replace(",", "")
    decimals = len(text) - text.index(".") - 1 if "." in text else 0
    token = Token(start, end, (start, end), float(text), 10.0**-decimals)
    _right(low, token)
    is_strong = token.kind not in ("", "count", "time") or token.power is not None
    before = None
    if (
        low[start - 1 : start] if low[start - 1 : start] != " " else low[start - 2 : start - 1]
    ) in vocabulary.CURRENCY_ENDS:
        before = vocabulary.BEFORE.search(low, max(0, start - 12), start)
    if before:
        name = before["code"] or before["name"] or (before["land"] or "") + before["symbol"]
        currency = CURRENCY_BEFORE.get(name) or CURRENCY_BEFORE[before["symbol"]]
        if token.kind in ("", "money", "count", "time", "skip") and not _is_rate_word(low, before):
            generic = token.kind == "money" and low[token.end - 1 : token.end] == "元"  # 新台币12亿元 is no yuan
            token.currency = currency if generic else token.currency or currency
            if token.kind in ("count", "time", "skip"):  # "RMB 60 a share": what follows is no unit of the number
                token.end = token.digits[1]
                token.unit = ""
            token.kind, token.start = "money", before.start()
            if token.power is None:
                _letter_scale(low, token)
            is_strong = True
            _per(low, token)
    if token.kind in ("skip", "refused"):
        return token
    if not is_strong and masks.is_no_number(low, start, end):
        token.kind = "skip"
        return token
    if is_strong and (low[start - 1 : start] in (".", "_") or _is_code(low, token)):
        token.kind = "skip"
        return token
    _sign(low, token)
    _doubt(low, token)
    return token


def _is_code(low: str, token: Token) -> bool:
    """C2M, K12: letters on both sides; DAU4.08亿 is none."""
    letter = low[token.start - 1 : token.start]
    return (
        token.start == token.digits[0]
        and letter.isascii()
        and letter.isalpha()
        and low[token.digits[1] : token.end] in LETTERS
    )


def _is_rate_word(low: str, before: re.Match) -> bool:
    """ "1美元 7.2元": a currency's name that belongs to the number before it."""
    return bool(re.search(r"[0-9万亿千] ?$", low[max(0, before.start() - 3) : before.start()])) and not before["symbol"]


def _letter_scale(low: str, token: Token) -> None:
    """K, M, B, T after an amount of money: "$5m", "US$ 3.2 B"."""
    m = re.compile(r" ?(k|m|b|t)(?![a-z0-9])").match(low, token.end)
    if m:
        token.power, token.end = LETTERS[m[1]], m.end()


def _right(low: str, token: Token) -> None:
    """Scale and unit behind the digits."""
    found = vocabulary.AFTER.match(low, token.end)
    scale = found["scale"]
    if scale in LETTERS and not _is_scale_letter(low, token, scale, found):
        found = vocabulary.AFTER.match(low, token.end, token.end)  # nothing: the letter needs a currency before it
        scale = None
    if low.startswith("兆元", token.end) and in_taiwan(low):
        token.kind, token.unit, token.currency, token.power, token.end = "money", "money", "TWD", 12, token.end + 2
        return
    if low.startswith(("mm", "兆"), token.end):
        token.kind, token.end = "refused", token.end + 2  # 1e6 for some and 1e3 or 1e12 for others
        return
    if scale:
        token.power = SCALES.get(scale, LETTERS.get(scale))
    if found["span"]:
        token.kind, token.end = "skip", found.end()
        return
    end = found.end()
    _unit(low, token, found)
    if scale and not token.kind and token.power >= 4:
        end = _chain(low, token, found.end("scale")) or end
    if token.kind or scale or found["plus"] or found["more"]:
        token.end = end
    elif cents := _CENTS.match(low, token.end):
        token.kind, token.unit, token.power, token.end = "money", "money", -2, cents.end()
        token.currency = "HKD" if cents["hk"] else "USD"
        token.inferred += [] if cents["hk"] or cents["us"] else ["currency"]
    if found["more"] or found["more2"] or found["plus"]:
        token.qualifier = "at_least"
    _per(low, token)
    if not token.kind and (noun := NOUNS.match(low, token.end)) and not _is_year(low, token, noun):
        _counted(token, noun, scale)


def in_taiwan(low: str) -> bool:
    """Whether a text counts in the dollars of Taiwan, whose sign in prose is 元 as well."""
    return "新台币" in low and "人民币" not in low


def _is_scale_letter(low: str, token: Token, scale: str, found: re.Match) -> bool:
    """K, M, B that touch their number; t is tonnes, and m2 an area."""
    squared = scale == "m" and low[found.end("scale") : found.end("scale") + 1] in ("²", "2", "³", "3", "/")
    return scale != "t" and low[token.end : token.end + 1] != " " and not squared


def _unit(low: str, token: Token, found: re.Match) -> None:
    """The unit that is printed, if any."""
    for name, kind, unit in UNITS:
        if found[name]:
            token.kind, token.unit = kind, unit
            break
    if found["percent"]:
        token.permille = found["percent"] == "‰"
        if found["percent"] == "pct" and _is_chinese(low, token.start):
            token.kind, token.unit = "points", "percentage_point"  # brokers write 3pct for three points
    elif found["money"]:
        token.currency = CURRENCY_AFTER[found["money"]]
    elif found["time"]:
        word = found["time"]
        token.unit = UNIT_OF_TIME[word[:2] if word[0].isascii() else word[0]]
    elif found["thing"]:
        token.unit = {"股": "share", "单": "order"}.get(found["thing"], "count")
        if found["thing"] == "股" and found["scale"] is None and token.digit < 1:
            token.kind, token.unit = "", ""  # 1.5股 counts nothing


def _chain(low: str, token: Token, place: int) -> int:
    """1亿2000万元: the second part belongs to the number; where it ends, or 0."""
    part = _SCALE_PART.match(low, place)
    if not part or SCALES[part[2]] >= token.power:
        return 0
    token.digit = 10.0 ** (SCALES[part[2]] - token.power)
    token.value += float(part[1]) * token.digit
    rest = vocabulary.AFTER.match(low, part.end())
    if not rest["money"]:
        return part.end()
    token.kind, token.unit, token.currency = "money", "money", CURRENCY_AFTER[rest["money"]]
    return rest.end()


def _is_year(low: str, token: Token, noun: re.Match) -> bool:
    """The year of "the 2025 event": four digits before a noun in the singular."""
    digits = low[slice(*token.digits)]
    return bool(_YEAR.fullmatch(digits)) and noun["noun"] not in PEOPLE and not noun["noun"].endswith("s")


def _counted(token: Token, noun: re.Match, scale: str | None) -> None:
    """What a noun behind the number says is counted."""
    word = noun["noun"]
    singular = word if word == "people" else word.rstrip("s")
    plain = "person" if singular in PEOPLE else "count"
    token.kind, token.role = "count", "noun"
    token.unit = {"order": "order", "share": "share", "view": "view"}.get(singular, plain)
    if scale is None:
        token.end = noun.end()


def _per(low: str, token: Token) -> None:
    """Money for one share, one user: the words belong to the number."""
    found = vocabulary.PER.match(low, token.end) if token.kind == "money" else None
    if found and found["what"]:
        token.per, token.end = found["what"], found.end()


def _is_chinese(low: str, place: int) -> bool:
    return bool(_HAN.search(low, max(0, place - 12), place + 12))


def _sign(low: str, token: Token) -> None:
    """A printed plus or minus; a hyphen after a letter or a number is none."""
    for place in {token.start, token.digits[0]}:
        if place and low[place - 1] in "+-":
            before = low[place - 2 : place - 1] if place > 1 else ""
            joined = before.isascii() and (before.isalnum() or before in ("%", ")"))
            if joined and not re.search(r"(?:yoy|qoq|mom|y/y|q/q)$", low[max(0, place - 5) : place - 1]):
                continue
            if low[place - 1] == "+" or before != "-":
                token.negative = low[place - 1] == "-"
                token.start = min(token.start, place - 1)


def _may_doubt(low: str, place: int) -> bool:
    """Whether what stands before a number can end a word of doubt; most do not, and this is cheaper to see."""
    left = low[max(0, place - 14) : place].rstrip()
    last = left[-1:]
    if last.isascii():
        return left.rsplit(" ", 1)[-1] in vocabulary.DOUBTING or last in "~≈<>≥≤=.:" or left.endswith(vocabulary.DOUBTS)
    return last in vocabulary.DOUBT_ENDS


def _doubt(low: str, token: Token) -> None:
    """Words such as nearly, over, 近, 超, on either side."""
    m = _may_doubt(low, token.start)
    m = vocabulary.QUALIFIER.search(low, max(0, token.start - 20), token.start) if m else None
    if not m:
        m = vocabulary.QUALIFIER_AFTER.match(low, token.end)
    if m:
        for name, word in (("about", "about"), ("nearly", "nearly"), ("more", "at_least"), ("less", "at_most")):
            if name in m.re.groupindex and m[name]:
                token.qualifier = word
