"""What a number is about: entity, metric, measure, period and basis, by the words of its sentence."""

import pytest

from helpers import claims, lexicon


def bound(text: str, title: str = "", published: str = "2024-11-21") -> list:
    return claims.read(text, lexicon=lexicon.words(), title=title, published=published)


def test_one_digest_by_hand():
    rows = bound("2024Q3快手总收入311亿元,同比增长11.4%;经调整净利润39.5亿元,同比增长24.4%。")
    assert [(c.entity, c.metric, c.measure) for c in rows] == [
        ("kuaishou", "revenue", "level"), ("kuaishou", "revenue", "yoy_growth"),
        ("kuaishou", "adjusted_net_profit", "level"), ("kuaishou", "adjusted_net_profit", "yoy_growth"),
    ]  # fmt: skip
    assert {(c.period_start, c.period_end) for c in rows[:2]} == {("2024-07-01", "2024-09-30")}
    assert [c.period_basis for c in rows] == ["stated", "stated", "inferred", "inferred"]


@pytest.mark.parametrize(
    ("text", "metric", "measure"),
    [
        ("快手广告收入176亿元", "revenue_online_marketing", "level"),
        ("拼多多广告收入490亿元", "ad_revenue", "level"),
        ("快手线上营销服务收入占总收入56.6%", "revenue_share_online_marketing", "level"),
        ("快手毛利率54.3%", "gross_margin", "level"),
        ("快手毛利率54.3%,同比提升2.6个百分点", "gross_margin", "change"),
        ("Kuaishou DAU up 3.4% to 409 million", "dau", "level"),
        ("nearly 400 million yuan in GMV on Kuaishou", "gmv", "level"),
        ("Kuaishou had a 77% year-on-year growth in the number of buyers", "double_11_buyers", "yoy_growth"),
        ("advertising accounting for nearly 80% of total revenue of Xiaohongshu", "ad_revenue_share", "level"),
        ("快手目标价60.3港元", "", "level"),
        ("快手直播收入环比增长5%", "revenue_live_streaming", "qoq_growth"),
    ],
)
def test_the_metric(text, metric, measure):
    last = bound(text)[-1]
    assert (last.metric, last.measure) == (metric, measure)


def test_the_nearest_entity_before_and_then_the_title():
    rows = bound(
        "Douyin made 3.5 trillion RMB of GMV, after Tmall with 8 trillion RMB and Pinduoduo with 5.2 trillion RMB."
    )
    assert [c.entity for c in rows] == ["douyin", "tmall", "pdd"]
    (row,) = bound("收入311亿元", title="快手三季报点评")
    assert (row.entity, row.entity_words) == ("kuaishou", "快手")


def test_a_heading_says_whose_numbers_and_when():
    text = "# 三家公司业绩\n## 拼多多2024Q3\n收入994亿元。\n## 快手2024Q2\n收入310亿元。\n"
    rows = bound(text, title="三家公司业绩")
    assert [(c.entity, c.period_end, c.section) for c in rows] == [
        ("pdd", "2024-09-30", "拼多多2024Q3"), ("kuaishou", "2024-06-30", "快手2024Q2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("京东商品收入2261亿元", ""), ("京东收入2991亿元", "revenue"), ("京东总收入2991亿元", "revenue"),
        ("JD's service revenue was 73 billion yuan", ""), ("JD's net revenues were 299 billion yuan", "revenue"),
        ("哔哩哔哩广告营业额24.5亿元", "ad_revenue"), ("抖音店播GMV占三成", ""), ("京东海螺收入2亿元", ""),
        ("快手可灵当季收入1.5亿元", ""), ("快手全年总收入1427亿元", "revenue"), ("预计快手明年收入1500亿元", "revenue"),
        ("快手业绩\n营业收入355亿元", "revenue"), ("Kuaishou's Kling sales were Rmb0.6bn", ""),
        ("Kuaishou said that revenue from Kling was Rmb0.6bn", ""), ("Kuaishou: Full-year revenue was Rmb142bn", "revenue"),
        ("Kuaishou E-commerce revenue was Rmb6bn", ""), ("Kuaishou's Rmb9.9 billion took 30% of revenue", ""),
        ("Kuaishou's selling costs were Rmb9.9 billion", "selling_and_marketing_expense"),
        ("Meituan's core local commerce revenue fell to 67.4 billion yuan", ""), ("泡泡玛特旗下THE MONSTERS实现收入48.1亿元", ""),
        ("Meituan posted revenue of 95.5 billion yuan", "revenue"), ("Meituan's quarterly revenue was 95.5 billion yuan", "revenue"),
        ("Shopee leads. Southeast Asia's platform e-commerce GMV hit $128.4 billion", ""), ("京东零售经营利润148亿元", ""),
        ("Meituan said the segment posted an operating loss of 14.1 billion yuan", ""),
        ("京东非美国通用会计准则下净利润58亿元", "adjusted_net_profit"), ("Shopee's owner reported revenue of $16.8 billion", "revenue"),
    ],
)  # fmt: skip
def test_a_part_is_not_the_whole(text, metric):
    (row,) = (c for c in bound(text) if c.unit in ("money", "ratio") and not c.printed.startswith("30%"))
    assert row.metric == metric


def test_each_share_of_a_list_of_clauses_has_its_own_part():
    rows = bound("抖音电商2024年GMV中货架场占四成,达人直播占三成,店播占三成。")
    assert [c.metric for c in rows] == ["gmv_share_pan_shelf", "", ""]


def test_what_a_level_is_compared_with_has_its_own_period():
    rows = bound("抖音2024年GMV约3.5万亿元,较2023年的2.7万亿元增长约30%。")
    assert [c.period_end for c in rows] == ["2024-12-31", "2023-12-31", "2024-12-31"]
    rows = bound(
        "Sea's net income came to $447.8 million in 2024, versus $162.7 million in 2023.", published="2025-03-04"
    )
    assert [c.period_end for c in rows] == ["2024-12-31", "2023-12-31"]
    rows = bound("Sea's GMV was US$100 billion in 2024, up 28% from $78.5 billion.", published="2025-03-04")
    assert [c.period_end for c in rows] == ["2024-12-31", "2024-12-31", "2023-12-31"]


def test_a_loss_is_a_negative_profit_where_it_is_compared():
    table = claims.table(bound("哔哩哔哩净亏损6.08亿元。快手净利润为2.18亿元。"))
    assert table["value"].tolist() == [6.08e8, 2.18e8]
    assert claims.as_kept(table)["value"].tolist() == [-6.08e8, 2.18e8]


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        ("抖音、快手2024年GMV分别为3.5万亿元和1.39万亿元", [("douyin", "gmv", "2024-12-31"), ("kuaishou", "gmv", "2024-12-31")]),
        ("快手2023年、2024年收入分别为1135亿元、1269亿元", [("kuaishou", "revenue", "2023-12-31"), ("kuaishou", "revenue", "2024-12-31")]),
        ("快手2024年收入和净利润分别为1269亿元和153亿元", [("kuaishou", "revenue", "2024-12-31"), ("kuaishou", "net_profit", "2024-12-31")]),
        ("抖音、快手、小红书2024年GMV分别为3.5万亿元和1.39万亿元", [("", "gmv", "2024-12-31"), ("", "gmv", "2024-12-31")]),
    ],
)  # fmt: skip
def test_lists_that_go_together(text, subjects):
    assert [(c.entity, c.metric, c.period_end) for c in bound(text)] == subjects


def test_quarters_of_a_list_each_have_their_number():
    rows = bound("快手第一、二、三季度收入分别为294亿元、310亿元、311亿元", published="2025-03-01")
    assert [c.period_end for c in rows] == ["2024-03-31", "2024-06-30", "2024-09-30"]


@pytest.mark.parametrize(
    ("text", "metric", "measure", "value"),
    [
        ("Kuaishou gross margin rose to 54.3%", "gross_margin", "level", 0.543),
        ("快手2024年DAU同比增长5%,环比下降1%", "dau", "qoq_growth", -0.01),
        ("快手收入下滑至100亿元,降幅为5%", "revenue", "yoy_growth", -0.05),
        ("快手2019年到2024年收入年复合增长率为26%", "revenue", "growth", 0.26),
    ],
)
def test_changes_and_levels(text, metric, measure, value):
    last = bound(text)[-1]
    assert (last.metric, last.measure, last.value) == (metric, measure, pytest.approx(value))


def test_a_change_and_the_level_it_leads_to_are_no_range():
    assert [c.value_high for c in bound("快手DAU减少500万至4亿")] == [None, None]


def test_a_base_year_is_not_the_growths_own():
    row = bound("JD revenue in full year 2024 was RMB1,158.8 billion, an increase of 6.8% from 2023.")[-1]
    assert row.period_end == "2024-12-31"


def test_nothing_named_is_nothing_bound():
    (row,) = bound("收入311亿元", published="")
    assert (row.entity, row.period_end, row.period_basis) == ("", "", "unknown")
    assert row.metric == "revenue"
    assert row.confidence < 0.1


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("快手2024年收入1269亿元", "2024-01-01", "2024-12-31"),
        ("快手前三季度收入915亿元", "2024-01-01", "2024-09-30"),
        ("Kuaishou revenue was 27.9 billion yuan in the third quarter of 2023", "2023-07-01", "2023-09-30"),
        ("东方甄选2025财年四季度收入约1.5亿美元", "2025-03-01", "2025-05-31"),
        ("East Buy shares fell 3% on 14 June 2024", "2024-06-14", "2024-06-14"),
        ("Kuaishou revenue was 35 billion yuan for the quarter ended June 30, 2025", "2025-04-01", "2025-06-30"),
        ("截至2025年6月30日止六个月,快手收入676亿元", "2025-01-01", "2025-06-30"),
        ("快手8月19日股价跌3%", "2024-08-19", "2024-08-19"),
        ("快手12月31日股价跌3%", "2024-12-31", "2024-12-31"),
        ("Xiaohongshu's monthly active users surpassed 350 million by mid-2024", "2024-06-01", "2024-06-30"),
    ],
)
def test_the_period(text, start, end):
    row = bound(text)[-1]
    assert (row.period_start, row.period_end) == (start, end)


def test_a_list_of_years_and_a_list_of_numbers_go_together():
    rows = bound("预计快手2024/2025/2026年经调整净利润为177/226/302亿元")
    assert [(c.period_end, c.value, c.basis) for c in rows] == [
        ("2024-12-31", 17.7e9, "forecast"), ("2025-12-31", 22.6e9, "forecast"), ("2026-12-31", 30.2e9, "forecast"),
    ]  # fmt: skip


def test_last_years_period_is_that_of_the_title_a_year_before():
    rows = bound("收入994亿元,去年同期增长94%。", title="拼多多2024Q3业绩")
    assert (rows[1].period_start, rows[1].period_end) == ("2023-07-01", "2023-09-30")


def test_a_compared_period_is_not_the_numbers_own():
    rows = bound("DAU为4.08亿,较上年同期多5.4%", title="快手2024Q3业绩")
    assert rows[1].period_end == "2024-09-30"


def test_a_cell_takes_the_period_of_its_column():
    rows = bound("RMB million | Q2 2025 | Q2 2024\nLive streaming | 10,044 | 9,302\n", title="Kuaishou Q2 2025")
    assert [c.period_end for c in rows] == ["2025-06-30", "2024-06-30"]
    assert {c.metric for c in rows} == {"revenue_live_streaming"}


@pytest.mark.parametrize(
    ("text", "basis"),
    [
        ("快手收入311亿元", "actual"), ("预计快手收入311亿元", "forecast"), ("公司指引收入311亿元", "guidance"),
        ("抖音全年GMV目标4.2万亿元", "target"), ("快手目标价60.3港元", "forecast"), ("测算GMV增速20%", "computed"),
        ("免佣额度100万元", "policy"),
    ],
)  # fmt: skip
def test_the_basis(text, basis):
    assert bound(text)[-1].basis == basis


def test_a_forecast_behind_and_belongs_to_what_follows():
    rows = bound("Xiaohongshu's net profit was $500 million in 2023 and is projected to double to $3 billion by 2025.")
    assert [c.basis for c in rows] == ["actual", "forecast", "forecast"]


def test_a_change_has_its_two_ends():
    rows = bound(
        "Xiaohongshu's valuation went from $26 billion to $31 billion in three months, a rise of 19%.",
        published="2025-10-21",
    )
    assert [(c.role, c.period_end) for c in rows[:2]] == [("from", "2025-07-31"), ("to", "2025-10-21")]
    assert rows[2].measure == "growth"


def test_an_amount_in_brackets_restates_the_one_before():
    rows = bound("East Buy lost HK$5 billion ($64 million) of market value.")
    assert [c.role for c in rows] == ["", "aside"]


def test_names_keep_their_capitals():
    assert bound("a snap decision cost 5 million dollars")[0].entity == ""
    assert bound("Snap earned 5 million dollars")[0].entity == "snap"


def test_a_text_without_a_full_stop_costs_no_more():
    text = "快手收入311亿元,同比增长11.4%," * 3000
    rows = bound(text)
    assert len(rows) == 6000
    assert {c.metric for c in rows} == {"revenue"}


def test_the_projects_lexicon_is_checked(tmp_path, monkeypatch):
    for name in ("names", "terms", "ratios", "glossary"):
        (tmp_path / f"{name}.csv").write_bytes((lexicon.FOLDER / f"{name}.csv").read_bytes())
    monkeypatch.setattr(lexicon, "FOLDER", tmp_path)
    (tmp_path / "terms.csv").write_text("term,metric,unit,entity\nsales,turnoverr,money,\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"row 2.*turnoverr"):
        lexicon.words()
    (tmp_path / "ratios.csv").write_text(
        "numerator,denominator,low,high,days,reason\ndau,mau,2,1,9,wrong\n", encoding="utf-8"
    )
    with pytest.raises(ValueError, match="must be above low"):
        lexicon.ratios()


def subjects_of(text: str) -> list[tuple]:
    return [(c.entity, c.metric, c.measure, c.value, c.unit) for c in bound(text)]


def test_a_columns_head_may_name_the_metric():
    table = (
        "Platforms compared\n| Company | GMV (RMB bn) | Revenue (RMB bn) | YoY | MAU (m) |\n| --- | --- | --- | --- | --- |\n"
        "| Kuaishou | 1,390 | 142.7 | 11.8% | 731 |\n"
    )
    assert subjects_of(table) == [
        ("kuaishou", "gmv", "level", 1.39e12, "money"), ("kuaishou", "revenue", "level", 1.427e11, "money"),
        ("kuaishou", "revenue", "yoy_growth", 0.118, "ratio"), ("kuaishou", "mau", "level", 7.31e8, "person"),
    ]  # fmt: skip


def test_a_columns_head_may_name_the_entity():
    table = "平台对比\n| 指标 | 快手 | 拼多多 |\n| --- | --- | --- |\n| 收入(亿元) | 1427 | 3938 |\n| 月活(亿) | 7.31 | 9.2 |\n"
    assert subjects_of(table) == [
        ("kuaishou", "revenue", "level", 1.427e11, "money"), ("pdd", "revenue", "level", 3.938e11, "money"),
        ("kuaishou", "mau", "level", 7.31e8, "person"), ("pdd", "mau", "level", 9.2e8, "person"),
    ]  # fmt: skip


def test_a_long_label_leaves_one_space_before_its_bracket():
    table = (
        "Kuaishou\nRMB million\n                       3Q2024    3Q2025\nRevenues               31,131    35,554\n"
        "Selling and marketing (10,364)  (10,420)\n"
    )
    assert [c.value for c in bound(table)] == [3.1131e10, 3.5554e10, -1.0364e10, -1.042e10]


def test_fiscal_years_in_words():
    rows = bound("Alibaba's revenue in fiscal year 2025 was RMB996 billion, up from RMB941 billion in fiscal 2024.")
    assert [c.period_end for c in rows] == ["2025-03-31", "2024-03-31"]


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        ("快手2024年收入1269亿元,其中海外47亿元,国内1222亿元。", ["revenue", "", ""]),
        ("快手收入355亿元,同比增长14%,其中线上营销201亿元,其余154亿元。", ["revenue", "revenue", "revenue_online_marketing", ""]),
        ("Kuaishou's revenue was RMB35.6bn, of which RMB1.3bn came from overseas.", ["revenue", ""]),
        ("快手收入从311亿元增长到355亿元。", ["revenue", "revenue"]),
    ],
)  # fmt: skip
def test_parts_of_the_number_before_are_not_the_whole(text, metrics):
    assert [c.metric for c in bound(text)] == metrics


def test_a_brand_and_all_platforms_together_are_not_the_company():
    assert [c.entity for c in bound("Sea Limited's revenue was $6bn. Shopee revenue was $4.3bn.")] == ["sea", "shopee"]
    assert bound("天猫双11战报\n双11期间全网销售额16950亿元。")[0].entity == "all_platforms"


def test_a_guided_year_is_not_that_of_the_next_sentence():
    rows = bound(
        "Sea Limited guides to revenue of $20 billion in 2026. Marketing was 21% of revenue.", published="2025-11-12"
    )
    assert [c.period_basis for c in rows] == ["stated", "unknown"]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("Revenues in the quarter were RMB108bn, up 9% from RMB99bn in the same quarter of 2024.", ["2025-09-30", "2025-09-30", "2024-09-30"]),
        ("Revenue was RMB53bn, up 8% from RMB49bn.", ["2025-09-30", "2025-09-30", "2024-09-30"]),
        ("Revenue was RMB53bn, compared with RMB49bn.", ["2025-09-30", ""]),
        ("Revenue was RMB53bn, up 8% quarter on quarter from RMB49bn.", ["2025-09-30", "2025-09-30", ""]),
        ("收入53亿元,2024年同期49亿元。", ["2025-09-30", "2024-09-30"]),
    ],
)  # fmt: skip
def test_what_a_quarter_is_compared_with_is_of_its_own_time(text, ends):
    rows = bound(text, title="PDD third quarter of 2025", published="2025-11-18")
    assert [c.period_end for c in rows] == ends


def test_a_year_earlier_says_nothing_where_no_period_is_known():
    assert bound("Kuaishou's users rose from 370 million a year earlier.", published="2026-02-01")[0].period_end == ""


def test_what_a_share_is_of_is_not_its_subject():
    rows = bound(
        "快手营销费用104亿元,占收入的29.3%,去年同期为103亿元。", title="快手2025年三季度", published="2025-11-19"
    )
    assert [(c.metric, c.period_end) for c in rows] == [
        ("selling_and_marketing_expense", "2025-09-30"), ("selling_and_marketing_expense_ratio", "2025-09-30"),
        ("selling_and_marketing_expense", "2024-09-30"),
    ]  # fmt: skip


def test_a_gain_beside_a_loss_is_positive():
    table = claims.table(bound("美团经营亏损198亿元,去年同期盈利137亿元。"))
    assert claims.as_kept(table)["value"].tolist() == [-198e8, 137e8]
    table = claims.table(bound("Kuaishou's operating loss was RMB5bn, against a profit of RMB2bn."))
    assert claims.as_kept(table)["value"].tolist() == [-5e9, 2e9]


def test_profit_of_a_part_stays_the_parts():
    rows = bound("京东零售收入2506亿元,经营利润率5.9%。京东集团收入2991亿元,经营利润率1.2%。")
    assert [c.metric for c in rows] == ["", "", "revenue", "operating_margin"]
    rows = bound("Meituan's new initiatives revenue was 28 billion yuan while its operating loss was 1.3 billion yuan.")
    assert [c.metric for c in rows] == ["", ""]


def test_an_owner_is_somebody_else():
    assert bound("Shopee's owner reported revenue of $16.8 billion.")[0].entity == ""


def test_a_list_of_years_holds_for_the_lists_after_it():
    text = "快手3Q25点评\n预计公司2025/2026/2027年收入1425/1578/1718亿元;经调整净利润203/229/264亿元。"
    rows = bound(text, title="快手3Q25点评", published="2025-11-20")
    assert [(c.period_end[:4], c.basis) for c in rows] == [(y, "forecast") for y in ("2025", "2026", "2027")] * 2


@pytest.mark.parametrize(
    ("text", "entity", "metric", "value"),
    [
        ("快手三季报\nKling AI generated more than RMB300 million in revenue.", "kuaishou", "", 3e8),
        ("小红书估值升至310亿美元 年内利润料达30亿美元", "xiaohongshu", "net_profit", 3e9),
        ("快手核心本地商业利润5亿元", "kuaishou", "", 5e8),
        ("快手业绩\nAverage daily time spent per DAU reached 134.1 minutes.", "kuaishou", "minutes_per_dau", 134.1),
        ("抖音、快手各有所长\n2024年中国直播电商市场规模约5.8万亿元", "china_market", "live_commerce_gmv", 5.8e12),
        ("抖音增长,快手持平。2024年市场共9350亿元", "", "", 9.35e11),
        ("快手2024年支付额1.39万亿元,占网络零售额15.5万亿元的9%", "kuaishou", "online_retail_sales", 1.55e13),
    ],
)
def test_what_stands_beside_other_subjects(text, entity, metric, value):
    title = text.split("\n")[0] if "\n" in text else ""
    (row,) = (c for c in bound(text, title=title) if c.value == value)
    assert (row.entity, row.metric) == (entity, metric)


def test_twelve_months_to_a_day():
    row = bound("Pinduoduo's GMV for the twelve months to 31 March 2018 was RMB198.7 billion.")[0]
    assert (row.period_start, row.period_end) == ("2017-04-01", "2018-03-31")


@pytest.mark.parametrize(
    ("head", "row", "ends"),
    [
        (
            "                 Three months ended September 30,\n                      2024       2025\n",
            "Total revenues       7,306      7,685\n",
            [("2024-07-01", "2024-09-30"), ("2025-07-01", "2025-09-30")],
        ),
        (
            "                For the Three Months Ended         For the Nine Months Ended\n"
            "               June 30,  September 30,            September 30,  September 30,\n"
            "                2025          2025                    2024           2025\n"
            "                RMB           RMB                     RMB            RMB\n",
            "Revenues        7,338         7,685                  19,098         22,026\n",
            [("2025-04-01", "2025-06-30"), ("2025-07-01", "2025-09-30"), ("2024-01-01", "2024-09-30"), ("2025-01-01", "2025-09-30")],
        ),
        (
            "| | Three months ended | |\n| | September 30, 2025 | September 30, 2024 |\n|---|---|---|\n",
            "| Revenues | 35,554 | 31,131 |\n",
            [("2025-07-01", "2025-09-30"), ("2024-07-01", "2024-09-30")],
        ),
        (
            "          截至9月30日止三个月      截至9月30日止九个月\n          2025年     2024年     2025年     2024年\n",
            "收入      35,554    31,131    103,208    91,500\n",
            [("2025-07-01", "2025-09-30"), ("2024-07-01", "2024-09-30"), ("2025-01-01", "2025-09-30"), ("2024-01-01", "2024-09-30")],
        ),
        ("| Item | 2024 | 2025 |\n", "| Revenue | 99,354 | 108,277 |\n", [("2024-01-01", "2024-12-31"), ("2025-01-01", "2025-12-31")]),
    ],
)  # fmt: skip
def test_the_head_of_a_column_may_take_several_lines(head, row, ends):
    rows = bound(f"Bilibili results\nRMB million\n{head}{row}")
    assert [(c.period_start, c.period_end) for c in rows] == ends
    assert {c.metric for c in rows} == {"revenue"}


def test_a_fiscal_quarter_in_chinese():
    rows = bound(
        "阿里巴巴集团2026财年第二财季要点\n季度收入2477亿元。第三财季收入3000亿元。",
        title="阿里巴巴集团2026财年第二财季要点",
        published="2026-02-20",
    )
    assert [(c.metric, c.period_end) for c in rows] == [("revenue", "2025-09-30"), ("revenue", "2025-12-31")]


def test_a_day_in_brackets_belongs_to_the_number_before_it():
    rows = bound(
        "RedNote's valuation: US$20bn (Jan 2025), US$26bn (Mar-25). Its revenue was 300 million yuan (2023: 250 million yuan)."
    )
    assert [c.period_end for c in rows] == ["2025-01-31", "2025-03-31", "", "2023-12-31"]


def test_a_term_with_its_own_number_behind_it_is_not_the_number_befores():
    rows = bound("At Kuaishou payment services contributed RMB 360 million and advertising RMB 240 million.")
    assert [c.metric for c in rows] == ["", "revenue_online_marketing"]


def test_an_amount_after_its_share_of_the_whole_is_not_the_whole():
    rows = bound("Kuaishou's subscriptions brought in two-thirds of 2024 revenue, or RMB 1.20 billion.")
    assert [c.metric for c in rows] == ["", ""]


def test_a_labelled_segment_has_the_revenue():
    rows = bound("B站三季报\n2. 游戏:收入16.1亿元,同比-11.5%。\n业绩:收入76.9亿元。", title="B站三季报")
    assert [c.metric for c in rows] == ["", "", "revenue"]


def test_a_span_of_years_goes_through_its_list():
    rows = bound("预计B站2025-2027年营收分别为301.5/332.4/361.0亿元;经调整净利润24.1/32.8/40.6亿元。")
    assert [c.period_end[:4] for c in rows] == ["2025", "2026", "2027"] * 2


def test_quarters_marked_as_actual():
    rows = bound("JD (RMB bn)\n                2Q25A    1H25A\nGroup revenue   356.7    657.8\n")
    assert [(c.period_start, c.period_end) for c in rows] == [
        ("2025-04-01", "2025-06-30"),
        ("2025-01-01", "2025-06-30"),
    ]


def test_the_same_of_last_year_is_of_last_year():
    rows = bound(
        "Coupang's gross margin was 29.3% in 2025, better than the 28.8% of last year.", published="2026-02-01"
    )
    assert [c.period_end for c in rows] == ["2025-12-31", "2025-12-31"]


def test_regional_sales_are_not_a_companys():
    assert bound("Shopee leads. It had 22% of regional e-commerce GMV of US$160 billion.")[-1].metric == ""
