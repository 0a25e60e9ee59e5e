"""One executed notebook as one HTML file that loads nothing from anywhere.

What this cannot do: interactive output. Widgets and scripts are left out, and the page says so where
they stood; a chart has to come as SVG or PNG.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from jinja2 import Environment
from markupsafe import Markup
from math_core import LatexError, LatexToMathML
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath, MathInlineParser
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from traitlets import default

from helpers.reports import page
from helpers.reports.record import HEADLINES
from helpers.reports.record import subject as subject_of

if TYPE_CHECKING:
    from helpers.reports.changes import Changes
    from helpers.reports.passports import Dossier

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_SCRIPT = re.compile(r"<\s*(script|iframe|object|embed|link|meta|base)\b", re.IGNORECASE)
_TARGET = re.compile(r'<span id="([^"<>]+)">\[\1\]</span>')  # a fact in the list of sources
_DROPPED = ("application/javascript", "application/vnd.jupyter.widget-view+json")
_IMAGES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif")
_OWN_IDS = ("top", "main", "contents", "toggle-code", "toggle-scheme", "drawer", "passports", "changes", "audit")


class ReportExporter(TemplateExporter):
    """Turn executed notebooks into reports; make one and use it for many.

    Call ``report(notebook, record)``. The notebook is not changed.
    """

    export_from_notebook = None
    file_extension = ".html"
    output_mimetype = "text/html"

    @default("template_name")
    def _template_name_default(self) -> str:
        return "template"

    @default("extra_template_basedirs")
    def _basedirs_default(self) -> list[str]:
        return [str(page.TEMPLATES.parent)]

    def _create_environment(self) -> Environment:
        made = super()._create_environment()
        made.trim_blocks = made.lstrip_blocks = True
        page.equip(made)
        return made

    def report(
        self,
        notebook: NotebookNode,
        record: Mapping[str, Any],
        *,
        result: Mapping[str, Any] | None = None,
        changes: Changes | None = None,
        dossier: Dossier | None = None,
        facts: Iterable[str] = (),
    ) -> tuple[str, str, list[str]]:
        """The report's HTML, its title and its warnings.

        Parameters
        ----------
        notebook : NotebookNode
            Executed.
        record : mapping
            The run record (run.json); its parameters, times, commit and hashes are shown.
        result : mapping, optional
            The run's results (result.json): headline numbers with ``doubts`` are marked.
        changes : Changes, optional
            What changed since the last report; told at the top.
        dossier : Dossier, optional
            Tells the passports of the facts that the page links to, and the audit for its foot.
        facts : iterable of str
            Facts that the report rests on, of which the foot tells the audit.

        Returns
        -------
        tuple of str, str and list of str
            The page, its title, and what a reader would miss: figures without a description, dropped output,
            formulas that could not be set.
        """
        language = language_of(record)
        body = _Body(page.words(language), [one.get("doubts") or [] for one in (result or {}).get("headlines", ())])
        cells = [block for cell in notebook.cells if (block := body.cell(cell))]
        subject, question = subject_of(notebook), body.title or str(record.get("notebook", ""))
        title = f"{subject}: {question}" if subject else question
        cited = sorted({i for cell in cells for i in _TARGET.findall("".join(map(str, cell.get("outputs", ()))))})
        shown = self.template.render(
            cells=cells,
            contents=body.contents,
            title=title,
            title_html=body.title_html,
            subject=subject,
            record=record,
            language="zh-CN" if language == "zh" else language,
            w=body.words,
            changes=page.moves(changes.record) if changes else None,
            passports=dossier.passports(cited) if dossier else {},
            audit=dossier.audit(facts) if dossier else None,
        )
        return page.with_font(shown.lstrip()), title, body.warnings


def language_of(record: Mapping[str, Any]) -> str:
    """Language of a report: its `language` parameter, English without one."""
    return "zh" if str(record.get("parameters", {}).get("language", "")).startswith("zh") else "en"


def strip_ansi(text: str) -> str:
    """Text without a terminal's colour codes."""
    return _ANSI.sub("", text)


class _Inline(MathInlineParser):
    """Dollar signs are often money here: `US$5 to US$6` is no formula (the rule is pandoc's)."""

    SPECIFICATION: ClassVar[dict[str, str]] = {
        **MathInlineParser.SPECIFICATION,
        "inline_math_tex": r"(?<![$\\\w])\$(?=[^\s$])(?P<math_inline_tex>(?:[^$\\]|\\.)+?)(?<!\s)\$(?![\d$])",
    }


class _Renderer(IPythonRenderer):
    """Markdown to HTML with MathML, numbered headings and no address outside the file."""

    def __init__(self, body: _Body, trusted: bool, attachments: dict | None = None) -> None:
        super().__init__(escape=not trusted, allow_harmful_protocols=False, attachments=attachments)
        self._body = body
        self._trusted = trusted

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        return self._body.heading(text, level) if self._trusted else f"<p><strong>{text}</strong></p>\n"

    def inline_math(self, body: str) -> str:
        return self._body.formula(body, block=False)

    def block_math(self, body: str) -> str:
        return self._body.formula(body, block=True)

    def latex_environment(self, name: str, body: str) -> str:
        return self._body.formula(rf"\begin{{{name}}}{body}\end{{{name}}}", block=True)

    def block_mermaidjs(self, code: str) -> str:
        return f"<pre>{html.escape(code)}</pre>\n"

    def table(self, text: str) -> str:
        return self._body.scrolling(f"<table>\n{text}</table>\n")

    def image(self, text: str, url: str, title: str | None = None) -> str:
        source = self._embed_image_or_attachment(url)
        if source.startswith("data:image/"):
            return f'<img src="{html.escape(source)}" alt="{html.escape(html.unescape(text))}">'
        self._body.warnings.append(f"image not embedded: {url}")
        return f'<span class="omitted">{self._body.words["outside_image"]}: {html.escape(text or url)}</span>'


class _Body:
    """The cells of one report on their way to HTML, with the contents list that grows on the way."""

    def __init__(self, words: dict[str, str], doubts: Iterable[list[str]] = ()) -> None:
        self.words = words
        self._doubts = iter(doubts)
        self.contents: list[dict[str, Any]] = []
        self.warnings: list[str] = []
        self.title = ""
        self.title_html = Markup("")
        self._ids = set(_OWN_IDS)
        self._math = LatexToMathML()
        self._formatter = HtmlFormatter(nowrap=True)
        self._lexer = PythonLexer()

    def cell(self, cell: NotebookNode) -> dict[str, Any] | None:
        """One cell as the template wants it, or None where there is nothing to show."""
        if cell.cell_type == "markdown":
            text = self.markdown(cell.source, trusted=True, attachments=cell.get("attachments"))
            return {"kind": "text", "html": text} if text.strip() else None
        if cell.cell_type != "code" or not cell.source.strip():
            return None
        code = Markup(highlight(cell.source, self._lexer, self._formatter))
        outputs = [shown for output in cell.outputs if (shown := self.output(output))]
        return {"kind": "code", "code": code, "summary": _summary(cell.source), "outputs": outputs}

    def markdown(self, source: str, *, trusted: bool, attachments: dict | None = None) -> Markup:
        """Markdown as HTML; text that comes out of data (`trusted` False) keeps no HTML of its own."""
        renderer = _Renderer(self, trusted, attachments)
        return Markup(MarkdownWithMath(renderer=renderer, inline=_Inline(hard_wrap=False)).render(source))

    def heading(self, text: str, level: int) -> str:
        """A heading with an id that stays the same, and its line in the contents list."""
        plain = html.unescape(re.sub(r"<annotation.*?</annotation>|<[^>]+>", "", text)).strip()
        if level == 1 and not self.title:
            self.title, self.title_html = plain, Markup(text)
            return ""
        anchor = self._anchor(plain)
        if level <= 3:
            self.contents.append({"level": level, "text": plain, "id": anchor})
        return f'<h{level} id="{html.escape(anchor)}">{text}</h{level}>\n'

    def _anchor(self, plain: str) -> str:
        base = re.sub(r"[^\w]+", "-", plain.lower()).strip("-") or "section"
        anchor, number = base, 1
        while anchor in self._ids:
            number += 1
            anchor = f"{base}-{number}"
        self._ids.add(anchor)
        return anchor

    def formula(self, latex: str, *, block: bool) -> str:
        """A formula as MathML; where that fails its source, visibly."""
        try:
            return self._math.convert_with_local_state(latex.strip(), displaystyle=block)
        except LatexError as error:
            self.warnings.append(f"formula not set: {latex.strip()} ({str(error).splitlines()[0]})")
            return f'<code class="formula">{html.escape(latex.strip())}</code>'

    def scrolling(self, table: str) -> str:
        """A table in a box that scrolls sideways, also with the keyboard."""
        label = html.escape(self.words["table"])
        return f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{table}</div>\n'

    def output(self, output: NotebookNode) -> Markup | None:
        """One output as HTML."""
        if output.output_type == "stream":
            return self._stream(output)
        if output.output_type == "error":
            text = strip_ansi("\n".join(output.traceback) or f"{output.ename}: {output.evalue}")
            return Markup('<pre class="error">{}</pre>').format(text)
        data, metadata = output.data, output.get("metadata", {})
        for mime in _IMAGES:
            if mime in data:
                return self._image(mime, data[mime], metadata)
        if "text/html" in data and not _SCRIPT.search(data["text/html"]):
            return self._html(self._marked(data))
        if "text/html" in data or any(mime in data for mime in _DROPPED):
            return self._omitted()
        return self._text(data)

    def _text(self, data: Mapping[str, Any]) -> Markup | None:
        if "text/markdown" in data:
            return Markup('<div class="prose">{}</div>').format(self.markdown(data["text/markdown"], trusted=False))
        if "text/latex" in data:
            return Markup(self.formula(data["text/latex"].strip().strip("$"), block=True))
        if any(mime.startswith("application/vnd.helpers.") for mime in data):
            return None  # a record for result.json, its plain text is of no use to a reader
        text = strip_ansi(data.get("text/plain", ""))
        return Markup('<pre class="plain">{}</pre>').format(text) if text.strip() else None

    def _marked(self, data: Mapping[str, Any]) -> str:
        """Headline cards with a mark where the number rests on a fact that something is held against."""
        bundle, shown = data.get(HEADLINES), str(data["text/html"])
        if not isinstance(bundle, Mapping):
            return shown
        before, *cards = re.split(r'(?=<div class="headline">)', shown)
        doubts = [next(self._doubts, []) for _ in bundle.get("headlines", ())]
        if len(cards) != len(doubts):  # not our cards: the marks stand above them
            return "".join(self._mark(texts) for texts in doubts) + shown
        return before + "".join(
            card.replace('<p class="headline-range">', f'{self._mark(texts)}<p class="headline-range">', 1)
            for card, texts in zip(cards, doubts, strict=True)
        )

    def _mark(self, texts: list[str]) -> str:
        if not texts:
            return ""
        items = "".join(f"<li>{html.escape(text)}</li>" for text in texts)
        return (
            f'<details class="headline-doubt"><summary><span class="verdict-inconsistent">'
            f"{html.escape(self.words['doubted'])}</span></summary><ul>{items}</ul></details>"
        )

    def _html(self, shown: str) -> Markup:
        box = self.scrolling(shown) if "<table" in shown and 'class="scroll"' not in shown else shown
        return Markup(f'<div class="html">{box}</div>')

    def _stream(self, output: NotebookNode) -> Markup:
        text = strip_ansi(output.text).rstrip("\n")
        if output.name == "stdout":
            return Markup('<pre class="plain">{}</pre>').format(text)
        return Markup('<details class="messages"><summary>{} ({})</summary><pre>{}</pre></details>').format(
            self.words["messages"], len(text.splitlines()), text
        )

    def _omitted(self) -> Markup:
        self.warnings.append("interactive output left out")
        return Markup('<p class="omitted">{}</p>').format(self.words["dropped"])

    def _image(self, mime: str, content: str, metadata: Mapping[str, Any]) -> Markup:
        if mime == "image/svg+xml":
            # As an image an SVG cannot run what it carries; inline it would be part of the page.
            content = base64.b64encode(content.encode()).decode()
        alt = metadata.get(mime, {}).get("alt") or metadata.get("image/png", {}).get("alt") or metadata.get("alt")
        source = f"data:{mime};base64,{re.sub(r'[^A-Za-z0-9+/=]', '', content)}"
        if alt:
            return Markup('<figure><img src="{}" alt="{}"></figure>').format(source, alt)
        self.warnings.append("figure without a description (alt)")
        return Markup('<figure><img src="{}" alt="" data-missing-alt><figcaption>{}</figcaption></figure>').format(
            source, self.words["no_alt"]
        )


def _summary(source: str) -> str:
    """What the folded code says of itself: its first comment, where it starts with one."""
    first = source.lstrip().splitlines()[0]
    return first.lstrip("# ").strip()[:80] if first.startswith("#") else ""
