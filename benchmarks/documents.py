"""The document library at 100,000 articles: time to add, size, recall of planted documents, time of a query.

The articles are simulated: sentences of our own, recombined, with numbers drawn anew (seed 7), half of them Chinese. Five
documents for each of twenty queries are planted, with the query's words in a sentence that no other document has. Run side
by side: a LIKE scan and the engine's own trigram index over the same texts.

    python benchmarks/documents.py            # 100,000 articles
    python benchmarks/documents.py 10000
"""

from __future__ import annotations

import random
import re
import resource
import shutil
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from helpers import documents, lexicon
from helpers.documents import find, index, open_library

ZH = """快手本季收入{a}亿元,同比增长{p}%|抖音电商全年成交额约{b}万亿元,增速{p}%|小红书月活跃用户达{c}亿,日均使用时长{m}分钟
平台对新商家减免佣金,首{m}天不收服务费|直播间单场成交破{a}百万元,退货率{p}%|拼多多营业收入{a}亿元,销售费用率{p}%
货架场景占比升至{p}%,店播贡献{q}%|研究人员称内容质量决定转化|达人与商家的分成比例为{p}%|毛利率{p}%,同比提升{d}个百分点
广告主预算向短视频倾斜,单价上涨{p}%|下沉市场用户新增{c}千万人|大促首日订单{a}万单,客单价{m}元|海外业务亏损{a}亿元,收窄{p}%
公司回购股份{a}万股,均价{m}港元|券商维持买入评级,目标价{m}港元|供应链与物流投入{a}亿元|社区团购订单量下降{p}%
本地生活收入增长{p}%,门店数{a}家|可比口径下净利润率{d}%|消费者更看重售后与口碑|搜索带来的成交占{p}%""".replace(
    "\n", "|"
).split("|")
EN = """Kuaishou booked revenue of {a} billion yuan, up {p}%|Douyin's shelf sales made up {p}% of the total|monthly active users reached {a} million
The platform waived commissions for new merchants for {m} days|a single livestream sold goods worth {a} million yuan|return rates stood at {p}%
Selling expenses were {p}% of revenue, down {d} pp|the content team moved to another building|creators share {p}% with merchants|gross margin was {p}%
Advertisers shifted budgets to short video, at prices {p}% higher|users in smaller cities grew by {c} million|orders of the first day hit {a} million
Overseas losses narrowed {p}% to {a} million dollars|the company bought back {a} million shares at HK${m}|the broker kept its buy rating, target HK${m}
Spending on logistics came to {a} million yuan|community group buying fell {p}%|local services rose {p}% in {a} cities|search brought {p}% of sales""".replace(
    "\n", "|"
).split("|")
PLANTED = [  # the query, and the sentence that five documents have
    ("数字人 直播", "该店铺用数字人做深夜直播,转化率{p}%"), ("退货率 口径", "退货率的口径在两份公告中并不相同,相差{d}个百分点"),
    ("减持 公告", "大股东减持公告显示比例为{p}%"), ("解禁 市值", "下月解禁市值约{a}亿元"), ("万人团 补贴", "万人团频道的补贴由平台承担{p}%"),
    ("差异 汇率", "差异主要来自汇率,影响{d}个百分点"), ("处理 投诉", "客服处理投诉的平均时间为{m}分钟"), ("买手 家居", "家居类买手的佣金为{p}%"),
    ("种草 闭环", "种草到成交的闭环缩短至{m}天"), ("商标 诉讼", "商标诉讼一审判赔{a}万元"), ("冷链 生鲜", "生鲜冷链覆盖{a}座城市"),
    ("虚拟 试衣", "虚拟试衣功能使退换下降{p}%"), ("refund deposit", "the refund of the deposit took {m} days"),
    ("warehouse robots", "warehouse robots handled {p}% of parcels"), ("algorithm audit", "an algorithm audit covered {a} accounts"),
    ("dual listing", "a dual listing would raise {a} million dollars"), ("beauty samples", "beauty samples were sent to {a} thousand buyers"),
    ("counterfeit handbags", "counterfeit handbags fell {p}%"), ("TikTok 关税", "TikTok 商家因关税提价{p}%"), ("Temu 仓库", "Temu 的半托管仓库增至{a}个"),
]  # fmt: skip
GAPS = [
    ("live commerce returns", "直播带货"),
    ("數字人", "数字人"),
    ("网购 佣金", ""),
    ("日活", ""),
    ("singles' day", ""),
    ("回購", "回购"),
]


def article(draw: random.Random, number: int, planted: str = "") -> str:
    """A title line, a feed line and a body: 460 bytes in the mean."""
    chinese = number % 2 == 0
    fill = lambda s: s.format(a=draw.randint(11, 989), b=draw.randint(1, 9), c=draw.randint(1, 9), p=f"{draw.uniform(1, 60):.1f}",  # noqa: E731
                              q=draw.randint(10, 90), d=f"{draw.uniform(0.1, 5):.1f}", m=draw.randint(10, 180))  # fmt: skip
    parts = [fill(s) for s in draw.sample(ZH if chinese else EN, 9 if chinese else 8)]
    if planted:
        parts.insert(draw.randint(0, len(parts)), fill(planted))
    title = f"模拟文章第{number}号" if chinese else f"Simulated article {number}"
    return (
        f"{title}\nSimulated Wire· 2025-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d} 09:00\n"
        + ("。" if chinese else ". ").join(parts)
        + "\n"
    )


def corpus(folder: Path, size: int) -> dict[str, set[str]]:
    """Write feeds of a hundred articles each; titles of the planted ones by query."""
    draw = random.Random(7)
    places = draw.sample(range(size), 5 * len(PLANTED))
    planted = {place: PLANTED[k // 5] for k, place in enumerate(places)}
    wanted: dict[str, set[str]] = {query: set() for query, _ in PLANTED}
    texts = []
    for number in range(size):
        query, sentence = planted.get(number, ("", ""))
        texts.append(article(draw, number, sentence))
        if query:
            wanted[query].add(texts[-1].split("\n")[0])
    for start in range(0, size, 100):
        (folder / f"feed{start // 100:05d}.txt").write_text("".join(texts[start : start + 100]), encoding="utf-8")
    return wanted


def timed(run, queries: list[str]) -> tuple[list, list[float]]:
    """Results and milliseconds, the first call aside."""
    run(queries[0])
    out, spent = [], []
    for query in queries:
        start = time.perf_counter()
        out.append(run(query))
        spent.append((time.perf_counter() - start) * 1e3)
    return out, spent


def recall(found: list[list[str]], wanted: dict[str, set[str]]) -> float:
    """Share of the planted documents among the first ten."""
    return float(
        np.mean(
            [
                len(set(titles[:10]) & titles_wanted) / len(titles_wanted)
                for titles, titles_wanted in zip(found, wanted.values(), strict=True)
            ]
        )
    )


def others(texts: list[tuple[str, str]], wanted: dict[str, set[str]]) -> list[tuple[str, float, float, float, float]]:
    """A LIKE scan and a trigram index over the same texts: seconds, recall, p50, p95."""
    rows = []
    connection = sqlite3.connect(":memory:")
    start = time.perf_counter()
    connection.execute("CREATE TABLE plain (title, body)")
    connection.executemany("INSERT INTO plain VALUES (?, ?)", texts)
    plain = time.perf_counter() - start
    start = time.perf_counter()
    connection.execute("CREATE VIRTUAL TABLE grams USING fts5(title, body, tokenize='trigram')")
    connection.executemany("INSERT INTO grams VALUES (?, ?)", texts)
    grams = time.perf_counter() - start

    def like(query: str) -> list[str]:
        words = query.split()
        where = " AND ".join("body LIKE ?" for _ in words)
        return [
            r[0]
            for r in connection.execute(f"SELECT title FROM plain WHERE {where} LIMIT 10", [f"%{w}%" for w in words])
        ]

    def trigram(query: str) -> list[str]:
        words = " OR ".join(f'"{w}"' for w in query.split())
        return [
            r[0]
            for r in connection.execute("SELECT title FROM grams WHERE grams MATCH ? ORDER BY rank LIMIT 10", [words])
        ]

    for name, run, seconds in (("LIKE scan", like, plain), ("trigram index", trigram, grams)):
        found, spent = timed(run, list(wanted))
        rows.append((name, seconds, recall(found, wanted), *np.percentile(spent, [50, 95])))
    return rows


def main(size: int) -> None:
    place = Path(tempfile.mkdtemp())
    folder = place / "inbox"
    folder.mkdir()
    wanted = corpus(folder, size)
    megabytes = sum(f.stat().st_size for f in folder.iterdir()) / 1e6
    print(f"{size:,} simulated articles, {megabytes:.0f} MB in {len(list(folder.iterdir()))} files")
    words_only = open_library(place / "words.sqlite")
    start = time.perf_counter()
    words_only.add(folder)
    print(f"words alone            {time.perf_counter() - start:6.1f} s")
    words_only.close()
    library = open_library(documents.place(folder))
    start = time.perf_counter()
    added = library.add(folder, reader=documents.read_claims, version=documents.reader_version())
    seconds = time.perf_counter() - start
    print(
        f"words and claims       {seconds:6.1f} s  {added.new:,} documents, {added.claims:,} claims, {megabytes / seconds:.2f} MB/s"
    )
    library.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    print(f"file                   {library.path.stat().st_size / 1e6:6.0f} MB")
    start = time.perf_counter()
    library.add(folder, reader=documents.read_claims, version=documents.reader_version())
    print(f"nothing new            {time.perf_counter() - start:6.2f} s")
    known = index.glossary(lexicon.glossary())
    found, spent = timed(lambda q: find.words(library, q, glossary=known)["title"].tolist(), list(wanted))
    print(f"{'engine':22} {'index s':>8} {'recall@10':>10} {'p50 ms':>8} {'p95 ms':>8}")
    print(
        f"{'character pairs (ours)':22} {seconds:8.1f} {recall(found, wanted):10.2f} {np.percentile(spent, 50):8.1f} {np.percentile(spent, 95):8.1f}"
    )
    texts = library.connection.execute("SELECT title, text FROM documents").fetchall()
    for name, took, right, p50, p95 in others(texts, wanted):
        print(f"{name:22} {took:8.1f} {right:10.2f} {p50:8.1f} {p95:8.1f}")
    _, spent = timed(
        lambda q: find.words(library, q, glossary=known), [q for q, _ in GAPS] + ["收入", "GMV 增长", "revenue up"]
    )
    print(
        f"common words and the other language: p50 {np.percentile(spent, 50):.1f}, p95 {np.percentile(spent, 95):.1f} ms"
    )
    lookup = lexicon.words()
    queries = [
        "Kuaishou revenue yoy 34 % +- 0.5 pp",
        "抖音 gmv 同比 34% +- 0.5 pp",
        "毛利率 45.1%",
        "monthly active users 512 million",
    ]
    hits, spent = timed(lambda q: find.numbers(library, find.number_query(q, lookup)), queries)
    print(
        f"numbers: {[len(h) for h in hits]} claims, p50 {np.percentile(spent, 50):.1f}, p95 {np.percentile(spent, 95):.1f} ms"
    )
    print(f"most memory            {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:6.0f} MB")
    shutil.rmtree(place)
    fifty(Path(tempfile.mkdtemp()))


def fifty(place: Path) -> None:
    """One text of 50 MB without a full stop."""
    folder = place / "inbox"
    folder.mkdir()
    (folder / "long.txt").write_text("快手电商口径 " * (50_000_000 // 19), encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    library = open_library(documents.place(folder))
    added = library.add(folder, reader=documents.read_claims, version=documents.reader_version())
    print(f"50 MB without a full stop: {time.perf_counter() - start:.1f} s, {added.new} document, "
          f"most memory {before / 1e3:.0f} to {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")  # fmt: skip
    shutil.rmtree(place)


if __name__ == "__main__":
    main(int(re.sub("[^0-9]", "", sys.argv[1])) if len(sys.argv) > 1 else 100_000)
