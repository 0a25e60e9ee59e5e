"""The Chinese letters that a page holds, as a font inside the page: it reads the same on a machine without one.

Only the letters that occur are kept: 3 kB for ten of them, about 200 kB for a Chinese report, instead of 10 MB. They
come from Noto Sans SC (SIL Open Font License), in the file that the package zhplot brings.
"""

from __future__ import annotations

import base64
import functools
import importlib.util
import io
import logging
import threading
from pathlib import Path

FAMILY = "Kit CJK"
_RANGES = ((0x2E80, 0x33FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFE30, 0xFE4F), (0xFF00, 0xFFEF))
_lock = threading.Lock()  # the font's file is read piece by piece


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
    return _face(wanted) if wanted else ""


@functools.lru_cache(maxsize=16)
def _face(wanted: str) -> str:
    from fontTools import subset
    from fontTools.ttLib import TTFont

    logging.getLogger("fontTools").setLevel(logging.ERROR)
    options = subset.Options(hinting=False, layout_features=[], notdef_outline=True, glyph_names=False)
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "BASE", "vhea", "vmtx", "DSIG"]
    with _lock, TTFont(_file(), lazy=True) as font:
        made = subset.Subsetter(options)
        made.populate(text=wanted)
        made.subset(font)
        font.flavor = "woff"
        buffer = io.BytesIO()
        font.save(buffer)
    content = base64.b64encode(buffer.getvalue()).decode()
    return f'@font-face {{ font-family: "{FAMILY}"; src: url(data:font/woff;base64,{content}) format("woff"); }}'


def _file() -> Path:
    # the package is only located, not imported: its import changes matplotlib behind the reader's back
    spec = importlib.util.find_spec("zhplot")
    return Path(spec.origin).parent / "fonts" / "NotoSansSC-Regular.ttf"
