"""Numbers in prose: hand-worked values, what is no claim, both readings of ambiguous words, laws."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import claims

ANY = object()


def found(text: str) -> list[tuple]:
    """Value, upper end, unit, currency of each claim."""
    return [(c.value, c.value_high, c.unit, c.currency) for c in claims.read(text)]


@pytest.mark.parametrize(
    ("text", "value", "unit", "currency"),
    [
        ("收入311亿元", 31.1e9, "money", "CNY"),
        ("收入618亿元", 61.8e9, "money", "CNY"),
        ("用户618万", 6.18e6, "count", ""),
        ("成交额3.42万亿元", 3.42e12, "money", "CNY"),
        ("日均消耗2000万元", 2e7, "money", "CNY"),
        ("融资1亿2000万美元", 1.2e8, "money", "USD"),
        ("融资3亿5千万元", 3.5e8, "money", "CNY"),
        ("营收３１１億元", 31.1e9, "money", "CNY"),
        ("人民币26亿", 2.6e9, "money", "CNY"),
        ("revenue of RMB305.3 billion", 305.3e9, "money", "CNY"),
        ("Rmb1m", 1e6, "money", "CNY"),
        ("a fine of US$3.2bn", 3.2e9, "money", "USD"),
        (r"HK\$80.00", 80, "money", "HKD"),
        ("HK$313.3 billion", 313.3e9, "money", "HKD"),
        ("NT$1.2 billion", 1.2e9, "money", "TWD"),
        ("€45mn", 45e6, "money", "EUR"),
        ("$5.6M of sales", 5.6e6, "money", "USD"),
        ("3.5 trillion RMB", 3.5e12, "money", "CNY"),
        ("half a million yuan", 5e5, "money", "CNY"),
        ("three hundred million dollars", 3e8, "money", "USD"),
        ("1.2 hundred million yuan", 1.2e8, "money", "CNY"),
        ("DAU 4.08亿", 4.08e8, "count", ""),
        ("409 million users", 4.09e8, "person", ""),
        ("超160款商品", 160, "count", ""),
        ("同比增长11.4%", 0.114, "ratio", ""),
        ("25.6 per cent", 0.256, "ratio", ""),
        ("手续费率6‰", 0.006, "ratio", ""),
        ("同比升2.6pcts", 2.6, "percentage_point", ""),
        ("提升0.03个百分点", 0.03, "percentage_point", ""),
        ("净利率28%,升3pct", 3, "percentage_point", ""),
        ("widened by 45 basis points", 0.45, "percentage_point", ""),
        ("up 1.5 percentage points", 1.5, "percentage_point", ""),
        ("市盈率15.2倍", 15.2, "multiple", ""),
        ("trades at 3.2x sales", 3.2, "multiple", ""),
        ("a fourfold rise", 4, "multiple", ""),
        ("nearly 4000-fold", 4000, "multiple", ""),
        ("利润翻倍", 2, "multiple", ""),
        ("收入翻两番", 4, "multiple", ""),
        ("profit tripled", 3, "multiple", ""),
        ("股价腰斩", -0.5, "ratio", ""),
        ("占比近三成", 0.3, "ratio", ""),
        ("百分之三十五", 0.35, "ratio", ""),
        ("two-thirds of orders", 2 / 3, "ratio", ""),
        ("more than half of buyers", 0.5, "ratio", ""),
        ("人均每天使用132分钟", 132, "minute", ""),
        ("average follower growth of nearly 40,000", 40000, "count", ""),
    ],
)
def test_a_number_by_hand(text, value, unit, currency):
    last = claims.read(text)[-1]
    assert (last.value, last.unit, last.currency) == (pytest.approx(value, rel=1e-12), unit, currency)
    assert text[last.start : last.end] == last.printed


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("日销750万元至1000万元", 7.5e6, 1e7),
        ("投入3-5亿元", 3e8, 5e8),
        ("佣金3%-10%", 0.03, 0.1),
        ("增长20-30%", 0.2, 0.3),
        ("$3-5 billion of sales", 3e9, 5e9),
        ("between 208.74 million and 222.21 million yuan", 208.74e6, 222.21e6),
        ("二三十亿元", 2e9, 3e9),
        ("投资七八千万元", 7e7, 8e7),
        ("3亿-5亿元", 3e8, 5e8),
    ],
)
def test_a_range(text, low, high):
    (claim,) = claims.read(text)
    assert (claim.value, claim.value_high) == (pytest.approx(low), pytest.approx(high))


def test_from_a_to_b_is_a_change_and_a_to_b_a_range():
    change = claims.read("the value rose from $26 billion to $31 billion")
    assert [(c.value, c.value_high, c.role) for c in change] == [(26e9, None, "from"), (31e9, None, "to")]
    (span,) = claims.read("profit of 26 million to 31 million yuan")
    assert (span.value, span.value_high) == (26e6, 31e6)


@pytest.mark.parametrize(
    ("text", "values", "unit", "currency"),
    [
        ("净利润为177/226/302亿元", [17.7e9, 22.6e9, 30.2e9], "money", "CNY"),
        ("5.4、6.1和7.0亿元", [5.4e8, 6.1e8, 7e8], "money", "CNY"),
        ("177, 226 and 302 million yuan", [177e6, 226e6, 302e6], "money", "CNY"),
        ("RMB 17.7/22.6/30.2 billion", [17.7e9, 22.6e9, 30.2e9], "money", "CNY"),
        ("分别下降12.1%、13.0%和14.2%", [-0.121, -0.13, -0.142], "ratio", ""),
    ],
)
def test_a_list_shares_its_unit(text, values, unit, currency):
    rows = claims.read(text)
    assert [c.value for c in rows] == pytest.approx(values)
    assert {(c.unit, c.currency) for c in rows} == {(unit, currency)}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("同比下降3.9%", -0.039),
        ("下滑近30%", -0.3),
        ("同比-6.9%", -0.069),
        ("费用率降0.6pcts", -0.6),
        ("shares lost 25.6%", -0.256),
        ("down about 4%", -0.04),
        ("a 12% decline", -0.12),
        ("fell by nearly 30%", -0.3),
        ("yoy+315%", 3.15),
        ("fell to 3.9%", 0.039),
        ("降至12%", 0.12),
        ("亏损收窄75.9%", 0.759),
        ("亏损1.5亿元", 1.5e8),
        ("较上年同期少5.4%", -0.054),
        ("较上年同期多5.4%", 0.054),
        ("股价低开4.8%", -0.048),
        ("margins were slipping 0.2 percentage points", -0.2),
        ("毛利率收窄2.1个百分点", -2.1),
        ("跌幅收窄2.1个百分点", 2.1),
        ("the margin narrowed by 2.1 percentage points", -2.1),
    ],
)
def test_the_sign_that_a_verb_gives(text, value):
    assert claims.read(text)[-1].value == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "qualifier"),
    [
        ("增幅超过50%", "at_least"), ("近4亿元", "nearly"), ("约7%", "about"), ("不到20%", "at_most"),
        ("20%左右", "about"), ("300余家商家", "at_least"), ("1000多万用户", "at_least"), ("over 85% of buyers", "at_least"),
        ("nearly 400 million yuan", "nearly"), ("up to $5 million", "at_most"), ("around 7%", "about"), ("300+ brands", "at_least"),
        ("30%以上", "at_least"), ("12%", ""),
    ],
)  # fmt: skip
def test_words_of_doubt(text, qualifier):
    assert claims.read(text)[0].qualifier == qualifier


@pytest.mark.parametrize(
    "text",
    [
        "2024年12月31日", "2024Q3", "Q3 2024", "3Q24", "2025财年四季度", "July 23rd, 2025", "10:50", "8月19日",
        "前三季度", "in the two weeks from May 31 to June 14", "a 52-week high", "[3][4]", "增长[12]", "1024.HK", "(HKEX: 1024)",
        "双11", "618大促", "Double 11", "百亿补贴", "万人团", "“百亿费用减免计划”", "Million Commission-Free Plan", "第三", "Top 10",
        "1080p", "5G", "可灵2.0", "C2M", "GPT-4", "18-24岁", "a 35-year-old", "90后用户", "1. Overview of markets", "链动3+1",
        "500强", "百万级直播间", "double-digit", "收入为1" + "0" * 400 + "元", "3兆元", "$5mm", "RMB3,4212 million",
    ],
)  # fmt: skip
def test_what_is_no_claim(text):
    assert found(text) == []


def test_a_table_takes_its_scale_from_the_note_and_its_signs_from_brackets():
    text = (
        "RMB million | Q3 2024 | Q3 2023 | YoY %\nRevenue | 31,131 | 27,948 | 11.4\n"
        "Overseas operating profit | (153) | (635) | -\nGross margin (%) | 54.3 | 51.7 |\nDAU (million) | 408 | 387 | 5.4\n"
    )
    rows = claims.read(text)
    assert [(c.value, c.unit, c.currency) for c in rows] == [
        (pytest.approx(v), unit, currency)
        for v, unit, currency in [
            (31131e6, "money", "CNY"), (27948e6, "money", "CNY"), (0.114, "ratio", ""), (-153e6, "money", "CNY"),
            (-635e6, "money", "CNY"), (0.543, "ratio", ""), (0.517, "ratio", ""), (408e6, "count", ""), (387e6, "count", ""),
            (0.054, "ratio", ""),
        ]
    ]  # fmt: skip
    assert all("scale" in c.inferred or "unit" in c.inferred for c in rows)


def test_a_chinese_table_with_its_unit_above():
    rows = claims.read("单位:亿元\n项目 | 2024 | 2023\n收入 | 1,269.0 | 1,134.7\n净亏损 | (12.5) | 64.0\n")
    assert [c.value for c in rows] == pytest.approx([126.9e9, 113.47e9, -1.25e9, 6.4e9])
    assert {c.currency for c in rows} == {"CNY"}


def test_brackets_in_prose_are_no_minus():
    assert [c.value for c in claims.read("HK$5 billion ($64 million)")] == [5e9, 64e6]


@pytest.mark.parametrize("text", ["线索同比增长1.6倍", "a 1.6 times increase in rooms"])
def test_both_readings_of_a_multiple_are_kept(text):
    (claim,) = claims.read(text)
    assert claim.value == 1.6
    assert [(value, unit) for _, value, unit in claim.readings] == [(2.6, "multiple")]


def test_points_printed_as_per_cent_keep_the_other_reading():
    _first, second = claims.read("利润率约7%,环比提升约3%")
    assert (second.value, second.unit) == (3, "percentage_point")
    assert [(value, unit) for _, value, unit in second.readings] == [(0.03, "ratio")]


def test_a_level_in_words_counts_only_where_it_sizes_an_amount():
    (claim,) = claims.read("投入亿级平台补贴")
    assert (claim.value, claim.role) == (1e8, "level")
    (claim,) = claims.read("backed by billion-level platform subsidies")
    assert (claim.value, claim.role) == (1e9, "level")
    assert claims.read("million-level live-streaming rooms") == []


@pytest.mark.parametrize(
    ("text", "half"),
    [
        ("1.3 billion yuan", 5e7),
        ("19%", 0.005),
        ("11.40%", 0.00005),
        ("$25 per share", 0.5),
        ("2.6pcts", 0.05),
        ("doubled", 0.05),
    ],
)
def test_half_of_the_last_printed_digit(text, half):
    assert claims.read(text)[0].half_width == pytest.approx(half)


def test_inferred_currency_is_said():
    (claim,) = claims.read("海外收入13亿")
    assert (claim.unit, claim.currency) == ("money", "CNY")
    assert {"unit", "currency"} <= set(claim.inferred)


def test_small_amounts_after_a_price_are_prices():
    rows = claims.read("The option grant price went from $13.5 in March to $18 in June.")
    assert {c.unit for c in rows} == {"money_per_share"}


@given(
    st.integers(1, 9999),
    st.sampled_from([("亿元", 1e8), ("万元", 1e4), (" million yuan", 1e6), (" billion yuan", 1e9), ("bn yuan", 1e9)]),
)
def test_scale_is_a_factor(number, scale):
    word, factor = scale
    (claim,) = claims.read(f"收入{number}{word}")
    assert claim.value == pytest.approx(number * factor, rel=1e-12)
    assert claim.half_width == pytest.approx(factor / 2)


@given(st.text(alphabet="0123456789.,%-+$()亿万元至和/ abk年月Q", max_size=60))
def test_any_text_is_read_and_every_claim_stands_in_it(text):
    for claim in claims.read(text):
        assert text[claim.start : claim.end] == claim.printed
        assert claim.value_high is None or claim.value_high >= claim.value


@given(st.text(max_size=80))
def test_any_characters(text):
    places = [(c.start, c.end) for c in claims.read(text)]
    assert places == sorted(places)


def test_a_sentence_between_others_means_the_same():
    """What stands in other paragraphs does not change the value, unit or currency of a number that says its own."""
    sentences = [
        "收入311亿元,同比增长11.4%。",
        "GMV was 358.9 billion yuan, up 17.6%.",
        "净利润亏损1.5亿元。",
        "Shares fell 3% to HK$53.7.",
    ]
    alone = {s: found(s) for s in sentences}
    order = random.Random(1)
    for _ in range(10):
        order.shuffle(sentences)
        assert found("\n\n".join(sentences)) == [row for s in sentences for row in alone[s]]


def test_a_change_and_the_level_it_leads_to_are_two_claims():
    found = claims.read("Term investments fell by $290 million to $2.06 billion.")
    assert [claim.value for claim in found] == [-290e6, 2.06e9]


def test_a_shopping_day_after_a_comma_is_no_number():
    assert [claim.printed for claim in claims.read("广告是亮点,618期间新客率超过60%")] == ["60%"]


def test_a_size_in_words_is_not_a_count_times_it():
    assert claims.read("There are twelve billion-level sellers.") == []


@pytest.mark.parametrize(
    ("text", "value", "unit", "currency"),
    [
        ("It earned 5 cents a share.", 0.05, "money_per_share", "USD"), ("每股12港仙", 0.12, "money", "HKD"),
        ("up from 3 US cents", 0.03, "money", "USD"), ("成交破千万的商家增长", 1e7, "money", "CNY"),
        ("获赞破千万", 1e7, "count", ""),
    ],
)  # fmt: skip
def test_small_coins_and_round_sums(text, value, unit, currency):
    (claim,) = claims.read(text)
    assert (claim.value, claim.unit, claim.currency) == (pytest.approx(value), unit, currency)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("换算汇率为1美元兑7.12元。", [7.12]), ("Translated at RMB7.12 to US$1.00.", [7.12]),
        ("the 2025 event drew 2,025 merchants", [2025]), ("2025 campaign", []),
        ("we cut our FY25E reported EPS by 3%", [-0.03]), ("直播间贡献了近半成交额", [0.5]), ("亏损收窄一半至1.08亿元", [-0.5, 1.08e8]),
        ("shares are up nearly half this year", [0.5]), ("shares are down about a third this year", [-1 / 3]),
        ("twice the 1.7 million of May", [2.0, 1.7e6]),
    ],
)  # fmt: skip
def test_halves_rates_and_years(text, values):
    assert [c.value for c in claims.read(text)] == pytest.approx(values)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("富邦媒營收新台幣262.4億元,去年同期為268.6億元,占3.62兆元的市場", [(2.624e10, "TWD"), (2.686e10, "TWD"), (3.62e12, "TWD")]),
        ("快手目标价98港元,收入355亿元", [(98, "HKD"), (3.55e10, "CNY")]),
        ("市场共7.2万亿元,抖音3.19万亿,快手1.29万亿", [(7.2e12, "CNY"), (3.19e12, "CNY"), (1.29e12, "CNY")]),
    ],
)  # fmt: skip
def test_whose_money_a_text_means(text, rows):
    assert [(c.value, c.currency) for c in claims.read(text)] == rows


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("One in four of you told us", [0.25]), ("nine in ten members renew", [0.9]), ("three-quarters have not", [0.75]),
        ("She spent half of the 7,200 yuan", [0.5, 7200]), ("in the first half of the year", []),
        ("the fleet exceeded 150,000.", [150000]), ("吃掉65.1%", [0.651]), ("播放量3万亿", [3e12]),
    ],
)  # fmt: skip
def test_fractions_and_plain_counts(text, values):
    assert [c.value for c in claims.read(text)] == pytest.approx(values)


def test_views_are_no_money_however_many():
    assert claims.read("播放量3万亿")[0].unit == "count"


def test_a_table_of_multiples_and_columns_with_their_own_money():
    table = "JD (RMB bn)\n| | 2Q25A | 2025E | 2025E US$ |\n|---|---|---|---|\n| Revenue | 356.7 | 1,328.0 | 184.4 |\n| P/E (x) | 12.7 | 8.6 | 6.7 |\n"
    rows = [(c.value, c.unit, c.currency) for c in claims.read(table)]
    assert rows[:3] == [(3.567e11, "money", "CNY"), (1.328e12, "money", "CNY"), (1.844e11, "money", "USD")]
    assert rows[3:] == [(12.7, "multiple", ""), (8.6, "multiple", ""), (6.7, "multiple", "")]
