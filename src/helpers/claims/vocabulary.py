"""The words around numbers: currencies, scales, units, doubt, direction. All in lower case, simplified characters.

Regular expressions are matched at a number, to its left (``$``) or to its right, so what they cost grows with the
numbers of a text and not with its letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from helpers.claims.characters import TO_SIMPLIFIED

_ASCII = {
    ord(big): ord(small) for big, small in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", strict=False)
}
_WIDE = {0xFF01 + i: 0x21 + i for i in range(94)} | {ord("A") + 0xFEE0 + i: ord("a") + i for i in range(26)}
_SAME = dict(zip(map(ord, "−–﹣﹢〜～∼\t"), "---+~~~|", strict=True))
FOLD = TO_SIMPLIFIED | _WIDE | _ASCII | _SAME | {0xA0: " ", 0x2009: " ", 0x202F: " ", 0xFFE5: "¥", 0x3000: " "}
"""Character by character, so that offsets stay: small letters, half width, the simplified form of what numbers need."""

CURRENCY_BEFORE = {
    "rmb": "CNY", "cny": "CNY", "cn¥": "CNY", "人民币": "CNY", "¥": "CNY",
    "us$": "USD", "u.s.$": "USD", "usd": "USD", "$": "USD", "美金": "USD", "美元": "USD",
    "hk$": "HKD", "hkd": "HKD", "港币": "HKD", "港元": "HKD", "新台币": "TWD", "台币": "TWD", "欧元": "EUR", "英镑": "GBP", "日元": "JPY", "nt$": "TWD", "ntd": "TWD", "s$": "SGD", "sg$": "SGD",
    "sgd": "SGD", "a$": "AUD", "au$": "AUD", "c$": "CAD", "r$": "BRL", "brl": "BRL", "€": "EUR", "eur": "EUR",
    "£": "GBP", "gbp": "GBP", "₩": "KRW", "krw": "KRW", "₹": "INR", "inr": "INR", "rp": "IDR", "idr": "IDR",
    "rm": "MYR", "myr": "MYR", "thb": "THB", "฿": "THB", "jpy": "JPY", "jp¥": "JPY", "php": "PHP", "vnd": "VND",
}  # fmt: skip
CURRENCY_AFTER = {
    "元人民币": "CNY", "人民币元": "CNY", "人民币": "CNY", "yuan": "CNY", "renminbi": "CNY", "rmb": "CNY", "cny": "CNY",
    "chinese yuan": "CNY", "美元": "USD", "美金": "USD", "us dollars": "USD", "u.s. dollars": "USD",
    "us dollar": "USD", "usd": "USD", "dollars": "USD", "dollar": "USD", "hong kong dollars": "HKD",
    "hk dollars": "HKD", "hkd": "HKD", "港元": "HKD", "港币": "HKD", "欧元": "EUR", "euros": "EUR", "euro": "EUR",
    "eur": "EUR", "英镑": "GBP", "pounds": "GBP", "gbp": "GBP", "日元": "JPY", "yen": "JPY", "jpy": "JPY",
    "韩元": "KRW", "won": "KRW", "krw": "KRW", "新加坡元": "SGD", "新元": "SGD", "singapore dollars": "SGD",
    "sgd": "SGD", "新台币": "TWD", "台币": "TWD", "nt dollars": "TWD", "卢比": "INR", "rupees": "INR", "泰铢": "THB",
    "baht": "THB", "林吉特": "MYR", "ringgit": "MYR", "印尼盾": "IDR", "rupiah": "IDR", "雷亚尔": "BRL", "reais": "BRL",
    "越南盾": "VND", "元": "CNY", "块钱": "CNY",
}  # fmt: skip
SCALES = {
    "hundred billion": 11, "hundred million": 8, "ten thousand": 4, "hundred thousand": 5, "trillion": 12,
    "trn": 12, "tn": 12, "billions": 9, "billion": 9, "bln": 9, "bn": 9, "millions": 6, "million": 6, "mln": 6,
    "mn": 6, "thousand": 3, "万亿": 12, "千亿": 11, "百亿": 10, "十亿": 9, "亿": 8, "千万": 7, "百万": 6, "十万": 5,
    "万": 4, "千": 3, "百": 2,
}  # fmt: skip
LETTERS = {"k": 3, "m": 6, "b": 9, "t": 12}


def any_of(words: object) -> str:
    """The words as alternatives, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def around(pattern: re.Pattern, stems: re.Pattern, low: str, *, before: int, after: int) -> Iterator[re.Match]:
    """All matches of a slow pattern, looked for only near the stems that each of them holds.

    Parameters
    ----------
    pattern, stems : Pattern
        Every match of the first holds a match of the second, at most `before` characters from its start.
    low : str
        The folded text.
    before, after : int
        How far around a stem the pattern is tried.
    """
    done = 0
    for stem in stems.finditer(low):
        if stem.end() <= done:
            continue
        at, limit = max(done, stem.start() - before), stem.end() + after
        while (found := pattern.search(low, at, limit)) is not None and found.start() < stem.end():
            yield found
            at = done = found.end()
            if done >= stem.end():
                break


_LETTER_BOUND = r"(?![a-z0-9])"
_SCALE = (
    rf"(?:(?:{any_of(w for w in SCALES if w[0].isascii())}){_LETTER_BOUND}"
    rf"|(?:万亿|千亿|百亿|十亿|亿|千万|百万|十万|万(?!能|圣)|千(?![米克瓦里兆字户])|百(?![货度分]))|[kmbt]{_LETTER_BOUND})"
)
_POINTS = r"个?百分点|个点(?!位|赞)|%?\s?(?:percentage[ -]points?|percent points?|pct\.? ?pts?|ppts?|pcts|p\.p\.|pps?(?![a-z])|pts?(?![a-z])|% ?pts?)"
_PERCENT = r"%|‰|per ?cent(?:age)?(?![a-z])|pct(?![a-z])"
_BASIS = r"个?基点|basis points?|bps?(?![a-z])"
_TIMES = r"倍|x(?![a-z0-9])|x(?= ?20[0-9]{2})|×|[ -]?fold(?![a-z])|times(?! (?:a|an|per|this|in|since|each|during|daily|last|over|and)\b)"
_MONEY = any_of(w for w in CURRENCY_AFTER if not w[0].isascii())
_MONEY_EN = any_of(w for w in CURRENCY_AFTER if w[0].isascii())
_TIME = r"分钟|minutes?(?![a-z])|mins?(?![a-z])|小时|hours?(?![a-z])|hrs?(?![a-z])|天|days?(?![a-z])"
_SPAN = r"个月|个季度|个交易日|个工作日|周年|周|年|岁|个?星期|秒|months?|weeks?|years?|quarters?|seconds?|decades?"
PEOPLE = "人次|人|名|位|粉"
_THINGS = (
    "万?家|万?款|万?场|万?次|万?件|万?单|万?台|万?辆|万?部|万?条|万?张|万?户|万?间|万?笔|万?套|万?种|万?股|万?支"
    "|万?只|万?项|万?篇|万?座|万?起|万?城|万?倍"
)
THING = r"家|款|场|次|件|单|台|辆|部|条|张|户|间|笔|套|种|股|支|只|项|篇|座|起|城|期|集"
AFTER = re.compile(
    rf"(?P<more> ?[余多几](?=[万亿千百十{'家款场次件单台辆部条张户间笔套种股支只项篇座起城个人名位元美港天'}]))?"
    rf" ?-?(?P<scale>{_SCALE})?(?P<more2>[余多](?=[元美港人家个万{'款场次件单台辆部条张户间笔套种股'}]))?"
    rf"(?P<plus>\+(?![0-9]))?"
    rf"(?: ?(?P<points>{_POINTS})| ?(?P<basis>{_BASIS})| ?(?P<percent>{_PERCENT})| ?-?(?P<times>{_TIMES})"
    rf"| ?(?P<money>{_MONEY}|(?:{_MONEY_EN})(?![a-z]))| ?(?P<time>{_TIME})"
    rf"|[ -]?(?P<span>(?:{_SPAN})(?![a-z]))| ?(?P<people>{PEOPLE})| ?(?P<thing>个(?!百|基|月)|{THING}))?"
)
PER = re.compile(
    r" ?(?:/|每|per |an? |each )(?P<what>股|ads|share|buyer|用户|人|买家|person|user|customer)(?![a-z])"
    r"|(?:/| per | a )(?P<time>天|日|月|年|day|month|year)(?![a-z])"
)
_CODES = any_of(w for w in CURRENCY_BEFORE if w[0].isascii() and w.isalpha())
BEFORE = re.compile(
    rf"(?<![a-z])(?:(?P<code>{_CODES})|(?P<land>hk|us|u\.s\.|nt|sg|s|au|a|c|r|cn|jp)?\\?(?P<symbol>[$¥€£₩₹฿])"
    r"|(?P<name>人民币|港币|美金|新台币|台币|欧元(?=[0-9]|$)|英镑|日元)) ?$"
)
ABOUT = "大约为?|约为|约合|约|大概|估计约|左右|around|about|roughly|approximately|approx\\.?|circa|some|~|≈|c\\."
NEARLY = "接近|将近|逼近|近|nearly|almost|close to|just under|just shy of|approaching|virtually"
MORE = (
    "超过|超出|超|逾|突破|冲破|破|高于|大于|多于|不低于|不少于|不下|至少|过|达?上(?=[百千万亿])|over|more than|above|exceed(?:ing|ed|s)?"
    "|at least|surpass(?:ing|ed|es)?|topp?(?:ing|ed|s)|in excess of|north of|upwards of|greater than|"
    "no less than|not less than|no fewer than|beyond|higher than|past|>|≥|>="
)
LESS = (
    "不到|不足|低于|少于|小于|不超过|不高于|至多|最多|less than|under|below|fewer than|up to|as much as|at most|"
    "no more than|not more than|as many as|within|<|≤|<="
)
QUALIFIER = re.compile(
    rf"(?:(?P<about>{ABOUT})|(?P<nearly>{NEARLY})|(?P<less>{LESS})|(?P<more>{MORE}))"
    rf"(?:了|达到|达|的| the| an?| another)?[ :]?$"
)
DOUBTING = frozenset(
    [
        "around",
        "about",
        "roughly",
        "approximately",
        "approx.",
        "circa",
        "some",
        "nearly",
        "almost",
        "to",
        "under",
        "of",
        "approaching",
        "virtually",
        "over",
        "than",
        "above",
        "exceed",
        "exceeding",
        "exceeded",
        "exceeds",
        "least",
        "surpass",
        "surpassing",
        "surpassed",
        "surpasses",
        "topping",
        "topped",
        "tops",
        "toping",
        "beyond",
        "past",
        "below",
        "as",
        "most",
        "within",
        "the",
        "a",
        "an",
        "another",
    ]
)
"""Last words of the English words of doubt."""
DOUBTS = ("c.",)
DOUBT_ENDS = frozenset("约为概计右近过出超逾破于少下至上到足多达了的≈≥≤：")
CURRENCY_ENDS = frozenset("$¥€£₩₹฿币金元镑bydrpwml")
"""Last letters of what may stand before an amount of money."""
QUALIFIER_AFTER = re.compile(
    r" ?(?:(?P<about>左右|上下|or so\b|or thereabouts)|(?P<more>以上|有余|\+(?![0-9])|or more\b|or higher\b|plus\b)|"
    r"(?P<less>以下|以内|之内|or less\b|or fewer\b|or lower\b))"
)

_FILL_ZH = r"(?:了|超过|超|逾|约|近|接近|将近|大约|幅度?|达到|高达|达|率|不到|不足|整整|[ ::])*"
FALL_OF = re.compile(r"(?:降幅|跌幅|减幅)(?:为|达到?|约|近|超过?|仅|[ :])*$")
NARROWED = re.compile(
    rf"(?:(?<!幅)收窄{_FILL_ZH}|(?<!decline )(?<!drop )(?<!fall )\bnarrow(?:ed|ing|s)(?: by)?(?: about| nearly| over)? ?)$"
)
"""A change of a rate in points is negative; a fall that narrows is none."""
DOWN_ZH = re.compile(
    r"(?:下降|下滑|下跌|蒸发|下挫|减少|降低|回落|缩减|萎缩|收缩|缩水|负增长|滑落|走低|下调|倒退|大跌|暴跌|重挫|锐减|骤降|低开|低收|收低|走弱|(?<![吃卖拿占花用])掉|"
    r"跌|(?<!费)降|(?<![增加])减|(?<!减)少|降幅|跌幅|减幅)(?:幅度?)?" + _FILL_ZH + "$"
)
_UP = "up|grew|rose|increas|growth|gain|jump|surg|climb|expand|higher|soar|add|than|to|from|while|but|and|into"
DOWN_EN = re.compile(
    r"\b(?P<word>down|fell|fall(?:en|ing|s)?|declin(?:e|ed|es|ing)|decreas(?:e|ed|es|ing)|drop(?:ped|ping|s)?|"
    r"los(?:t|ing)|slid(?:e|ing)?|slump(?:ed|ing|s)?|shrank|shrunk|shrink(?:ing|s)?|plung(?:ed|ing|es?)|"
    r"tumbl(?:ed|ing|es?)|contract(?:ed|ing)|dip(?:ped|s)?|lower|sank|reduc(?:ed|ing|tion)|crash(?:ed)?|"
    r"retreat(?:ed)?|off|eas(?:ed|ing)|weaken(?:ed)?|shed|slip(?:ped|ping|s)?|trim(?:med|ming)|contraction|negative|cut)"
    rf"(?:(?:,? (?!(?:{_UP})[a-z]*\b)[a-z][a-z0-9\-/]*){{0,3}}|(?: (?!(?:{_UP})[a-z]*\b)[a-z][a-z0-9\-/]*){{0,5}} by) ?[~≈]?$"
)
DOWN_AFTER = re.compile(
    r" ?(?:(?:yoy|qoq|mom|y/y|q/q|annual|sequential|sharp|steep|slight|further|quarterly|monthly|"
    r"year[- ](?:on|over)[- ]year|quarter[- ](?:on|over)[- ]quarter|month[- ](?:on|over)[- ]month) )*"
    r"(?:(?:declin|decreas|contraction|reduction|plunge|slump)[a-z]*|(?:drop|fall|slide|dip|lower|less|fewer)\b"
    r"|的(?:降幅|跌幅|下滑|下降|下跌|减少|降低|减幅))"
)

DIGITS = dict(zip("零〇一二两三四五六七八九", (0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=False))
TENS = {"十": 10, "百": 100, "千": 1000}
WORD_NUMBERS = dict(
    zip(
        [
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
            "thirty",
            "forty",
            "fifty",
            "sixty",
            "seventy",
            "eighty",
            "ninety",
        ],
        (*range(1, 21), 30, 40, 50, 60, 70, 80, 90),
        strict=False,
    )
)
