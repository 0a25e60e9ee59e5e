"""Periods and days in prose: 2024Q3, 3Q24, 2025财年四季度, 前三季度, July 23rd, 2025, 去年同期.

A period is found at a number (`at_number`) or as words (`in_words`); `helpers.claims.days` says which days it has.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from helpers.claims import vocabulary

MONTHS = {
    name[:3]: number for number, name in enumerate((m.lower() for m in calendar.month_name[1:]), 1)
}  # fmt: skip
_MONTH = "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
_QUARTERS = dict(zip("一二三四1234", (1, 2, 3, 4) * 2, strict=False))
_YEAR = r"(?:19|20)[0-9]{2}"
_END = r"(?![0-9])"

_DIGIT_FIRST = re.compile(
    rf"(?P<y1>{_YEAR})[-/.年] ?(?P<m1>1[0-2]|0?[1-9])[-/.月] ?(?P<d1>3[01]|[12][0-9]|0?[1-9])(?:日|号|{_END})"
    rf"|(?P<y2>{_YEAR}) ?年?(?:第|fy)?(?P<q2>[一二三四1-4])(?:个?季度?|q(?![a-z]))"
    rf"|(?P<y3>{_YEAR}|[0-9]{{2}})年?(?:财年|财政年度)(?:第?(?P<q3>[一二三四1-4])(?:财务?季度?|季度?)|(?P<h3>[上下])半年)?"
    rf"|(?P<y4>{_YEAR}|[0-9]{{2}})年?的?(?P<h4>[上下])半年"
    rf"|(?P<y5>{_YEAR}|[0-9]{{2}})年?前(?P<n5>三|3|九|9)(?:个?季度|个?月)"
    rf"|(?P<y6>{_YEAR}|[0-9]{{2}}) ?年?[-/']?(?P<k6>[qh])(?P<q6>[1-4]){_END}[ae]?(?![a-z])"
    rf"|(?P<q7>[1-4])(?P<k7>[qh]) ?(?:fy)?'?(?P<y7>{_YEAR}|[0-9]{{2}})?{_END}[ae]?(?![a-z])"
    rf"|(?P<n8>9)m ?'?(?P<y8>{_YEAR}|[0-9]{{2}}){_END}"
    rf"|(?P<y9>{_YEAR})年 ?(?P<m9>1[0-2]|0?[1-9])月(?:份|底|末|初)?"
    rf"|(?P<y10>{_YEAR}|[0-9]{{2}})(?:(?:[-/至~、和]|to)(?:{_YEAR}|[0-9]{{2}}))+(?:年度?|财年|e(?![a-z]))"
    rf"|(?P<y11>{_YEAR}|(?:1[5-9]|2[0-9]|3[0-5]))(?:[ae]|年(?:全年|度|末|底|初)?)(?!来|[a-z])"
    rf"|(?P<m12>1[0-2]|0?[1-9])月 ?(?P<d12>3[01]|[12][0-9]|0?[1-9])(?:日|号)"
    rf"|(?P<m13>1[0-2]|0?[1-9])月(?:份|底|末|初)?(?!活)"
    rf"|(?P<d14>3[01]|[12][0-9]|[1-9])[日号](?![活均销线])"
    rf"|(?P<d15>3[01]|[12][0-9]|0?[1-9])(?:st|nd|rd|th)? (?:of )?(?P<m15>{_MONTH})\b\.?(?:,? (?P<y15>{_YEAR}))?"
    rf"|(?P<m16>1[0-2]|0?[1-9])/(?P<d16>3[01]|[12][0-9]|0?[1-9])/(?P<y16>{_YEAR})"
    rf"|(?P<time>[0-9]{{1,2}}:[0-9]{{2}}(?::[0-9]{{2}})?|(?:[01]?[0-9]|2[0-4])[点时](?:[0-9]{{1,2}}分|半|整)?(?!间)|[0-9]{{1,2}} ?[ap]\.?m\b)"
)
_YEARS = re.compile(rf"(?:{_YEAR}|[0-9]{{2}}(?=[年e/]))")
_BARE_YEAR = re.compile(rf"{_YEAR}(?:(?:[-/~]|/)(?:{_YEAR}|[0-9]{{2}}{_END}))*{_END}(?![,.][0-9])")
_LEFT = re.compile(
    rf"(?:(?P<month>{_MONTH})\.? |(?<![a-z0-9])(?P<fy>fy|fiscal(?: year)?) ?'?|(?<![a-z0-9])(?P<kind>[qh])|财年第?)$"
)
_MONTH_BEFORE = re.compile(rf"(?<![a-z])({_MONTH})\.? ?[-'’]$")
_SHORT_YEAR = re.compile(rf"(?:1[5-9]|2[0-9]|3[0-5]){_END}")
LONGEST_SPAN = 5  # years of "2025-2027年" that a list of numbers may go through
_AFTER_BLANK = frozenset("jfmasondqhop年月'") | {""}
_NO_PERIOD = frozenset("%亿万元倍个,;)家款人次港美股台")
_LEFT_ENDS = frozenset("ynbrhlegtvcq.年第p")  # last letters of months, FY, Q, H
_AFTER_MONTH = re.compile(
    rf"(?P<day>3[01]|[12][0-9]|0?[1-9]){_END}(?:st|nd|rd|th)?(?:(?:,| of)? ?(?P<year>{_YEAR}))?|(?P<only>{_YEAR}){_END}"
)
_AFTER_KIND = re.compile(rf"(?P<n>[1-4]){_END}(?: ?(?:of |fy ?)?(?P<year>{_YEAR}|'[0-9]{{2}}|(?<=fy)[0-9]{{2}})\b)?")
_AFTER_FY = re.compile(rf"(?P<year>{_YEAR}|[0-9]{{2}}){_END}(?: ?(?P<kind>[qh])(?P<n>[1-4]))?")
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "final": 4, "last": 4}
_WORDS = re.compile(
    r"(?P<rel>去年同期|上年同期|前年同期|去年|上年|前年|今年|本年度?|明年|当年)?(?:的)?"
    r"(?:第?(?P<q>[一二三四])(?P<fq>财)?季度?(?!度)|(?P<h>[上下])半年|前(?P<n>三)个?季度|(?P<full>全年))"
    r"|(?P<rel2>去年同期|上年同期|去年|上年|前年|今年以来|今年|明年)"
    r"|(?P<this>本季度?|当季|报告期内?)"
    rf"|\b(?P<oq>first|second|third|fourth|final)[- ]quarter(?: of)?(?: (?:fy ?)?(?P<qy>{_YEAR}))?"
    rf"|\b(?P<oh>first|second)[- ]half(?: of)?(?: (?:fy ?)?(?P<hy>{_YEAR}))?"
    rf"|\bfirst (?P<nine>three quarters|nine months|six months|three months)(?: of)?(?: (?P<ny>{_YEAR}))?"
    r"|\b(?P<last>last year|a year earlier|a year ago|the previous year|previous year|prior year|next year|this year)\b"
    r"|\b(?P<quarter>(?:this|the) quarter)\b"
    rf"|\b(?:in|since|by|from|until|late|early|mid|of) (?P<month>{_MONTH})\b(?!\.? ?[0-9])"
    r"|\b(?P<ago>a|one|two|three|four|five|six|nine) months? (?:ago|earlier|prior|before)|(?P<zago>[一两二三四五六九])个月前"
    r"|(?P<opening>\b(?:beginning|start) of (?:the|this) year\b|年初)|(?P<closing>\bend of (?:the|this) year\b|年底|年末)"
)
_STEMS = re.compile(
    "季|半年|全年|去年|上年|前年|今年|明年|同期|报告期|年初|年底|年末|个月前|quarter|half|month|year|january|february|march|"
    "april| may|june|july|august|september|october|november|december"
)
COUNTS = dict(
    zip(
        ["one", "two", "three", "four", "five", "six", "nine", "一", "两", "二", "三", "四", "五", "六", "九"],
        (1, 2, 3, 4, 5, 6, 9, 1, 2, 2, 3, 4, 5, 6, 9),
        strict=False,
    )
)
_ENDED = re.compile(
    r"(?P<n>quarter|three months|six months|nine months|twelve months|(?:fiscal |financial )?year|half[- ]year) (?:end(?:ed|ing)(?: on)?|to) ?$"
)
_ENDED_ZH = re.compile(r"止?(?:的)?(?P<n>三个月|六个月|九个月|十二个月|年度|财政年度)")
_LENGTHS = {
    "quarter": 3, "three months": 3, "six months": 6, "half-year": 6, "half year": 6, "nine months": 9, "twelve months": 12,
    "year": 12, "fiscal year": 12, "financial year": 12, "三个月": 3, "六个月": 6, "九个月": 9, "十二个月": 12, "年度": 12, "财政年度": 12,
}  # fmt: skip
_QUARTER_LIST = re.compile("(?:第?[一二三四]、)+$")
_SPAN = re.compile(r" ?(?:-|至|到|~|to) ?")
_JOINED = re.compile(r",? ?(?:to|至|到|-|~|through|until) ?")


@dataclass(frozen=True, slots=True)
class Period:
    """A period or day that a text names.

    Attributes
    ----------
    start, end : int
        Where it stands in the text.
    kind : str
        year, quarter, half, nine (first nine months), month, day, years (several), relative, time.
    year, part, day : int or None
        Year; number of the quarter, half or month; day of the month.
    shift : int
        Years to add to the text's own year where none is printed: -1 for "last year".
    is_fiscal : bool
        It is a fiscal period.
    years : tuple of int
        Of "2024/2025/2026年", in their order.
    """

    start: int
    end: int
    kind: str
    year: int | None = None
    part: int | None = None
    day: int | None = None
    shift: int = 0
    is_fiscal: bool = False
    years: tuple[int, ...] = ()
    until: Period | None = None


def joined(low: str, found: list[Period]) -> list[Period]:
    """Two days or months with "to" between them as one period."""
    out: list[Period] = []
    for period in found:
        period = _ended(low, period)
        if out and out[-1].end > period.start:  # "the quarter" of "the quarter ended June 30"
            out.pop()
        last = out[-1] if out else None
        spans = last and last.until is None and last.kind == period.kind == "quarter" and last.year
        if spans and period.until is None and _SPAN.fullmatch(low, last.end, period.start):
            until = replace(period, year=period.year or last.year)
            out[-1] = replace(last, end=period.end, until=until)  # 2024年Q1-Q3
            continue
        alike = (
            last
            and last.until is None
            and period.until is None
            and last.kind in ("day", "month")
            and period.kind == last.kind
        )
        if alike and _JOINED.fullmatch(low, last.end, period.start):
            out[-1] = replace(last, end=period.end, until=period)
        else:
            out.append(period)
    return out


def _ended(low: str, period: Period) -> Period:
    """ "the quarter ended June 30, 2025", 截至2025年6月30日止六个月: the day closes a period, and the period is meant."""
    if period.kind != "day" or period.part is None:
        return period
    said = _ENDED.search(low, max(0, period.start - 34), period.start) or _ENDED_ZH.match(low, period.end)
    months = _LENGTHS.get((said["n"] or "").strip(), 0) if said else 0
    if not months:
        return period
    start, end = min(period.start, said.start()), max(period.end, said.end())
    back, first = divmod(period.part - months, 12)
    year = None if period.year is None else period.year + back
    last = replace(period, kind="month", day=None)
    return replace(period, start=start, end=end, kind="month", year=year, part=first + 1, day=None, until=last)


def _full(year: str | None) -> int | None:
    return None if not year else int(year) if len(year) == 4 else 2000 + int(year)


def at_number(low: str, place: int, end: int) -> Period | None:
    """The period that begins at, or holds, the number at ``place:end`` of a folded text; None if it is no period."""
    last = low[place - 1 : place]
    last = low[place - 2 : place - 1] if last in (" ", "'") else last
    if low[place - 1 : place] in ("-", "'", "’") and (found := _short(low, place)):
        return found
    left = _LEFT.search(low, max(0, place - 14), place) if last in _LEFT_ENDS else None
    if left and (found := _after(low, place, left)):
        return found
    found = _DIGIT_FIRST.match(low, place) if _may_begin(low, place, end) else None
    if found:
        return _from_digits(low, found)
    return None


def _short(low: str, place: int) -> Period | None:
    """Mar-25, Sept'25."""
    month, year = _MONTH_BEFORE.search(low, max(0, place - 12), place), _SHORT_YEAR.match(low, place)
    if not month or not year:
        return None
    return Period(month.start(), year.end(), "month", year=_full(year[0]), part=MONTHS[month[1][:3]])


def _may_begin(low: str, place: int, end: int) -> bool:
    """Whether what stands behind a number can belong to a period; mostly it cannot, and this is cheaper to see."""
    behind = low[end : end + 1]
    if behind == " ":
        return low[end + 1 : end + 2] in _AFTER_BLANK
    return behind not in _NO_PERIOD and not (behind == "." and end - place < 4)


def bare_year(low: str, place: int) -> Period | None:
    """A year, or several, that no unit follows."""
    found = _BARE_YEAR.match(low, place)
    if not found:
        return None
    years = _several(found[0])
    if low[max(0, place - 4) : place] in ("mid-", "mid ") and len(years) == 1:
        return Period(place - 4, found.end(), "month", year=years[0], part=6)
    kind = "year" if len(years) == 1 else "years"
    return Period(place, found.end(), kind, year=years[0], years=years)


def _several(text: str) -> tuple[int, ...]:
    years = tuple(_full(y) for y in re.findall(rf"{_YEAR}|(?<![0-9])[0-9]{{2}}(?![0-9])", text))
    is_span = len(years) == 2 and 2 <= years[1] - years[0] <= LONGEST_SPAN and re.search("[-至~]|to", text)
    return tuple(range(years[0], years[1] + 1)) if is_span else years


def _after(low: str, place: int, left: re.Match) -> Period | None:
    """A period whose digits follow a month's name, Q, H or FY."""
    begin = left.start()
    if left["month"]:
        found = _AFTER_MONTH.match(low, place)
        if not found:
            return None
        month = MONTHS[left["month"][:3]]
        if found["only"]:
            return Period(begin, found.end(), "month", year=int(found["only"]), part=month)
        return Period(begin, found.end(), "day", year=_full(found["year"]), part=month, day=int(found["day"]))
    if left["kind"]:
        found = _AFTER_KIND.match(low, place)
        kind = "quarter" if left["kind"] == "q" else "half"
        return (
            Period(begin, found.end(), kind, year=_full((found["year"] or "").lstrip("'")), part=int(found["n"]))
            if found
            else None
        )
    if left["fy"]:
        found = _AFTER_FY.match(low, place)
        if not found:
            return None
        kind = {"q": "quarter", "h": "half", None: "year"}[found["kind"]]
        part = int(found["n"]) if found["n"] else None
        return Period(begin, found.end(), kind, year=_full(found["year"]), part=part, is_fiscal=True)
    return None


def _from_digits(low: str, m: re.Match) -> Period | None:
    a, z, g = m.start(), m.end(), m.group
    if g("y1"):
        return Period(a, z, "day", year=int(g("y1")), part=int(g("m1")), day=int(g("d1")))
    if g("y2"):
        return Period(a, z, "quarter", year=int(g("y2")), part=_QUARTERS[g("q2")])
    if g("y3"):
        if g("q3"):
            return Period(a, z, "quarter", year=_full(g("y3")), part=_QUARTERS[g("q3")], is_fiscal=True)
        kind = "half" if g("h3") else "year"
        part = {"上": 1, "下": 2, None: None}[g("h3")]
        return Period(a, z, kind, year=_full(g("y3")), part=part, is_fiscal=True)
    if g("y4"):
        return Period(a, z, "half", year=_full(g("y4")), part=1 if g("h4") == "上" else 2)
    if g("y5"):
        return Period(a, z, "nine", year=_full(g("y5")))
    for year, kind, number in (("y6", "k6", "q6"), ("y7", "k7", "q7")):
        if g(kind):
            what = "quarter" if g(kind) == "q" else "half"
            part = int(g(number))
            return Period(a, z, what, year=_full(g(year)), part=part) if what == "quarter" or part < 3 else None
    if g("y8"):
        return Period(a, z, "nine", year=_full(g("y8")))
    if g("y9"):
        return Period(a, z, "month", year=int(g("y9")), part=int(g("m9")))
    if g("y10"):
        years = _several(m[0])
        return Period(a, z, "years", year=years[0], years=years)
    if g("y11"):
        return Period(a, z, "year", year=_full(g("y11")))
    if g("m12"):
        return Period(a, z, "day", part=int(g("m12")), day=int(g("d12")))
    if g("m13"):
        return Period(a, z, "month", part=int(g("m13")))
    if g("d14"):
        return Period(a, z, "day", day=int(g("d14")))
    if g("m15"):
        return Period(a, z, "day", year=_full(g("y15")), part=MONTHS[g("m15")[:3]], day=int(g("d15")))
    if g("m16"):
        return Period(a, z, "day", year=int(g("y16")), part=int(g("m16")), day=int(g("d16")))
    return Period(a, z, "time")


def in_words(low: str) -> Iterator[Period]:
    """Periods without digits, and ordinals: 去年, 前三季度, third quarter of 2024."""
    for m in vocabulary.around(_WORDS, _STEMS, low, before=26, after=30):
        g = m.group
        shift = {"去": -1, "上": -1, "前": -2, "明": 1}.get((g("rel") or g("rel2") or " ")[0], 0)
        if g("rel2"):
            yield Period(m.start(), m.end(), "relative", shift=shift)
        elif g("this") or g("quarter"):
            yield Period(m.start(), m.end(), "this")
        elif g("month"):
            yield Period(m.start("month"), m.end(), "month", part=MONTHS[g("month")[:3]])
        elif g("ago") or g("zago"):
            months = COUNTS.get(g("ago") or g("zago"), 1)
            yield Period(m.start(), m.end(), "ago", shift=-months)
        elif g("opening") or g("closing"):
            yield Period(m.start(), m.end(), "month", part=1 if g("opening") else 12, shift=0)
        elif g("last"):
            shift = 1 if g("last").startswith("next") else 0 if g("last").startswith("this") else -1
            yield Period(m.start(), m.end(), "relative", shift=shift)
        elif g("oq"):
            yield Period(m.start(), m.end(), "quarter", year=_full(g("qy")), part=_ORDINALS[g("oq")])
        elif g("oh"):
            yield Period(m.start(), m.end(), "half", year=_full(g("hy")), part=_ORDINALS[g("oh")])
        elif g("nine"):
            kind, part = {"six months": ("half", 1), "three months": ("quarter", 1)}.get(g("nine"), ("nine", None))
            yield Period(m.start(), m.end(), kind, year=_full(g("ny")), part=part)
        elif g("q"):
            yield from _listed(low, m, shift)
            yield Period(m.start(), m.end(), "quarter", part=_QUARTERS[g("q")], shift=shift, is_fiscal=bool(g("fq")))
        elif g("h"):
            yield Period(m.start(), m.end(), "half", part=1 if g("h") == "上" else 2, shift=shift)
        elif g("n"):
            yield Period(m.start(), m.end(), "nine", shift=shift)
        else:
            yield Period(m.start(), m.end(), "year", shift=shift)


def _listed(low: str, m: re.Match, shift: int) -> Iterator[Period]:
    """The quarters before the last of 第一、二、三季度."""
    row = _QUARTER_LIST.search(low, max(0, m.start() - 10), m.start())
    for numeral in re.finditer("[一二三四]", row[0]) if row else ():
        place = row.start() + numeral.start()
        yield Period(place, place + 1, "quarter", part=_QUARTERS[numeral[0]], shift=shift)
