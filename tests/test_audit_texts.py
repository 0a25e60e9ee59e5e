"""The audit of claims: hand-worked contradictions, what must not be flagged, and the ledger beside it."""

import pandas as pd
import pytest

from helpers import audit, claims, ledger, lexicon

BOOK = ledger.load()
ALARMS = ["inconsistent", "implausible"]


def table(*texts: str, published: str = "2025-10-21") -> pd.DataFrame:
    """Claims of several articles, each with its own document."""
    frames = []
    for number, text in enumerate(texts):
        title = text.split("\n")[0]
        found = claims.table(claims.read(text, lexicon=lexicon.words(), title=title, published=published))
        frames.append(found.assign(doc_id=f"d{number}", claim_id=[f"d{number}-{start}" for start in found["start"]]))
    return pd.concat(frames, ignore_index=True).assign(published=published, kind="digest", trust=8)


def judged(*texts: str, facts=None, published: str = "2025-10-21") -> audit.Audit:
    homes = BOOK.entities["reporting_currency"].to_dict()
    return audit.texts(
        table(*texts, published=published), **BOOK.rules, ratios=lexicon.ratios(BOOK), homes=homes, facts=facts
    )


def alarms(*texts: str, **more) -> list[tuple[str, str]]:
    found = judged(*texts, **more).verdicts
    found = found[found["verdict"].isin(ALARMS)]
    return list(zip(found["verdict"], found["rule"], strict=True))


def test_a_stated_change_against_the_levels_of_its_sentence_by_hand():
    """31 / 26 = 1.1923; 3 / 0.5 = 6 and not 2."""
    right = judged("Xiaohongshu's valuation rose from $26 billion to $31 billion, up 19%.").verdicts.iloc[0]
    assert (right["verdict"], right["rule"]) == ("consistent", "stated change")
    assert "USD 31 billion over USD 26 billion is +19.2%; stated +19.0%" in right["text"]
    wrong = judged(
        "Xiaohongshu had net profit of $500 million in 2023 and will double it to a net profit of $3 billion in 2025."
    ).verdicts.iloc[0]
    assert (wrong["verdict"], wrong["rule"]) == ("inconsistent", "stated change")
    assert "is 6 times; stated 2 times" in wrong["text"]
    assert wrong["doubted"] == wrong["fact_ids"][:1]


@pytest.mark.parametrize(
    "text",
    [
        "Xiaohongshu's valuation climbed from $170 billion to $310 billion, an increase of over 82%.",
        "快手GMV由2018年的9600万元增至2020年的3812亿元,增长近4000倍。",
        "快手收入从100亿元增至260亿元,增长1.6倍。",  # by so many times
        "快手收入从100亿元增至160亿元,是原来的1.6倍。",  # to so many times
        "东方甄选股价由8.92港元涨502%到53.7港元。",
        "East Buy lost HK$5 billion ($640 million) of market value.",
        "Douyin made 3.5 trillion RMB (483 billion USD) of GMV.",
        "快手2024Q3收入311亿元,其中线上营销服务收入176亿元,直播收入93亿元,其他服务收入41.6亿元。",
        "快手销售构成为40%、30%和30%。",
        "快手DAU 4.08亿,MAU 7.14亿。",
        "投入亿级平台补贴,backed by subsidies of 100 million level.",
    ],
)
def test_what_agrees_within_its_words_is_no_alarm(text):
    assert alarms(text) == []


@pytest.mark.parametrize(
    ("text", "verdict", "rule"),
    [
        ("快手收入从100亿元增至160亿元,增长26%。", "inconsistent", "stated change"),
        ("East Buy lost HK$5 billion ($64 million) of market value.", "inconsistent", "conversion"),
        ("快手2024Q3收入311亿元,约合4.3亿美元。", "inconsistent", "conversion"),
        (
            "RMB million | US$ million\nKuaishou revenue in 2024 | RMB 31,131 million | US$ 428 million\n",
            "inconsistent",
            "conversion",
        ),
        ("小红书投入亿级平台补贴,backed by billion-level platform subsidies.", "inconsistent", "size in words"),
        ("快手2025年6月DAU为1.3百万,2025年6月MAU为3.5亿。", "implausible", "proportion"),
        ("快手2024年收入100亿元,2024年净利润90亿元。", "implausible", "proportion"),
        ("小红书2025年6月估值3100亿美元,2025年净利润30亿美元。", "implausible", "proportion"),
        ("快手构成如下:占比40%、30%和25%。", "implausible", "shares"),
        ("快手2024Q3收入311亿元,毛利润169亿元,毛利率44.3%。", "inconsistent", "identity gross_margin"),
        ("快手2024年上半年收入300亿元,2024Q2收入310亿元。", "inconsistent", "part and whole"),
    ],
)
def test_a_planted_contradiction_is_found(text, verdict, rule):
    assert (verdict, rule) in alarms(text)


def test_a_tenfold_slip_between_two_articles_and_its_whole_family():
    """Growth rates are right in both; the second article's 200 and 170 have no counterpart of their date."""
    one = "Xiaohongshu staff\nXiaohongshu's valuation went from $26 billion to $31 billion in three months. In 2021 it had a valuation of $20 billion."
    two = (
        "Xiaohongshu again\nWithin a year the valuation rose from $170 billion to $310 billion. The valuation was $260 billion three months prior "
        "and the valuation was $200 billion at the beginning of the year."
    )
    found = judged(one, two).verdicts
    rows = found[found["rule"].isin(["scale", "same slip"])]
    doubted = {i for ids in rows["doubted"] for i in ids}
    values = table(one, two).set_index("claim_id")["value"]
    assert {values[i] for i in doubted} == {170e9, 310e9, 260e9, 200e9}
    same = rows[rows["rule"].eq("same slip")].set_index("verdict")["text"]
    assert "USD 20 billion is printed elsewhere" in same["inconsistent"]
    assert "no second figure" in same["implausible"]


def test_an_options_value_under_both_readings():
    text = (
        "小红书期权\nXiaohongshu's option grant price was $13.5 in March 2025, $18 in June and $25 in October, a doubling of option value "
        "within the year. The strike price is $2."
    )
    found = judged(text).verdicts
    readings = found[found["rule"].eq("definition")].set_index("verdict")["text"]
    assert "25 over 13.5 is 1.852 times" in readings["inconsistent"]
    assert "23 over 11.5 is 2 times" in readings["consistent"]


def test_claims_are_held_against_the_ledger():
    facts = ledger.facts(entity="kuaishou", metric="revenue")
    assert alarms("快手2024Q3业绩\n2024Q3快手总收入311亿元。", facts=facts) == []
    found = judged("快手2024Q3业绩\n2024Q3快手总收入3110亿元。", facts=facts).verdicts
    slip = found[found["rule"].eq("scale")].iloc[0]
    assert "ten times too large" in slip["text"]
    assert slip["doubted"][0].startswith("d0-")


def test_a_forecast_is_not_held_against_a_reported_figure():
    texts = ("快手前瞻\n预计2024Q3快手总收入305亿元。", "快手2024Q3业绩\n2024Q3快手总收入311亿元。")
    assert alarms(*texts) == []


def test_a_forecast_is_not_held_against_the_ledger_either():
    facts = ledger.facts(entity="kuaishou", metric="revenue")
    assert alarms("Kuaishou 3Q24 preview\nKuaishou 3Q24 revenue growth 9.5%.", facts=facts) == []
    assert alarms("Kuaishou 3Q24\nKuaishou 3Q24 revenue growth 9.5%.", facts=facts) != []


def test_intraday_and_close_are_named_differently():
    assert alarms("东方甄选股价\n2025年8月19日东方甄选盘中涨23%,收盘跌20.89%。") == []


def test_an_open_bound_counts_as_open():
    assert alarms("小红书估值从170亿美元升至310亿美元,增长超80%。") == []
    assert ("inconsistent", "stated change") in alarms("小红书估值从170亿美元升至310亿美元,增长超90%。")


def test_a_common_factor_changes_no_verdict_of_a_change():
    """The law that makes slips invisible to change checks: both levels ten times as large."""
    small = judged("Xiaohongshu's valuation rose from $26 billion to $31 billion, up 19%.").verdicts
    large = judged("Xiaohongshu's valuation rose from $260 billion to $310 billion, up 19%.").verdicts
    assert small["verdict"].tolist() == large["verdict"].tolist()


def test_claims_become_facts_in_the_ledgers_form():
    rows = audit.as_facts(
        table("2024Q3快手总收入311亿元,同比增长11.4%。"), metrics=BOOK.metrics, homes={"kuaishou": "CNY"}
    )
    assert rows["measure"].tolist() == ["level", "yoy_growth"]
    assert rows["precision"].tolist() == pytest.approx([1e8, 0.001])
    assert rows["status"].tolist() == ["press", "press"]
    assert rows["is_home_currency"].all()


def test_no_claims_no_verdicts():
    assert judged("nothing here\n").verdicts.empty


def test_a_slip_between_two_articles_without_a_day():
    one, two = "快手商家\n快手总收入为311亿元。", "快手商家\n快手总收入为3110亿元。"
    found = judged(one, two, published="").verdicts
    slip = found[found["rule"].eq("scale")].iloc[0]
    assert "no day given" in slip["text"]


RATE = "快手收入\n快手总收入为355亿元({}亿美元)。"


@pytest.mark.parametrize(("dollars", "alarms_of"), [("50", 0), ("55", 0), ("500", 1), ("40", 1)])
def test_a_conversion_without_a_day_is_held_against_the_rates_of_ten_years(dollars, alarms_of):
    found = judged(RATE.format(dollars), published="").verdicts
    rows = found[found["rule"].eq("conversion")]
    assert rows["verdict"].tolist() == ["inconsistent" if alarms_of else "consistent"]


def test_a_conversion_of_a_month_is_held_against_its_days():
    found = judged(RATE.format("50"), published="2025-10").verdicts
    assert "7.1" in found[found["rule"].eq("conversion")].iloc[0]["text"].split("the table's")[1]
    assert alarms(RATE.format("56"), published="2025-10") == [("inconsistent", "conversion")]


def test_figures_without_a_day_are_not_mixed_across_articles():
    one = "Kuaishou\nKuaishou's revenue was RMB35.6bn."
    two = "Kuaishou\nKuaishou's marketing expenses were RMB9.9bn, or 30.4% of revenue."
    assert alarms(one, two, published="") == []
    both = "Kuaishou\nKuaishou's revenue was RMB35.6bn. Its marketing expenses were RMB9.9bn, or 30.4% of revenue."
    assert alarms(both, published="") == [("inconsistent", "identity selling_ratio")]


def test_costs_in_brackets_are_costs():
    table = (
        "Kuaishou third quarter of 2025\nRMB million\n               3Q2024    3Q2025\nRevenues        31,131    35,554\n"
        "Cost of revenues  (14,206)  (16,113)\nGross profit    16,925    19,441\n"
    )
    assert alarms(table, published="2025-11-19") == []
    assert ("inconsistent", "identity gross_profit") in alarms(
        table.replace("19,441", "17,441"), published="2025-11-19"
    )


SEGMENTS = (
    "Bilibili Q3 2025\n(RMB million)\n| | 3Q2024 | 3Q2025 |\n|---|---|---|\n| Value-added services | 2,821 | 3,023 |\n"
    "| Advertising | 2,094 | 2,570 |\n| Mobile games | 1,823 | 1,511 |\n| IP derivatives | 567 | {} |\n| Total net revenues | {} | 7,685 |\n"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("美团三季度\n美团收入955亿元,其中核心本地商业674亿元、新业务280亿元。", []),
        ("美团三季度\n美团收入955亿元,其中核心本地商业674亿元、新业务380亿元。", [("inconsistent", "parts")]),
        ("美团三季度\n美团收入955亿元,其中海外3亿元,用户7亿人。", []),
        ("Meituan\nMeituan's revenue was 95.5 billion yuan, of which 96.5 billion yuan came from China.", [("inconsistent", "parts")]),
        (SEGMENTS.format(581, "7,305"), []),
        (SEGMENTS.format(781, "7,305"), [("inconsistent", "total")]),
        (SEGMENTS.format(781, "7,505"), []),  # neither column adds up: the rows may be other things
        ("直播电商\n市场份额:抖音46%,快手25%,淘宝21%,其他8%。", []),
        ("直播电商\n市场份额:抖音46%,快手25%,淘宝21%,其他18%。", [("implausible", "shares")]),
        ("直播电商\n市场份额:抖音56%,快手51%。", [("implausible", "shares")]),
        ("Etsy\nThe app's share of GMS was 46%.", []),
        ("Etsy\nThe app's share of GMS was 146%.", [("inconsistent", "shares")]),
        ("快手\n快手收入增长146%。", []),
        ("Live\nLive sales reached RMB 4.65 trillion, or 30% of the country's online sales of RMB 15.5 trillion.", []),
        ("Live\nLive sales reached RMB 4.65 trillion, or 40% of the country's online sales of RMB 15.5 trillion.", [("inconsistent", "share of")]),
        ("某社交电商\n平台GMV为285亿元,在规模6950亿元的市场中占4.1%。", []),
        ("某社交电商\n平台GMV为285亿元,在规模6950亿元的市场中占14.1%。", [("inconsistent", "share of")]),
        ("某平台\n直播支付5.8万亿元,占网络零售额15.5万亿元的37%。", []),
        ("某平台\n直播支付5.8万亿元,占网络零售额15.5万亿元的47%。", [("inconsistent", "share of")]),
        ("某平台\n该平台交易由43.3亿美元增至59.8亿美元,成长38.1%。", []),
        ("货盘\n按GMV算,女装占62%,零食占20%,家居占18%。", []),
        ("货盘\n按GMV算,女装占62%,零食占31%,家居占18%。", [("implausible", "shares")]),
    ],
)  # fmt: skip
def test_what_a_text_adds_up(text, expected):
    assert alarms(text, published="2025-11-28") == expected


def test_a_total_that_no_column_confirms_is_a_question():
    found = judged(SEGMENTS.format(781, "7,505"), published="2025-11-28").verdicts
    assert found[found["rule"].eq("total")]["verdict"].tolist() == ["undetermined"] * 2


def test_a_conversion_may_be_a_range():
    assert alarms("快手\n快手收入为350亿至360亿元(约49亿至51亿美元)。", published="2025-11-20") == []


def test_a_change_of_a_part_beside_the_change_of_the_whole_is_no_alarm():
    text = "Kuaishou Q3\nKuaishou's GMV doubled in small towns and grew 31% overall to RMB131bn, from RMB100bn."
    assert alarms(text) == []
    assert alarms(text.replace("31%", "51%")) != []


NOBODY = "Plumfeed second quarter of 2025\nTotal revenue was RMB3,342 million (US${} million). Gross profit was RMB1,838 million, a gross margin of {}."


def test_a_company_that_nobody_listed_is_held_against_itself():
    assert alarms(NOBODY.format("466.5", "55%"), published="2025-08-21") == []
    assert alarms(NOBODY.format("466.5", "45%"), published="2025-08-21") == [("inconsistent", "identity gross_margin")]
    found = judged(NOBODY.format("466.5", "45%"), published="2025-08-21").verdicts
    assert set(found["entity"]) == {""}


def test_companies_that_nobody_listed_are_not_mixed():
    two = (
        "Two shops in 2024\nAlfa's neighbour had revenue of RMB5 billion in 2024. The other one had revenue of RMB9 billion "
        "and a gross profit of RMB1 billion in 2024, a gross margin of 11%."
    )
    assert alarms(two, published="2025-08-21") == []


def test_a_column_in_dollars_beside_yuan_is_no_contradiction():
    table = (
        "Vipshop Q3 2025\n(in millions)\n| | Q3 2025 RMB | Q3 2025 US$ |\n|---|---|---|\n| Total net revenues | 21,412.6 | 3,007.8 |\n"
        "| Cost of revenues | (16,487.7) | (2,316.0) |\n| Gross profit | 4,924.9 | 691.8 |\n"
    )
    assert alarms(table, published="2025-11-20") == []
    assert alarms(table.replace("4,924.9", "5,924.9"), published="2025-11-20") == [("inconsistent", "conversion")]


def test_a_headline_ten_times_its_body_is_found_for_a_company_that_nobody_listed():
    text = "某集团递表:年活跃买家3.6亿\n集团2024年年度活跃买家为{}人。2024年收入为36.2亿元。"
    assert alarms(text.format("3,600万"), published="2025-06-01") == [("inconsistent", "headline")]
    assert alarms(text.format("3.6亿"), published="2025-06-01") == []


def test_a_quarter_above_its_half_year_in_a_row_that_the_ledger_lacks():
    table = "JD (RMB bn)\n                      2Q25A    1H25A\nGroup revenue          356.7    657.8\n  Net service revenue   73.8    {}\n"
    assert alarms(table.format("139.4"), published="2025-08-20") == []
    assert alarms(table.format("69.4"), published="2025-08-20") == [("inconsistent", "part and whole")]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "text",
    [
        "某平台\n直播支付5.8万亿元,占网络零售额15.5万亿元\n的市场中占37%。",
        "某平台\n直播支付5.8万亿元,占网络零售额0亿元的37%。",
        "Plum\nRevenue was $0 in 2024. Revenue was $0 million in 2024. Net profit was $0.",
    ],
)
def test_shares_across_lines_and_nothing_at_all_raise_no_alarm(text):
    assert alarms(text, published="2025-11-28") == []


def test_totals_of_a_long_article_are_not_mixed():
    """An article longer than one piece of the reader numbers its sums on."""
    good, bad = SEGMENTS.format(581, "7,305"), SEGMENTS.format(781, "7,305")
    filler = "\n" + "Nothing is said here. " * 6000 + "\n\n"
    assert alarms(good + filler + good, published="2025-11-28") == []
    assert ("inconsistent", "total") in alarms(good + filler + bad, published="2025-11-28")
