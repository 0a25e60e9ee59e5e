"""Whether a number is a level, a share or a change, and of what kind: by the words right before and behind it."""

from __future__ import annotations

import re

from helpers.claims.context import Bound, Text
from helpers.claims.numbers import Token

_YOY = re.compile(
    r"同比|yoy|y/y|year[- ](?:on|over)[- ]year|较(?:去年|上年)同期|compared (?:to|with) (?:the )?(?:same period|last year|a year)|from a year (?:ago|earlier)|annual(?:ly)?\b|比去年"
)
QOQ = re.compile(r"环比|qoq|q/q|mom\b|quarter[- ](?:on|over)[- ]quarter|sequential|较上季")
_GROWTH_LEFT = re.compile(
    r"(?:增长?|增幅|增速|涨幅?|上涨|提升|上升|增加|提高|扩大|下降|下滑|下跌|减少|降低|回落|跌幅?|降幅?|收窄|多|少|萎缩)(?:率|了|为|达到?|超过?|逾|近|约|接近|将近|至少|不到|幅度?|高达|[ :])*$"
    r"|\b(?:up|down|grew|grow|grown|rose|rise|risen|rising|growth|increas(?:e|ed|es|ing)|gain(?:ed|s)?|jump(?:ed)?|surg(?:e|ed|ing)|climb(?:ed)?|"
    r"expand(?:ed)?|soar(?:ed)?|advanc(?:e|ed)|fell|fall(?:en)?|declin(?:e|ed|ing)|decreas(?:e|ed)|drop(?:ped)?|lost|slid|slump(?:ed)?|shrank|"
    r"plung(?:e|ed)|narrow(?:ed|ing)|widen(?:ed)?|improv(?:e|ed)|contract(?:ed)?|reduc(?:ed|tion))(?:,? (?!but\b|and\b|while\b)[a-z\-]+){0,3}[ ~]*(?:us\$|\$)?$"
)
_GROWTH_RIGHT = re.compile(
    r" ?(?:yoy|qoq|y/y|q/q|year[- ](?:on|over)[- ]year|同比|annual|sequential)? ?(?:的?增(?:长|幅|速)|growth|increase|rise|gain|jump|surge|decline|drop|decrease|fall|uplift|higher|lower|more\b|比上年)|% ?yoy| ?yoy"
)
_GROWTH_OF = re.compile(r" (?!of|in|and|to|the )(?:[a-z\-]+ ){1,3}(?:growth|increase|rise|decline)\b")
_EITHER = re.compile(rf" ?(?:{_YOY.pattern}|{QOQ.pattern})")
_COMPOUND = re.compile(r"(?:复合|年均)[^,。;]{0,10}$|\bcagr\b[^,;]{0,8}$| ?(?:compound|cagr)")
_GROWTH_HEAD = re.compile(r"同比|yoy|y/y|增速|增幅|增长率|growth|% ?change|\bchange\b|变动")
_REACHED = re.compile(r"(?:\bto|\bfrom|至|到|为)(?: (?:about|nearly|over|around))?(?:约|近|超过?)? ?$")
_TIMES_WORD = re.compile(r"翻|doubl|tripl|trebl|quadr|quint|[0-9.,a-z]*[ -]?fold")
_TIMES_OF = re.compile(r"[是为达][^,。;]{0,30}的$")
_OVER = re.compile(
    r"(?:within|over|in) (?:a|one|two|three|four|six|the past|just|[0-9]+)[a-z \-]{0,12}(?:year|month|week)|since"
    r"|年内|月内|个月|以来"
)
_OPENED = re.compile(r"[(] ?(?:yoy|qoq|同比|环比|增长?|下降|up|down) ?$")
BARE_RATIO = re.compile(r"(?:margin|ratio|利润率|费用率|费率|率)(?: (?:was|is|of|at))?(?:为|约|达)* ?$")
_LOST = re.compile(
    r"(?:eras(?:e|ed|ing)|wip(?:e|ed|ing)(?: out| off)?|shed(?:ding)?|蒸发|缩水)(?: (?:about|nearly|over|more than|some))? ?(?:了|约|近|超过?)*$"
)
SHARE = re.compile(
    r"占比?(?:达到?|约|近|超过?|为|总收入的?|整体的?|收入的?|gmv的?|其中)*$|占[^,。;0-9]{0,12}$|accounting for (?:nearly |over |about |almost )?$|account(?:s|ed) for (?:nearly |over |about |almost )?$|\b(?:share of|represent(?:ing|ed|s)|made up|making up|contribut(?:ed|ing)) (?:nearly |over |about )?$"
)
_SHARE_RIGHT = re.compile(
    r"(?:[^,;。.(]{0,12})? ?of (?:the )?(?:total|revenue|its revenue|group revenue|all |overall )|的?(?:收入)?占比"
)


def measure_of(whole: Text, token: Token, start: int) -> str:
    """Whether a ratio or a multiple is a change, a share or a level."""
    low = whole.low
    left = low[max(start, token.start - 48) : token.start]
    if token.kind in ("points", "basis") or (token.kind == "money" and _LOST.search(left)):
        return "change"
    if token.kind not in ("ratio", "multiple"):
        return "level"
    if token.kind == "ratio" and token.header and _GROWTH_HEAD.search(low, *token.header):
        return "yoy_growth"
    if token.kind == "ratio" and (SHARE.search(left) or _SHARE_RIGHT.match(low, token.end)):
        return "share"
    if _COMPOUND.search(left) or _COMPOUND.match(low, token.end):
        return "growth"
    if not _is_grown(low, token, left):
        return "level"
    return _kind_of_change(low, token, left, start)


def _is_grown(low: str, token: Token, left: str) -> bool:
    """Whether the words around a number make it a change; "rose to 30 %" is a level."""
    if low[token.start] in "+-" or token.negative:
        return True
    if token.kind == "ratio" and _REACHED.search(left):
        return False
    if token.kind == "multiple" and (_TIMES_WORD.match(low, token.start) or _TIMES_OF.search(left)):
        return True
    around = _GROWTH_LEFT.search(left) or _OPENED.search(left)
    return bool(around or _GROWTH_RIGHT.match(low, token.end) or _GROWTH_OF.match(low, token.end))


def _kind_of_change(low: str, token: Token, left: str, start: int) -> str:
    """On the quarter, on the year, or over a window that the sentence names."""
    right = low[token.end : token.end + 40]
    clause = left[max(left.rfind("。"), left.rfind(";"), 0) :]
    near = clause if low[token.start] in "+-" else clause[max(clause.rfind(","), 0) :]
    before, behind = list(_EITHER.finditer(near[-20:])), _EITHER.match(right)
    said = before[-1] if before else behind
    if said and QOQ.fullmatch(said[0]):
        return "qoq_growth"
    yearly = _YOY.search(clause[-28:]) or _YOY.search(right)
    over_window = _OVER.search(low, max(start, token.start - 90), token.end + 60)
    if token.kind == "multiple":
        plain = _TIMES_WORD.match(low, token.start) or _TIMES_OF.search(left) or (over_window and not yearly)
        return "multiple" if plain else "yoy_multiple"
    return "growth" if over_window and not yearly else "yoy_growth"


def silent_growth(whole: Text, token: Token, metric: str, before: Bound) -> str:
    """A bare "(20%)" or ", 15%" after a level of money or people is its growth."""
    if before.token is not None and 0 <= token.start - before.token.end <= 4:
        return "yoy_growth"
    return "level"


def is_yearly(whole: Text, token: Token) -> bool:
    return bool(_YOY.search(whole.low, max(0, token.start - 24), token.end + 24))
