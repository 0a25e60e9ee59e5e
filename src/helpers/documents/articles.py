"""From files to articles: text, Markdown, HTML and PDF, with title, publisher, day and language.

One file may hold several articles: a feed that was copied as text has lines such as ``Publisher· 2025-10-21 10:50``
under each title. What the module cannot do: read scans (there is no text in them), or know a publisher that a page
does not name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml
from bs4 import BeautifulSoup

from helpers.errors import DataError

ENCODINGS = ("utf-8", "gb18030", "big5")
MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
FEED_LINE = re.compile(
    r"^(?P<publisher>[^\n·]{1,60}?) ?· ?(?P<day>20\d\d-\d\d-\d\d)(?: \d\d:\d\d(?::\d\d)?)?[ \t]*$", re.MULTILINE
)
SOURCE_LINE = re.compile(
    r"(?:来源|來源|稿源|Source|Publisher)\s*[::]\s*(?P<publisher>[^\n·|]{1,40}?)[ ·|,,]+"
    r"(?P<day>20\d\d[-年/]\d{1,2}[-月/]\d{1,2})"
)
DAY = re.compile(r"(20\d\d)[-/.年](\d{1,2})(?:[-/.月](\d{1,2}))?")
HAN = re.compile(r"[一-鿿]")
USUAL = re.compile(r"[\n\r\t -~\u2010-\u203b\u3000-\u303f一-鿿\uff01-\uff5e]+")
LONGEST_TITLE = 120
TITLE_TAGS = ("og:title", "twitter:title")
PUBLISHER_TAGS = ("og:site_name", "publisher", "article:publisher", "author", "source")
DAY_TAGS = ("article:published_time", "pubdate", "publishdate", "date", "dc.date", "og:published_time")
BLOCKS = (
    "p",
    "div",
    "li",
    "section",
    "article",
    "blockquote",
    "br",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "figcaption",
)
MOST_PDF_PAGES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One text with what is known of it.

    Attributes
    ----------
    title, publisher : str
        "" where the file does not say.
    published : str
        ISO day, month or year, or "".
    language : str
        zh or en: which letters prevail.
    text : str
        With its title; line ends are ``\\n``, control characters are blanks.
    start : int
        Where the text begins in the file's own text.
    kind : str
        txt, md, html or pdf.
    """

    title: str
    publisher: str
    published: str
    language: str
    text: str
    start: int
    kind: str


def read(path: Path) -> list[Article]:
    """The articles of a file.

    Parameters
    ----------
    path : Path
        Suffix .txt, .md, .markdown, .html, .htm or .pdf.

    Raises
    ------
    DataError
        One line that says why the file is not read: unknown kind, empty, no text, damaged, encrypted.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(path.name, [f"cannot be read: {error.strerror}"]) from None
    return parse(content, path.name)


def parse(content: bytes, name: str) -> list[Article]:
    """The articles in the bytes of a file called `name`; see `read`."""
    suffix = Path(name).suffix.lower()
    reader = READERS.get(suffix)
    if reader is None:
        raise DataError(name, [f"{suffix or 'a file without suffix'} is not read: give {', '.join(READERS)}"])
    if not content.strip():
        raise DataError(name, [f"the file is empty ({len(content)} bytes)"])
    found = [article for article in reader(content, name) if article.text.strip()]
    if not found:
        raise DataError(name, ["there is no text in it"])
    return found


def decoded(content: bytes, name: str) -> str:
    """Bytes as text: by the mark at their start, else UTF-8, else the Chinese encoding that reads all of them.

    A guess that leaves damaged characters is refused: a wrong letter in a number is worse than no document.
    """
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return _clean(_strict(content, encoding, name))
    half = _looks_utf16(content)
    if half:
        return _clean(_strict(content, half, name))
    if b"\0" in content[:4096]:
        text = _chinese_utf16(content)
        if not text:
            raise DataError(name, ["it is no text: NUL bytes in its first 4,096"])
        return _clean(text)
    for encoding in ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or _is_plausible(text):
            return _clean(text)
    if text := _chinese_utf16(content):
        return _clean(text)
    raise DataError(name, [f"its encoding is none of {', '.join(ENCODINGS)}, utf-16: save it as UTF-8"])


def _strict(content: bytes, encoding: str, name: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(name, [f"byte {error.start}: not {encoding}, although it begins like it"]) from None


def _looks_utf16(content: bytes) -> str:
    """UTF-16 without a mark: every second byte of Latin text is zero."""
    head = content[:4096]
    if len(head) < 4 or len(content) % 2:
        return ""
    zeros = (head[0::2].count(0), head[1::2].count(0))
    if max(zeros) < len(head) / 8 or min(zeros) > max(zeros) / 10:
        return ""
    return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"


def _chinese_utf16(content: bytes) -> str:
    """UTF-16 without a mark, in the one order of bytes in which it is Chinese; "" if it is so in neither."""
    found = []
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        usual = sum(map(len, USUAL.findall(text)))
        if "\0" not in text and HAN.search(text) and usual >= 0.95 * len(text) and _is_plausible(text):
            found.append(text)
    return found[0] if len(found) == 1 else ""


def _is_plausible(text: str) -> bool:
    """A wrong Chinese encoding turns into rare characters and letters of private use."""
    odd = len(re.findall("[\ue000-\uf8ff\ufffd\x80-\x9f]", text))
    han = re.findall("[一-鿿]", text)
    usual = sum(c in "的是在了和一有不中年月日元亿万人公司市场为上同比大个增长商家用户收入" for c in han)
    return odd == 0 and (not han or usual >= len(han) / 60)


def _clean(text: str) -> str:
    """Line ends as one character, control characters as blanks: every other character keeps its place."""
    return CONTROL.sub(" ", text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))


def language(text: str) -> str:
    """zh where a fifth or more of the letters are Chinese."""
    head = text[:4000]
    letters = sum(c.isalpha() for c in head)
    return "zh" if letters and len(HAN.findall(head)) * 10 >= letters * 2 else "en"


def day_of(text: str) -> str:
    """The first day, or month, in a text as ISO; "" if there is none or it is none of the calendar."""
    found = DAY.search(text or "")
    if not found:
        return ""
    year, month, day = found.groups()
    try:
        date(int(year), int(month), int(day or 1))
    except ValueError:
        return ""
    return f"{year}-{int(month):02d}" + (f"-{int(day):02d}" if day else "")


def _article(
    text: str, kind: str, *, title: str = "", publisher: str = "", published: str = "", start: int = 0
) -> Article:
    said = SOURCE_LINE.search(text[:600])
    publisher = publisher or (said["publisher"].strip() if said else "")
    published = published or (day_of(said["day"]) if said else "")
    return Article(
        title=" ".join((title or _first_line(text)).split()), publisher=publisher, published=published,
        language=language(text), text=text, start=start, kind=kind,
    )  # fmt: skip


def _first_line(text: str) -> str:
    """The first line as the title, if it is as short as a title and more follows."""
    line, _, rest = text.strip().partition("\n")
    return line.lstrip("# ").strip() if rest.strip() and len(line) <= LONGEST_TITLE else ""


def _from_text(content: bytes, name: str) -> list[Article]:
    return _feed(decoded(content, name), "txt")


def _feed(text: str, kind: str) -> list[Article]:
    """The articles of a copied feed; a text without such lines is one article."""
    heads = []
    for line in FEED_LINE.finditer(text):
        begin = text.rfind("\n", 0, max(0, line.start() - 1)) + 1
        title = text[begin : line.start()].strip()
        if title and len(title) <= LONGEST_TITLE:
            heads.append((begin, title, line))
    if not heads:
        return [_article(text, kind)]
    out = []
    for number, (begin, title, line) in enumerate(heads):
        end = heads[number + 1][0] if number + 1 < len(heads) else len(text)
        out.append(
            _article(
                text[begin:end],
                kind,
                title=title,
                publisher=line["publisher"].strip(),
                published=line["day"],
                start=begin,
            )
        )
    before = text[: heads[0][0]]
    return out if len(before.strip()) < 200 else [_article(before, kind), *out]


def _from_markdown(content: bytes, name: str) -> list[Article]:
    """Markdown as it is: its marks do not hide numbers. Front matter says title, publisher and day."""
    text = decoded(content, name)
    said = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    if not said:
        return _feed(text, "md")
    front = _front_matter(said[1])
    first = lambda *keys: next((str(front[k]).strip() for k in keys if front.get(k)), "")  # noqa: E731
    return [
        _article(
            text[said.end() :], "md", title=first("title"), publisher=first("publisher", "source", "author"),
            published=day_of(first("date", "published")), start=said.end(),
        )
    ]  # fmt: skip


def _front_matter(text: str) -> dict[str, object]:
    """Keys and values of front matter; a title with a colon in it, which YAML refuses, is read by its line."""
    try:
        front = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):  # a day that is none of the calendar is a ValueError there
        front = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {str(k).strip().lower(): v for k, v in front.items()} if isinstance(front, dict) else {}


def _from_html(content: bytes, name: str) -> list[Article]:
    """What a reader of the page sees: no scripts, styles, menus; table rows as cells with bars."""
    soup = BeautifulSoup(content, "lxml", from_encoding=_declared(content))
    for tag in soup(["script", "style", "noscript", "nav", "template", "iframe", "svg", "form"]):
        tag.decompose()
    meta = {str(t.get("property") or t.get("name") or "").lower(): str(t.get("content") or "") for t in soup("meta")}
    first = lambda keys: next((meta[k] for k in keys if meta.get(k)), "")  # noqa: E731
    title = first(TITLE_TAGS) or (soup.title.get_text() if soup.title else "")
    time = soup.find("time")
    published = day_of(first(DAY_TAGS)) or (day_of(str(time.get("datetime") or time.get_text())) if time else "")
    text = _visible(soup.body or soup)
    return [_article(text, "html", title=title.strip(), publisher=first(PUBLISHER_TAGS).strip(), published=published)]


def _declared(content: bytes) -> str | None:
    """The encoding that a page's bytes are in; what it declares is often wrong for Chinese pages."""
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return encoding
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        declared = re.search(rb"charset=[\"']?([\w-]+)", content[:2048], re.IGNORECASE)
        name = declared[1].decode("ascii").lower() if declared else "gb18030"
        return "gb18030" if name in ("gb2312", "gbk", "utf-8") else name
    return "utf-8"


def _visible(body) -> str:
    for row in body("tr"):
        cells = [" ".join(cell.get_text(" ").split()) for cell in row(["td", "th"])]
        row.replace_with("\n" + " | ".join(cells) + "\n")
    for level in range(1, 5):
        for heading in body(f"h{level}"):
            heading.insert(0, "#" * level + " ")
    for tag in body(list(BLOCKS)):
        tag.insert_before("\n")
        tag.append("\n")
    lines = (" ".join(line.split()) for line in _clean(body.get_text()).split("\n"))
    return "\n".join(line for line in lines if line) + "\n"


def _from_pdf(content: bytes, name: str) -> list[Article]:
    """The text of a PDF, page by page."""
    import pypdfium2  # 30 MB of library that only PDF files need
    from pypdfium2.raw import FPDF_ERR_PASSWORD

    if not content[:1024].lstrip().startswith(b"%PDF"):
        what = " (it is a zip archive)" if content.startswith(b"PK\x03\x04") else ""
        raise DataError(name, [f"it is no PDF{what}: it does not begin with %PDF"])
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        locked = getattr(error, "err_code", None) == FPDF_ERR_PASSWORD
        why = "it is encrypted: save it without a password" if locked else "the PDF is damaged"
        raise DataError(name, [why]) from None
    with document:
        if len(document) > MOST_PDF_PAGES:
            raise DataError(name, [f"{len(document):,} pages: at most {MOST_PDF_PAGES:,}"])
        pages = [_page(document, number, name) for number in range(len(document))]
        title, made = document.get_metadata_value("Title"), document.get_metadata_value("CreationDate")
    text = _clean("\n\n".join(pages))
    if not re.search(r"\w", text):
        raise DataError(name, [f"a scan without text ({len(pages)} pages): run character recognition on it first"])
    day = re.match(r"D:(20\d\d)(\d\d)(\d\d)", made or "")
    return [_article(text, "pdf", title=title or "", published="-".join(day.groups()) if day else "")]


def _page(document, number: int, name: str) -> str:
    """The text of one page; a document that lacks one of its pages is refused, since its numbers would be missing."""
    import pypdfium2

    try:
        return document[number].get_textpage().get_text_range()
    except pypdfium2.PdfiumError:
        why = f"the PDF is damaged: page {number + 1} of {len(document)} cannot be read"
        raise DataError(name, [why]) from None


READERS: dict[str, Callable[[bytes, str], list[Article]]] = {
    ".txt": _from_text, ".md": _from_markdown, ".markdown": _from_markdown, ".html": _from_html, ".htm": _from_html,
    ".pdf": _from_pdf,
}  # fmt: skip
