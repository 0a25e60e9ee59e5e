"""Exhibits that show themselves: a picture with a text, or a piece of safe HTML."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field, replace

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from PIL import Image

FORECASTS = "application/vnd.helpers.forecasts+json"
"""Under this type an exhibit tells the run's record what it expects of a period, or what is known of it."""

COLOURS = 128
"""Of a picture: charts have few, and a palette makes files a third of the size."""

SESSION = "JPY_SESSION_NAME"
"""Set by JupyterLab for the kernels of its notebooks; papermill, nbval and the report runner leave it out."""

LAB_STYLE = """<style>
.headlines { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: .8rem; margin: .6rem 0; }
.headline { border: 1px solid var(--jp-border-color1); border-top-color: var(--jp-brand-color1); padding: .6rem .9rem; }
.headlines .headline p { margin: .15rem 0; color: var(--jp-ui-font-color1); }
.headlines .headline-label, .headlines .headline-source { font-size: .85em; color: var(--jp-ui-font-color2); }
.headlines p.headline-value { font-size: 1.6em; font-weight: 650; }
table.exhibit caption { text-align: left; font-weight: 600; color: var(--jp-ui-font-color1); padding-bottom: .4em; }
table.exhibit td.text, table.exhibit th.text { text-align: left; }
[class*="verdict-"], .check-pass, .check-fail, .check-info { font-weight: 600; white-space: nowrap; }
.verdict-consistent, .check-pass { color: var(--jp-success-color0); }
.verdict-inconsistent, .check-fail { color: var(--jp-error-color0); }
.verdict-implausible { color: var(--jp-warn-color0); }
</style>"""
"""For exhibits in JupyterLab, in the colours of its theme; reports have a style of their own."""

PADDING = 0.15
"""White around a picture, inches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A drawn figure.

    Attributes
    ----------
    png : bytes
        The picture.
    alt : str
        What it shows, for readers who do not see it.
    data : dict of str to object
        Further representations by mime type, such as the forecasts for the run's record.
    """

    png: bytes
    alt: str
    data: dict[str, object] = field(default_factory=dict)

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {**self.data, "image/png": self.png, "text/plain": self.alt}, {"image/png": {"alt": self.alt}}


def with_forecasts(figure: Figure, rows: pd.DataFrame, *, entity: str, made_on: object) -> Figure:
    """A figure that also tells the run's record which periods it expects, and which it knows.

    Parameters
    ----------
    figure : Figure
    rows : DataFrame
        Columns metric, period_start, period_end, value, low, high, level (NaN where the value is known), unit,
        currency, label.
    entity : str
        Whose they are: by it and the metric later runs find the outcome.
    made_on : day
        The day that the report speaks from.
    """
    said = [
        {
            "name": f"{entity}.{row.metric}.{row.period_end:%Y-%m-%d}",
            "entity": entity,
            "metric": str(row.metric),
            "period_start": f"{row.period_start:%Y-%m-%d}",
            "period_end": f"{row.period_end:%Y-%m-%d}",
            "made_on": f"{pd.Timestamp(made_on):%Y-%m-%d}",
            "value": float(row.value),
            "low": float(row.low),
            "high": float(row.high),
            "level": None if pd.isna(row.level) else float(row.level),
            "unit": row.unit,
            "currency": row.currency,
            "label": row.label,
        }
        for row in rows.itertuples()
    ]
    return replace(figure, data={**figure.data, FORECASTS: {"forecasts": said}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Html:
    """A piece of HTML whose foreign text is already escaped.

    Attributes
    ----------
    html : str
        The markup.
    text : str
        The same in plain text.
    data : dict of str to object
        Further representations by mime type, such as the headlines for the run's record.
    """

    html: str
    text: str
    data: dict[str, object] = field(default_factory=dict)

    def _repr_mimebundle_(self, include=None, exclude=None):
        shown = LAB_STYLE + self.html if is_in_lab() else self.html
        return {**self.data, "text/html": shown, "text/plain": self.text}


def is_in_lab() -> bool:
    """Whether somebody looks at this in JupyterLab, and could move a slider."""
    return bool(os.environ.get(SESSION))


def draw(canvas: Canvas, alt: str) -> Figure:
    """Render and close a matplotlib figure."""
    buffer, small = io.BytesIO(), io.BytesIO()
    dpi = mpl.rcParams["savefig.dpi"]
    canvas.set_dpi(canvas.dpi if dpi == "figure" else dpi)
    # matplotlib's own "tight" lays the figure out once more than this, for the same box
    box = canvas.get_tightbbox(FigureCanvasAgg(canvas).get_renderer()).padded(PADDING)
    canvas.savefig(buffer, format="png", bbox_inches=box, pil_kwargs={"compress_level": 1})  # only passed on
    plt.close(canvas)
    # no dithering and no tags: the same figure gives the same bytes on every machine with the same versions
    picture = Image.open(buffer).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(small, format="png", optimize=True)
    return Figure(png=small.getvalue(), alt=alt)
