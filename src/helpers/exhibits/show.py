"""Exhibits that show themselves: a picture with a text, or a piece of safe HTML."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from PIL import Image

COLOURS = 128
"""Of a picture: charts have few, and a palette makes files a third of the size."""

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
    """

    png: bytes
    alt: str

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"image/png": self.png, "text/plain": self.alt}, {"image/png": {"alt": self.alt}}


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
        return {**self.data, "text/html": self.html, "text/plain": self.text}


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
