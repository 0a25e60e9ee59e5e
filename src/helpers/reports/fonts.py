"""The Chinese letters that a page holds, as a font inside the page: it reads the same on a machine without one.

Only the letters that occur are kept: 3 kB for ten of them, about 100 kB for a Chinese report, instead of 10 MB. They
come from Noto Sans SC (SIL Open Font License), in the file that the package zhplot brings.
"""

from __future__ import annotations

import base64
import functools
import importlib.util
import io
import threading
from pathlib import Path

FAMILY = "Kit CJK"
_RANGES = ((0x2E80, 0x33FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFE30, 0xFE4F), (0xFF00, 0xFFEF))
_SPARED = ("GSUB", "GPOS", "GDEF", "BASE", "STAT", "vhea", "vmtx", "DSIG")
_lock = threading.Lock()


def letters(text: str) -> str:
    """The Chinese letters and punctuation of a text, each once and in order."""
    return "".join(sorted(c for c in set(text) if any(low <= ord(c) <= high for low, high in _RANGES)))


def face(text: str) -> str:
    """CSS that carries the Chinese letters of a text; empty where it has none.

    Parameters
    ----------
    text : str
        The page.
    """
    wanted = letters(text)
    if not wanted:
        return ""
    content = base64.b64encode(_subset(wanted)).decode()
    spans = ", ".join(f"U+{low:X}-{high:X}" for low, high in _RANGES)
    return (
        f'@font-face {{ font-family: "{FAMILY}"; unicode-range: {spans}; '
        f'src: url(data:font/woff;base64,{content}) format("woff"); }}'
    )


@functools.lru_cache(maxsize=16)
def _subset(wanted: str) -> bytes:
    import uharfbuzz
    from fontTools.ttLib import TTFont

    asked = uharfbuzz.SubsetInput()
    asked.unicode_set.update({ord(c) for c in wanted})
    asked.drop_table_tag_set.update({int.from_bytes(tag.encode()) for tag in _SPARED})
    asked.flags = uharfbuzz.SubsetFlags.NO_HINTING
    with _lock:
        small = uharfbuzz.subset(_whole(), asked).blob.data
    font, buffer = TTFont(io.BytesIO(small)), io.BytesIO()
    font.flavor = "woff"
    font.save(buffer)
    return buffer.getvalue()


@functools.cache
def _whole() -> object:
    import uharfbuzz

    # the package is only located, not imported: its import changes matplotlib behind the reader's back
    spec = importlib.util.find_spec("zhplot")
    return uharfbuzz.Face(uharfbuzz.Blob.from_file_path(Path(spec.origin).parent / "fonts" / "NotoSansSC-Regular.ttf"))
