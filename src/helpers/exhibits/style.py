"""One look for all figures.

Chinese text renders on every machine because the font comes with a package (Noto Sans SC, OFL) and
is registered by its file, whatever fonts the system has.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import seaborn as sns
from matplotlib import font_manager

from helpers.errors import HelpersError
from helpers.wording import set_language

# Okabe and Ito's palette: told apart by readers with any kind of colour vision, and in grey print
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#4D4D4D", "#8C6D31"]
INK, SOFT, GRID = "#1b1f24", "#5b6570", "#e3e6ea"
MARKS = ["o", "s", "^", "D", "v", "P", "X", "*"]
_state = {"seen": {}, "cited": set()}


def use_style(language: str = "en", *, entities: Sequence[str] = ()) -> None:
    """Set fonts, colours and sizes for matplotlib, and the language of labels.

    Parameters
    ----------
    language : {"en", "zh"}
        Language of labels, headings made here, and number words.
    entities : sequence of str
        Take the colours in this order; others follow as they appear.

    Raises
    ------
    UnknownNameError
        The language is neither en nor zh.
    HelpersError
        The package that carries the font is not installed.
    """
    set_language(language)
    _state.update(seen={entity: index for index, entity in enumerate(entities)}, cited=set())
    sns.set_theme(style="whitegrid", palette=PALETTE)
    mpl.rcParams.update(
        {
            "font.family": [_font(), "DejaVu Sans"],
            "font.size": 10,
            "axes.titlesize": 12.5,
            "axes.titlelocation": "left",
            "axes.titlepad": 30,
            "axes.titley": 1.0,  # above the axes, with no search for a place above tick labels: none stand there
            "axes.labelsize": 9.5,
            "axes.labelcolor": SOFT,
            "text.color": INK,
            "axes.edgecolor": GRID,
            "xtick.color": SOFT,
            "ytick.color": SOFT,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "grid.color": GRID,
            "grid.linewidth": 0.7,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.spines.left": False,
            "legend.frameon": False,
            "legend.fontsize": 9,
            "figure.dpi": 110,
            "savefig.dpi": 150,
            "figure.figsize": (8.4, 4.2),
            "lines.linewidth": 2.0,
            "lines.markersize": 5,
            "figure.facecolor": "white",
        }
    )


def cited() -> set[str]:
    """Facts that the page has linked to so far, for its list of sources."""
    return _state["cited"]


def look(entity: str) -> dict[str, str]:
    """Colour and mark of an entity: the same in every figure of a report, in the order of appearance."""
    index = _state["seen"].setdefault(entity, len(_state["seen"]))
    return {"color": PALETTE[index % len(PALETTE)], "marker": MARKS[index % len(MARKS)]}


def _font() -> str:
    # the package is only located, not imported: its import changes matplotlib behind the reader's back
    spec = importlib.util.find_spec("zhplot")
    if spec is None or spec.origin is None:
        raise HelpersError("the font package zhplot is not installed: run `make env`")
    path = Path(spec.origin).parent / "fonts" / "NotoSansSC-Regular.ttf"
    font_manager.fontManager.addfont(path)
    return font_manager.FontProperties(fname=path).get_name()
