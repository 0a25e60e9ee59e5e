"""What every page of the reports shares: style, the one script and its policy, and the page's own words."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from helpers.reports import changes, fonts
from helpers.wording import say

TEMPLATES = Path(__file__).parent / "template"

WORDS = {
    "en": {
        "skip": "Skip to the text",
        "contents": "Contents",
        "code": "Code",
        "show_code": "Show all code",
        "hide_code": "Hide all code",
        "scheme": "Light / dark",
        "parameters": "Parameters",
        "provenance": "Provenance",
        "generated": "Generated",
        "as_of": "As of",
        "notebook": "Notebook",
        "run": "Run",
        "commit": "Commit",
        "dirty": "with changes that are not committed",
        "no_commit": "not under version control",
        "lock": "Locked packages",
        "data": "Data files read",
        "no_data": "none",
        "name": "Name",
        "value": "Value",
        "messages": "Messages",
        "dropped": "Interactive output is not part of a report; see the notebook.",
        "no_alt": "This figure has no description.",
        "outside_image": "Image not embedded",
        "table": "Table, scrolls sideways",
        "doubted": "Rests on a doubtful fact",
        "sources": "Sources of this number",
        "close": "Close",
        "source": "Source",
        "status": "Status",
        "note": "Note",
        "said": "As published",
        "held": "Held against it",
        "in_list": "In the list of sources",
        "changed": "What changed since the last report",
        "audit": "Audit",
        "audit_facts": "verdicts on the {facts} facts that this report was computed from",
        "audit_ledger": "The whole ledger",
        "all_reports": "All reports",
        "sort": "Sort by",
    },
    "zh": {
        "skip": "跳到正文",
        "contents": "目录",
        "code": "代码",
        "show_code": "显示全部代码",
        "hide_code": "隐藏全部代码",
        "scheme": "浅色 / 深色",
        "parameters": "参数",
        "provenance": "来源与版本",
        "generated": "生成时间",
        "as_of": "数据截至",
        "notebook": "笔记本",
        "run": "运行",
        "commit": "提交",
        "dirty": "含未提交的改动",
        "no_commit": "未纳入版本管理",
        "lock": "锁定的软件包",
        "data": "读取的数据文件",
        "no_data": "无",
        "name": "名称",
        "value": "取值",
        "messages": "运行信息",
        "dropped": "报告不包含交互式输出，请查看笔记本。",
        "no_alt": "此图没有文字说明。",
        "outside_image": "图片未嵌入",
        "table": "表格，可横向滚动",
        "doubted": "所依据的事实存疑",
        "sources": "该数字的来源",
        "close": "关闭",
        "source": "来源",
        "status": "性质",
        "note": "备注",
        "said": "原文数值",
        "held": "存疑之处",
        "in_list": "见来源列表",
        "changed": "与上一份报告相比的变化",
        "audit": "核查",
        "audit_facts": "条核查结论，涉及本报告计算所依据的 {facts} 条事实",
        "audit_ledger": "整个台账",
        "all_reports": "全部报告",
        "sort": "排序",
    },
}


def words(language: str) -> dict[str, str]:
    """The page's own words, in English for a language that is not known."""
    return WORDS.get(language, WORDS["en"])


@functools.cache
def assets() -> dict[str, Markup]:
    """Style, script and content security policy for a page's head.

    Returns
    -------
    dict of str to Markup
        ``style``, ``script`` and ``policy``. The policy names the hash of our one script, so that a
        script which comes in with data or text never runs, and forbids every address outside the file.
    """
    script = (TEMPLATES / "script.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    return {"style": Markup(style), "script": Markup(script), "policy": Markup(policy)}


def with_font(shown: str) -> str:
    """A page with the Chinese letters that it holds."""
    return shown.replace("<style>", f"<style>{fonts.face(shown)}", 1)


def moves(told: Mapping[str, Any]) -> dict[str, Any]:
    """A record of changes as the pages show it."""
    lines = [{**one, "sentence": changes.sentence(one)} for one in told["headlines"]]
    return {**told, "summary": changes.summary(told), "headlines": lines}


def environment() -> jinja2.Environment:
    """A Jinja environment that escapes everything it is not told to trust."""
    loader = jinja2.FileSystemLoader(TEMPLATES)
    made = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    equip(made)
    return made


def equip(made: jinja2.Environment) -> None:
    """Add the shared pieces to an environment that somebody else made."""
    made.autoescape = True
    made.globals["assets"] = assets()
    made.filters["minute"] = minute
    made.filters["told"] = say
    made.filters["link"] = lambda folder: quote(f"{folder}/report.html")


def minute(moment: str | None) -> str:
    """An ISO time as a reader wants it: ``2026-11-22 09:15 UTC``."""
    try:
        return dt.datetime.fromisoformat(str(moment)).astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return str(moment)
