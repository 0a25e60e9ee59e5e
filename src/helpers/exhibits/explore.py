"""Sliders for the drivers of a sizing, in JupyterLab only.

A kernel that JupyterLab opened for a notebook carries ``JPY_SESSION_NAME`` in its environment (jupyter-server sets it
for each session); one that papermill, nbval or the report runner started does not. There a sentence stands instead, the
same bytes every time, and ipywidgets is not even imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from helpers.exhibits.market import say_unit
from helpers.exhibits.show import Html, is_in_lab
from helpers.exhibits.tables import statement
from helpers.market import Graph
from helpers.wording import word

ENDS = (0.01, 0.99)
"""Quantiles of a driver at the ends of its slider."""


def sliders(graph: Graph, node: str, *, drivers: Iterable[str]) -> object:
    """A slider for each main driver and the node's value at their settings; a sentence in a scheduled run.

    Parameters
    ----------
    graph : Graph
    node : str
    drivers : iterable of str
        In the order of the sliders.

    Raises
    ------
    UnknownNameError
        An unknown node or driver.
    """
    chosen = list(drivers)
    for name in (node, *chosen):
        graph.check(name)
    if not is_in_lab():
        return statement(word("slide", drivers=", ".join(graph.labels.get(name, name) for name in chosen)))
    return _widget(graph, node, chosen)


def _widget(graph: Graph, node: str, chosen: list[str]) -> object:
    import ipywidgets

    handles = {name: _slider(graph, name, ipywidgets) for name in chosen}
    told = ipywidgets.HTML()
    reset = ipywidgets.Button(description=word("slide_reset"))
    show = _shower(graph, node, handles, told)

    def back(_: object) -> None:
        for name, handle in handles.items():
            handle.value = _start(graph, name)

    reset.on_click(back)
    for handle in handles.values():
        handle.observe(show, names="value")
    show()
    return ipywidgets.VBox([*handles.values(), ipywidgets.HBox([reset, told])])


def _slider(graph: Graph, name: str, widgets: object) -> object:
    """Linear for shares, logarithmic for amounts above 0."""
    drawn, unit = graph.drivers[name].distribution, graph.units[name]
    low, high = (float(drawn.quantile(p)) for p in ENDS)
    look = {
        "description": graph.labels.get(name, name), "continuous_update": True,
        "style": {"description_width": "16em"}, "layout": widgets.Layout(width="90%"),
    }  # fmt: skip
    if unit == "1" or low <= 0:
        return widgets.FloatSlider(
            min=low, max=high, step=(high - low) / 200, value=_start(graph, name), readout_format=".3f", **look
        )
    return widgets.FloatLogSlider(
        base=10, min=np.log10(low), max=np.log10(high), step=np.log10(high / low) / 200, value=_start(graph, name),
        readout_format=".3s", **look,
    )  # fmt: skip


def _start(graph: Graph, name: str) -> float:
    return float(graph.drivers[name].distribution.quantile(0.5))


def _shower(graph: Graph, node: str, handles: dict[str, object], told: object) -> Callable:
    base, unit = graph.base()[node], graph.units[node]

    def show(_: object = None) -> None:
        values = graph.medians() | {name: float(handle.value) for name, handle in handles.items()}
        value = float(graph.evaluate(values, [node])[node])
        label = graph.labels.get(node, node)
        said: Html = statement(word("slide_now", label=label, value=say_unit(value, unit), base=say_unit(base, unit)))
        told.value = said.html

    return show
