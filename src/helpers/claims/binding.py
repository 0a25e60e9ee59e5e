"""What a number is about: entity, metric, measure, period and basis, by the words of its sentence.

Rules are local: a clause, then its sentence, then the heading, title and first sentence. Where the words name nothing
of the closed lists, the answer is empty. What the module cannot do: follow a pronoun, or know that a company's own
quarter ends elsewhere than its year says.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date

from helpers.claims import grammar, periods, vocabulary
from helpers.claims.lexicon import SHARES, Lexicon, Mention
from helpers.claims.numbers import Token
from helpers.claims.periods import Period
from helpers.claims.record import Claim

SENTENCE = re.compile(r"[。!?;\n]+|\.(?= |$)| - ")
_ABBREVIATED = ("vs", "no", "inc", "co", "ltd", "e.g", "i.e", "mr", "ms", "u.s", "u.k", "approx")
_CLAUSE = re.compile(r",(?! ?(?:同比|环比|yoy|up\b|down\b|较|增|降|升|跌|占|a[n]? [0-9]))|[;:。\n]|\. ")
_YOY = re.compile(
    r"同比|yoy|y/y|year[- ](?:on|over)[- ]year|较(?:去年|上年)同期|compared (?:to|with) (?:the )?(?:same period|last year|a year)|from a year (?:ago|earlier)|annual(?:ly)?\b|比去年"
)
_QOQ = re.compile(r"环比|qoq|q/q|mom\b|quarter[- ](?:on|over)[- ]quarter|sequential|较上季")
_GROWTH_LEFT = re.compile(
    r"(?:增长?|增幅|增速|涨幅?|上涨|提升|上升|增加|提高|扩大|下降|下滑|下跌|减少|降低|回落|跌幅?|降幅?|收窄|多|少|萎缩)(?:率|了|为|达到?|超过?|逾|近|约|接近|将近|至少|不到|幅度?|高达|[ :])*$"
    r"|\b(?:up|down|grew|grow|grown|rose|rise|risen|rising|growth|increas(?:e|ed|es|ing)|gain(?:ed|s)?|jump(?:ed)?|surg(?:e|ed|ing)|climb(?:ed)?|"
    r"expand(?:ed)?|soar(?:ed)?|advanc(?:e|ed)|fell|fall(?:en)?|declin(?:e|ed|ing)|decreas(?:e|ed)|drop(?:ped)?|lost|slid|slump(?:ed)?|shrank|"
    r"plung(?:e|ed)|narrow(?:ed|ing)|widen(?:ed)?|improv(?:e|ed)|contract(?:ed)?|reduc(?:ed|tion))(?:,? (?!but\b|and\b|while\b)[a-z\-]+){0,3}[ ~]*(?:us\$|\$)?$"
)
_GROWTH_RIGHT = re.compile(
    r" ?(?:yoy|qoq|y/y|q/q|year[- ](?:on|over)[- ]year|同比|annual|sequential)? ?(?:的?增(?:长|幅|速)|growth|increase|rise|gain|jump|surge|decline|drop|decrease|fall|uplift|higher|lower|more\b|比上年)|% ?yoy| ?yoy"
)
_OPENED = re.compile(r"[(] ?(?:yoy|qoq|同比|环比|增长?|下降|up|down) ?$")
_COMPARED = re.compile(r"(?:较|比|相比|同|与|vs\.?|versus|than|compared (?:to|with)|against|over)(?: the)? ?$")
_BARE_RATIO = re.compile(r"(?:margin|ratio|利润率|费用率|费率|率)(?: (?:was|is|of|at))?(?:为|约|达)* ?$")
_LOST = re.compile(
    r"(?:eras(?:e|ed|ing)|wip(?:e|ed|ing)(?: out| off)?|shed(?:ding)?|蒸发|缩水)(?: (?:about|nearly|over|more than|some))? ?(?:了|约|近|超过?)*$"
)
_ASIDE = re.compile(r"[^。;\n0-9]{0,24}(?:\(|/|合|相当于|\bor\b|equivalent|i\.e\.)[^。;\n0-9]{0,40}")
_ROLE_FROM = re.compile(r"(?:\bfrom|从|由|compared (?:to|with)|较)(?: (?:about|nearly|over|around))? ?$")
_ROLE_ENDS = frozenset("mohdt至到达由从较约近过超rny")  # last letters of what the two patterns below may end with
_STARTED = re.compile(r"(?:由|从|自|\bfrom\b)[^。;]{0,12}$")
_ROLE_TO = re.compile(
    r"(?:\bto|\breach(?:ing|ed)|[增升降跌涨][长至到为]|至|到|达到?)(?: (?:about|nearly|over|around))? ?(?:约|近|超过?)?$"
)
_HEADING = re.compile(r"^#{1,4} (.{1,80})$", re.MULTILINE)
_WINDOW = re.compile(
    r"(?:within|in|over|during) (?:just |the (?:past|last) |only )?(?P<n>a|one|two|three|four|six|nine|twelve|[0-9]+)[ -](?P<what>year|month)s?"
    r"|(?P<zn>[一两二三四六九]|[0-9]+)(?P<zwhat>年|个月)(?:内|间|里|之内)"
)
_GENERIC = ("revenue", "revenues", "收入", "营收")
_TARGET_PRICE = re.compile(r"目标价|\btarget\b")
_PREVIEW = re.compile(r"preview|前瞻|业绩预测|forecast")
MARGINS = {
    "selling_and_marketing_expense": "selling_and_marketing_expense_ratio", "gross_profit": "gross_margin",
    "adjusted_net_profit": "adjusted_net_margin", "operating_profit": "operating_margin",
}  # fmt: skip
_SHARE = re.compile(
    r"占比?(?:达到?|约|近|超过?|为|总收入的?|整体的?|收入的?|gmv的?|其中)*$|占[^,。;0-9]{0,12}$|accounting for (?:nearly |over |about |almost )?$|account(?:s|ed) for (?:nearly |over |about |almost )?$|\b(?:share of|represent(?:ing|ed|s)|made up|making up|contribut(?:ed|ing)) (?:nearly |over |about )?$"
)
_SHARE_RIGHT = re.compile(
    r"(?:[^,;。.(]{0,12})? ?of (?:the )?(?:total|revenue|its revenue|group revenue|all |overall )|的?(?:收入)?占比"
)
_LAST_YEAR = re.compile(r"去年同期|上年同期|a year ago|a year earlier|(?:the )?previous year|prior year")
_RIGHT_OF = re.compile(
    r"\)?(?: \([^)]{0,40}\))?(?: (?:yoy|year[- ](?:on|over)[- ]year|quarter[- ]over[- ]quarter|annual))?(?: (?:growth|increase|rise|jump|decline|drop|decrease|surge|gain))? (?:in|of|for) (?:the )?(?:its )?(?:total |average |overall |combined )?(?:number of )?(?:the )?"
)
_BASES = ("target", "guidance", "forecast", "policy", "threshold", "computed")
"""In the order in which they hold where a clause has several."""
_BASIS = re.compile(
    r"(?P<target>目标(?!价|用户|人群|市场)|力争|计划(?:实现|达到|完成)|\btargets?\b(?! price)|\baim(?:s|ed|ing)?\b|\bgoals?\b)"
    r"|(?P<guidance>指引|业绩预告|公司预计|公司预期|\bguidance\b|\bguid(?:es|ed|ing)\b|outlook|\bcompany expects\b|\banticipates?\b|业绩预增|预增)"
    r"|(?P<forecast>预计|预测|预期(?!的?[^,。]{0,4}(?:超|高于))|有望|料将|将达|\bforecasts?\b|\bprojected?\b|\bexpect(?:s|ed)\b|\bestimates? for\b|\bpreview\b|\bestimates? (?:20|fy)|\bwill (?:be|reach|grow|rise|double|exceed|hit|total|climb|come)\b|\bprojections?\b|\b20[0-9]{2}e\b)"
    r"|(?P<policy>免佣|减免|免收|佣金率为|补贴(?:资源|政策)|费率为|\bexempt|\bwaiv(?:e|er|ed)|\bcommission[- ]free|\bsubsid|扣点)"
    r"|(?P<threshold>门槛|满足|不低于[^,。]{0,8}(?:可|方可|即可)|可申请|以上可|\bthreshold\b|\beligible\b|\bminimum of\b|\bcriteria\b|\bexceeding\b|allowing (?:creators|merchants))"
    r"|(?P<computed>测算|推算|折合|合(?:约|计)|相当于|换算|\bimpl(?:y|ies|ied)\b|\bequivalent to\b|\bcalculat|\bconverts?\b)"
)
_BASIS_STEMS = re.compile(
    "目标|力争|计划|target|aim|goal|指引|预告|公司预|guid|outlook|company expects|anticipat|预增|预计|预测|预期|有望|料将|将达|"
    "forecast|project|expect|estimate|preview|will |免佣|减免|免收|佣金率|补贴|费率|exempt|waiv|commission|subsid|扣点|门槛|"
    "满足|不低于|可申请|以上可|threshold|eligible|minimum|criteria|exceeding|allowing|测算|推算|折合|合约|合计|相当于|换算|impl|"
    "equivalent|calculat|converts"
)
REACH = 1500  # a sentence ends there at the latest, so that a text without a full stop costs no more than another
_PEOPLE = ("person", "buyer", "count", "order", "view", "interaction", "share", "household")


@dataclass(frozen=True, slots=True)
class _Heading:
    """A heading, and what it says the lines below are about."""

    start: int
    text: str
    entity: str
    words: str
    period: Period | None


@dataclass(slots=True)
class _Text:
    """A text with everything that its claims are bound to, in order."""

    text: str
    low: str
    tokens: list[Token]
    periods: list[Period]
    names: list[Mention]
    terms: list[tuple]
    cuts: list[int]
    lexicon: Lexicon
    today: date | None
    main: str
    main_words: str
    main_period: Period | None
    headings: list[_Heading]
    usual_basis: str
    published: str
    bases: list[tuple[int, int, str]]


@dataclass(slots=True)
class _Bound:
    """What the claim before was bound to, for the clause that goes on about it."""

    sentence: int = -1
    metric: str = ""
    words: str = ""
    unit: str = ""
    end: int = 0
    term_end: int = -1
    token: Token | None = None
    measure: str = ""
    period: Period | None = None


def bind(text: str, lexicon: Lexicon, *, title: str = "", published: str = "") -> list[Claim]:
    """All claims of a text with what they are about.

    Parameters
    ----------
    text : str
        One article, its title included.
    lexicon : Lexicon
    title : str
        The headline, where it is known.
    published : str
        ISO day, month or year; "" if unknown.
    """
    low = grammar.fold(text)
    tokens, named = grammar.tokens(low)
    names = lexicon.mentioned(text, low)
    cuts = [m.end() for m in SENTENCE.finditer(low) if m[0] != "." or not _is_abbreviation(low, m.start())]
    about, words = _subject(text, low, title, names, lexicon)
    named = [p for p in named if not _COMPARED.search(low, max(0, p.start - 14), p.start)]
    whole = _Text(
        text, low, tokens, named, names, lexicon.meant(text, low), cuts, lexicon, _day(published), about, words,
        None, _headings(text, low, lexicon, named), "forecast" if _PREVIEW.search(grammar.fold(title)) else "actual",
        published if len(published) == 10 else "",
        [(m.start(), m.end(), m.lastgroup) for m in vocabulary.around(_BASIS, _BASIS_STEMS, low, before=12, after=24)],
    )  # fmt: skip
    whole.main_period = _usual(whole, title)
    before, claims = _Bound(), []
    for number, token in enumerate(tokens):
        claims.append(_claim(whole, token, number, before))
    return claims


def _is_abbreviation(low: str, dot: int) -> bool:
    return low[dot - 3 : dot].lstrip(" (").endswith(_ABBREVIATED) and not low[dot - 4 : dot].isalpha()


def _day(published: str) -> date | None:
    parts = [int(p) for p in published.split("-")] if published else []
    return date(*(parts + [12, 28][len(parts) - 1 :])) if parts else None


def _headings(text: str, low: str, lexicon: Lexicon, named: list[Period]) -> list[_Heading]:
    """Lines that begin with #, each with the entity and the period that it names; the title is none of them."""
    if "# " not in text:
        return []
    found = []
    for m in _HEADING.finditer(text):
        names = lexicon.mentioned(m[1], low[m.start(1) : m.end(1)])
        inside = [p for p in named if m.start() <= p.start < m.end() and p.kind in ("quarter", "half", "nine", "year")]
        entity, words = (names[0].code, names[0].words) if names else ("", "")
        found.append(_Heading(m.start(), m[1].strip(), entity, words, inside[0] if inside else None))
    return found


def _subject(text: str, low: str, title: str, names: list[Mention], lexicon: Lexicon) -> tuple[str, str]:
    """The entity of the title, else the one that the text names most, the first of equals."""
    in_title = lexicon.mentioned(title, grammar.fold(title)) if title else []
    if not in_title:
        first = text.find("\n")
        in_title = [n for n in names if n.end <= (first if first > 0 else 0)]
    if in_title:
        return in_title[0].code, in_title[0].words
    counts: dict[str, int] = {}
    for name in names:
        counts[name.code] = counts.get(name.code, 0) + 1
    if not counts:
        return "", ""
    best = max(counts, key=counts.__getitem__)
    return best, next(n.words for n in names if n.code == best)


def _usual(whole: _Text, title: str) -> Period | None:
    """The period of the title or of the first sentences: what a sentence without a period is about."""
    own = whole.text.startswith(title) and title  # the usual case: its periods are already read
    for period in [p for p in whole.periods if p.end <= len(title)] if own else periods_of(title):
        if period.kind in ("quarter", "half", "nine", "year"):
            return period
    limit = whole.cuts[2] if len(whole.cuts) > 2 else len(whole.low)
    for period in whole.periods:
        if (period.start < limit and period.kind in ("quarter", "half", "nine")) or (
            period.kind == "year" and period.is_fiscal
        ):
            return period
    return None


def periods_of(text: str) -> list[Period]:
    """All periods that a short text names."""
    low = grammar.fold(text)
    return sorted([*grammar.numbers.scan(low)[1], *periods.in_words(low)], key=lambda p: p.start)


def _claim(whole: _Text, token: Token, number: int, before: _Bound) -> Claim:
    cut = bisect_right(whole.cuts, token.start)
    start = max(whole.cuts[cut - 1] if cut else 0, token.start - REACH)
    end = min(whole.cuts[cut] if cut < len(whole.cuts) else len(whole.low), token.end + REACH)
    value, high, half = grammar.value_of(token)
    unit = token.unit or {"money": "money", "ratio": "ratio"}.get(token.kind, "count")
    entity, entity_words, entity_weight = _entity(whole, token, start, end)
    measure = _measure(whole, token, start)
    metric, words, metric_weight, level = _metric(whole, token, start, end, unit, measure, entity, before, cut)
    if measure == "share":
        metric, measure = SHARES.get(metric, metric if level == "ratio" else ""), "level"
    elif unit == "ratio" and measure == "level" and level and level != "ratio":
        measure = _silent_growth(whole, token, metric, before)
    if unit in ("count", "person") and level in _PEOPLE and metric:
        unit = level
    if unit == "money" and level == "money_per_share" and metric:
        unit = level
    role = _role(whole, token, number, start)
    if role == "aside" and before.measure == "change":
        measure = "change"
    first, last, how = _period(whole, token, number, start, end, entity, metric, measure, role, before)
    if measure == "yoy_growth" and (level == "money_per_share" or first == last != "") and not _is_yearly(whole, token):
        measure = "growth"
    goes_on = before.sentence == cut and before.metric in MARGINS and not metric
    bare = (
        measure == "level" and unit == "ratio" and _BARE_RATIO.search(whole.low, max(0, token.start - 16), token.start)
    )
    if goes_on and bare:
        metric, words, level = MARGINS[before.metric], before.words, "ratio"
    before.sentence, before.metric, before.words, before.unit, before.end = cut, metric, words, level, token.end
    before.token, before.measure = token, measure
    period_weight = {"stated": 0.95, "inferred": 0.6}.get(how, 0.3)
    return Claim(
        start=token.start, end=token.end, printed=whole.text[token.start : token.end], value=value, value_high=high,
        unit=unit, currency=token.currency if token.kind == "money" else "", half_width=half,
        qualifier=token.qualifier, readings=tuple(token.readings), inferred=tuple(token.inferred), entity=entity,
        entity_words=entity_words, metric=metric, metric_words=words, measure=measure, period_start=first,
        period_end=last, period_basis=how, basis=_basis(whole, token, start),
        section=_section(whole, token), sentence=cut, role=role,
        series=token.series, confidence=round(entity_weight * metric_weight * period_weight, 2),
    )  # fmt: skip


def _is_yearly(whole: _Text, token: Token) -> bool:
    return bool(_YOY.search(whole.low, max(0, token.start - 24), token.end + 24))


def _role(whole: _Text, token: Token, number: int, start: int) -> str:
    low = whole.low
    if token.role in ("from", "to", "level"):
        return token.role
    last = whole.tokens[number - 1] if number else None
    if (
        last is not None
        and last.kind == token.kind == "money"
        and last.currency != token.currency
        and last.start >= start
    ) and _ASIDE.fullmatch(low, last.end, token.start):
        return "aside"
    left = low[max(start, token.start - 16) : token.start]
    if left.rstrip()[-1:] not in _ROLE_ENDS:
        return ""
    if _ROLE_FROM.search(left):
        return "from"
    return "to" if _ROLE_TO.search(left) else ""


def _section(whole: _Text, token: Token) -> str:
    heading = _heading_above(whole, token.start)
    return heading.text if heading is not None else ""


def _entity(whole: _Text, token: Token, start: int, end: int) -> tuple[str, str, float]:
    """The last entity named before the number in its sentence, else the article's own."""
    at = bisect_left(whole.names, token.start, key=lambda n: n.start) - 1
    if at >= 0 and whole.names[at].start >= start:
        name = whole.names[at]
        aside = whole.low[max(0, name.start - 12) : name.start]
        if not re.search(r"holders?: ?$|\bby $|\bvia $|来源[::]?$", aside) or not whole.main:
            return name.code, name.words, 0.95
    heading = _heading_above(whole, token.start)
    if heading is not None and heading.entity:
        return heading.entity, heading.words, 0.85
    if whole.main:
        return whole.main, whole.main_words, 0.85
    after = at + 1
    if after < len(whole.names) and whole.names[after].start < end:
        return whole.names[after].code, whole.names[after].words, 0.6
    return "", "", 0.2


def _heading_above(whole: _Text, place: int) -> _Heading | None:
    at = bisect_right(whole.headings, place, key=lambda h: h.start) - 1
    return whole.headings[at] if at >= 0 else None


def _measure(whole: _Text, token: Token, start: int) -> str:
    """Whether a ratio or a multiple is a change, a share or a level."""
    low = whole.low
    left = low[max(start, token.start - 48) : token.start]
    if token.kind in ("points", "basis"):
        return "change"
    if token.kind == "money" and _LOST.search(left):
        return "change"
    if token.kind not in ("ratio", "multiple"):
        return "level"
    if token.kind == "ratio" and (_SHARE.search(left) or _SHARE_RIGHT.match(low, token.end)):
        return "share"
    right = low[token.end : token.end + 40]
    printed_sign = low[token.start] in "+-"
    grown = (
        printed_sign
        or token.negative
        or _GROWTH_LEFT.search(left)
        or _GROWTH_RIGHT.match(low, token.end)
        or _OPENED.search(left)
    )
    if token.kind == "multiple":
        if not grown and not re.match(r"翻|doubl|tripl|trebl|quadr|quint|.*fold", low[token.start : token.end]):
            return "level"
    elif not grown:
        return "level"
    clause = left[max(left.rfind("。"), left.rfind(";"), 0) :]
    near = clause[max(clause.rfind(","), 0) :] if not printed_sign else clause
    if _QOQ.search(near[-16:]) or _QOQ.search(right[:24]):
        return "qoq_growth"
    plain = "multiple" if token.kind == "multiple" else "growth"
    window = re.search(
        r"(?:within|over|in) (?:a|one|two|three|four|six|the past|just|[0-9]+)[a-z \-]{0,12}(?:year|month|week)|since|年内|月内|个月|以来",
        low[max(start, token.start - 90) : token.end + 60],
    )
    if _YOY.search(clause[-28:]) or _YOY.search(right) or not window:
        return (
            "yoy_multiple"
            if token.kind == "multiple" and not re.match(r"翻|doubl|.*fold", low[token.start : token.end])
            else "yoy_growth"
            if plain == "growth"
            else plain
        )
    return plain


def _fits(meaning: tuple[str, str], token: Token, unit: str, measure: str) -> bool:
    """Whether a metric with this unit can be what the number says."""
    code, level = meaning
    if token.kind == "money":
        small = token.power is None and token.value < 10000
        return level == unit or (level == "money" and not code) or (level == "money_per_share" and small)
    if token.kind == "count":
        return level in _PEOPLE if unit != "rating_point" else level == "rating_point"
    if token.kind == "time":
        return level in ("minute", "hour", "day", "person") if unit == "minute" else level in ("hour", "day")
    if token.kind in ("points", "basis"):
        return level == "ratio"
    if measure == "share":
        return level in ("money", "ratio", "person", "count")
    if measure == "level" and token.kind == "ratio":
        return level == "ratio"
    return True


def _metric(whole, token, start, end, unit, measure, entity, before, cut) -> tuple[str, str, float, str]:
    """Metric, its words, how sure, and the unit of its level.

    The term right behind ("in GMV", "active consumers"), else the nearest term before the number in its sentence that
    can have such a number, else what the number before it was about.
    """
    terms, low = whole.terms, whole.low
    first = bisect_left(terms, start, key=lambda t: t[0])
    at = bisect_left(terms, token.start, key=lambda t: t[0])
    limit = min(end, token.end + 60)
    behind = [
        t
        for t in terms[at : at + 4]
        if t[0] < limit and t[1] > (token.digits[1] if token.role == "noun" else token.end)
    ]
    for term in behind:
        gap = low[token.end : term[0]] if term[0] >= token.end else ""
        direct = (
            term[0] < token.end
            or _RIGHT_OF.fullmatch(gap)
            or (
                (token.kind in ("count", "time") or token.role == "level")
                and re.fullmatch(r"[ \-]?(?:[a-z]+ ){0,2}", gap)
            )
        )
        if direct and measure != "share" and (found := _meaning(term, entity)) and _fits(found, token, unit, measure):
            return found[0], term[3], 0.9, found[1]
        break
    subject = token.start
    if measure == "share" and (said := _SHARE.search(low, max(start, token.start - 48), token.start)):
        subject = said.start()
    best, skipped = None, 0
    for term in reversed(terms[first:at]):
        if term[1] > token.start or term[0] >= subject:
            continue
        found = _meaning(term, entity)
        if _fits(found, token, unit, measure):
            best = (found, term)
            break
        skipped += 1
        if skipped > 2:
            break
    went_on = before.sentence == cut and before.token is not None
    if best is not None:
        (code, level), term = best
        gap = low[term[1] : token.start]
        plain = len(_CLAUSE.findall(gap))
        if (
            measure in ("yoy_growth", "qoq_growth", "growth", "multiple", "yoy_multiple", "change")
            and went_on
            and before.term_end >= term[1]
            and before.words
        ) and _fits((before.metric, before.unit), token, unit, measure):
            return before.metric, before.words, 0.8, before.unit
        if term[3].lower() in _GENERIC and (segment := _segment(whole, terms, first, term, entity)):
            code, level = segment
        before.term_end = term[1]
        return code, term[3], max(0.5, 0.92 - 0.12 * plain), level
    if went_on and before.words and _fits((before.metric, before.unit), token, unit, measure):
        return before.metric, before.words, 0.6, before.unit
    for term in behind:
        found = _meaning(term, entity)
        if (
            term[0] >= token.end
            and _fits(found, token, unit, measure)
            and not re.search(r"[,;:。(]", low[token.end : term[0]])
        ):
            return found[0], term[3], 0.6, found[1]
    return "", "", 0.3, ""


def _segment(whole: _Text, terms: list, first: int, term: tuple, entity: str) -> tuple[str, str] | None:
    """ "The digital marketing segment ..., with revenue of": the segment named just before has the revenue."""
    at = terms.index(term, first)
    if at == first:
        return None
    earlier = terms[at - 1]
    code, level = _meaning(earlier, entity)
    between = whole.low[earlier[1] : term[0]]
    if code not in SHARES or len(between) > 90 or any(earlier[1] < t.start < term[0] for t in whole.tokens):
        return None
    return code, level


def _meaning(term: tuple, entity: str) -> tuple[str, str]:
    return term[2].get(entity) or term[2].get("") or next(iter(term[2].values()))


def _silent_growth(whole: _Text, token: Token, metric: str, before: _Bound) -> str:
    """A bare "(20%)" or ", 15%" after a level of money or people is its growth."""
    if before.token is not None and 0 <= token.start - before.token.end <= 4:
        return "yoy_growth"
    return "level"


def _period(whole, token, number, start, end, entity, metric, measure, role, before) -> tuple[str, str, str]:
    """First and last day, and whether the sentence says so."""
    named = whole.periods
    lo = bisect_left(named, start, key=lambda p: p.start)
    hi = bisect_left(named, end, key=lambda p: p.start)
    inside = [p for p in named[lo:hi] if p.kind not in ("time",)]
    month = whole.lexicon.fiscal_ends.get(entity, 12)
    listed = [p for p in inside if p.kind == "years"]
    if listed and token.series and (years := _of_series(whole, token, number, listed[-1])):
        return f"{years}-01-01", f"{years}-12-31", "stated"
    chosen = _of_column(whole, token) or _nearest(whole, token, inside)
    if (
        chosen is not None
        and role == "to"
        and chosen.end <= token.start
        and _STARTED.search(whole.low, start, chosen.start)
    ):
        chosen = None  # the day before "from A" is A's, not B's
    if chosen is not None:
        first, last = _days_of(whole, chosen, month)
        if first:
            before.period = chosen if whole.low[chosen.start - 1 : chosen.start] != "(" else before.period
            return first, last, "stated"
    if role == "from" and (window := _months_back(whole, start, end)):
        return *periods.resolve(Period(0, 0, "ago", shift=-window), whole.today), "stated"
    heading = _heading_above(whole, token.start)
    usual = (heading.period if heading is not None else None) or whole.main_period
    if usual is not None:
        first, last = periods.resolve(usual, whole.today, month)
        if first:
            return first, last, "inferred"
    elif before.period is not None and "\n" not in whole.low[before.period.end : token.start]:
        first, last = _days_of(whole, before.period, month)
        if first and before.period.kind in ("quarter", "half", "nine", "year", "month"):
            return first, last, "inferred"
    if whole.today is not None and measure == "level" and whole.lexicon.kinds.get(metric) in ("stock", "price"):
        return whole.published, whole.published, "inferred"
    return "", "", "unknown"


def _days_of(whole: _Text, period: Period, month: int) -> tuple[str, str]:
    """Days of a period; "去年同期" and "a year earlier" are the text's own period a year before."""
    if (
        period.kind == "relative"
        and whole.main_period is not None
        and _LAST_YEAR.fullmatch(whole.low, period.start, period.end)
    ):
        days = periods.resolve(whole.main_period, _anchor(whole), month)
        return tuple(f"{int(day[:4]) - 1}{day[4:]}" for day in days) if days[0] else days
    return periods.resolve(period, _anchor(whole), month)


def _anchor(whole: _Text) -> date | None:
    """The day from which missing years are read: of publication, else the end of the main period."""
    if whole.today or whole.main_period is None or whole.main_period.year is None:
        return whole.today
    last = periods.resolve(whole.main_period, None)[1]
    return date.fromisoformat(last) if last else None


def _months_back(whole: _Text, start: int, end: int) -> int:
    """Months of "within a year", "in just three months": where the first figure of a change stood."""
    found = _WINDOW.search(whole.low, start, end) if whole.today else None
    if not found:
        return 0
    n, what = found["n"] or found["zn"], found["what"] or found["zwhat"]
    count = int(n) if n.isdigit() else periods.COUNTS.get(n, 1)
    return count * (12 if what in ("year", "年") else 1)


def _of_series(whole: _Text, token: Token, number: int, listed: Period) -> int | None:
    """The k-th number of a list belongs to the k-th year of "2024/2025/2026年"."""
    series = [i for i, t in enumerate(whole.tokens) if t.series == token.series]
    k = series.index(number) if number in series else -1
    return listed.years[k] if len(series) == len(listed.years) and k >= 0 else None


def _of_column(whole: _Text, token: Token) -> Period | None:
    """The period in the head of a cell's column."""
    if token.header is None:
        return None
    at = bisect_left(whole.periods, token.header[0], key=lambda p: p.start)
    found = whole.periods[at] if at < len(whole.periods) else None
    return found if found is not None and found.end <= token.header[1] else None


def _nearest(whole: _Text, token: Token, inside: list[Period]) -> Period | None:
    """The period right behind ("in 2020"), else the last one before, else the only one of the sentence."""
    inside = [p for p in inside if p.kind != "years"]
    if not inside:
        return None
    for period in inside:
        if period.start >= token.end:
            gap = whole.low[token.end : period.start]
            if (period.kind == "ago" and not gap.strip()) or (
                re.fullmatch(
                    r"[^0-9,;。]{0,24}?(?: ?(?:in|by|for|at|during|as of|on|since|compared to|from)(?: the| end of| mid-| early| late)? ?)",
                    gap,
                )
                and period.kind != "relative"
            ):
                return period
            break
    left = [p for p in inside if p.end <= token.start]
    if left:
        return left[-1] if left[-1].kind != "relative" or len(left) < 2 else left[-2]
    ahead = [p for p in inside if p.kind != "relative" and "(" not in whole.low[token.end : p.start]]
    return ahead[0] if len(ahead) == 1 else None


def _basis(whole: _Text, token: Token, start: int) -> str:
    """Actual unless words of the clause say otherwise, before the number or right behind it."""
    said = whole.bases
    if token.unit == "money_per_share" and _TARGET_PRICE.search(whole.low, max(start, token.start - 20), token.start):
        return "forecast"
    if not said:
        return whole.usual_basis
    low = whole.low
    begin = max(start, token.start - 70)
    cut = max(low.rfind(";", begin, token.start), low.rfind("。", begin, token.start), begin)
    stop = min(
        (p for w in (",", " and ", ";", "。") if (p := low.find(w, token.end, token.end + 24)) >= 0),
        default=token.end + 24,
    )
    found = set()
    for at in range(bisect_left(said, (cut, 0, "")), len(said)):
        where, end, name = said[at]
        if where >= stop:
            break
        if end <= token.start or (where >= token.end and name != "computed"):
            found.add(name)
    for name in _BASES:
        if name in found:
            return name
    return whole.usual_basis
