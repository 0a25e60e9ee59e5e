"""What a number rests on: a fact, guidance, a forecast, a target, a policy, a threshold, the source's own sum."""

from __future__ import annotations

import re
from bisect import bisect_left

from helpers.claims import vocabulary
from helpers.claims.context import Text
from helpers.claims.numbers import Token

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
_TARGET_PRICE = re.compile(r"目标价|\btarget\b")


def basis_of(whole: Text, token: Token, start: int) -> str:
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
        (p for w in (",", " and ", ";", "。", ". ") if (p := low.find(w, token.end, token.end + 24)) >= 0),
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


def mentions(low: str) -> list[tuple[int, int, str]]:
    """Where a folded text says that numbers are expected, aimed at, ruled or computed."""
    found = vocabulary.around(_BASIS, _BASIS_STEMS, low, before=12, after=24)
    return [(m.start(), m.end(), m.lastgroup) for m in found]
