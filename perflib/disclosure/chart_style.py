"""How charts look: colours, line styles, labels, and the bytes of the image.

The palette is the Government Analysis Function's; each colour has a contrast of 3 to 1 or better on white. Colour is
never the only sign: `series_styles` gives each series a dash and a marker too, `HATCHES` is for bars, and `label_ends`
writes the names where the lines end, so that no legend is needed.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import matplotlib as mpl
import numpy as np
from matplotlib import rcsetup
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

PALETTE = ("#12436D", "#28A197", "#801650", "#F46A25", "#3D3D3D", "#A285D1")
INK = "#1B2733"
AXIS = "#595959"
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "ooo")

_DASHES = ("solid", (0, (6, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2)), (0, (10, 3)), (0, (1, 1)))
_MARKERS = ("o", "s", "^", "D", "v", "P")
_READABLE = " '()*,-./;=@_~"  # what may stand unescaped in a data: address inside a quoted attribute
_PAGE_FONT = "'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"
_SETTINGS: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": AXIS,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": INK,
    "axes.labelsize": 11,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": rcsetup.cycler("color", PALETTE),
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.xmargin": 0.03,
    "date.converter": "concise",
    "figure.dpi": 100,
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "grid.alpha": 0.22,
    "grid.color": AXIS,
    "grid.linewidth": 0.8,
    "hatch.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 2.2,
    "lines.markersize": 5,
    "patch.linewidth": 0.8,
    "savefig.dpi": 144,
    "savefig.facecolor": "white",
    "svg.fonttype": "none",
    "svg.hashsalt": "perflib",
    "text.color": INK,
    "text.parse_math": False,  # what an extract calls a unit or a group is text, dollar signs and all
    "xtick.color": AXIS,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 10.5,
    "ytick.color": AXIS,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 10.5,
    "ytick.major.size": 0,
}


@contextmanager
def chart_style() -> Iterator[None]:
    """Draw in the house style whatever the caller's own settings are, and leave those as they were."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def series_styles(number: int) -> list[dict[str, Any]]:
    """Return keyword arguments for `Axes.plot`, one a series: colour, dash and marker together.

    Examples
    --------
    >>> series_styles(2)[1]["marker"]
    's'
    """
    return [
        {
            "color": PALETTE[i % 6],
            "linestyle": _DASHES[i % 6],
            "marker": _MARKERS[(i + i // 6) % 6],
            "markeredgecolor": "white",
        }
        for i in range(number)
    ]


def label_ends(axes: Axes, *, gap: float = 0.075) -> None:
    """Write each labelled line's name to the right of its end, kept apart by `gap` of the axis' height.

    Call it last, when lines and limits are in place.
    """
    ends = []
    for line in axes.get_lines():
        heights = np.asarray(line.get_ydata(), dtype=float)
        heights = heights[np.isfinite(heights)]
        if heights.size and not str(line.get_label()).startswith("_"):
            ends.append((float(heights[-1]), str(line.get_label())))
    ends.sort()
    if not ends:
        return
    low, high = axes.get_ylim()
    step = gap * (high - low)
    steps = step * np.arange(len(ends))
    heights = np.maximum([end[0] for end in ends], low + step / 2)
    placed = np.maximum.accumulate(heights - steps) + steps
    placed -= max(0.0, placed[-1] - max(high, heights[-1]))
    for (_, label), height in zip(ends, placed, strict=True):
        axes.annotate(
            label,
            (1, height),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            annotation_clip=False,
        )


def image_uri(figure: Figure, *, raster: bool) -> str:
    """Return a drawn figure as a `data:` address: the same bytes for the same drawing.

    An SVG is percent-encoded, so that it can be searched and compared. Text in it stays text and takes the font of the
    page; it is measured with matplotlib's own font, so that the drawing does not depend on the fonts of the machine.

    The axes are laid out here, and not by a layout engine of the figure's own, for which it would be drawn twice.
    """
    (FigureCanvasAgg if raster else FigureCanvasSVG)(figure)
    figure.dpi = mpl.rcParams["savefig.dpi"] if raster else FigureCanvasSVG.fixed_dpi
    ConstrainedLayoutEngine().execute(figure)
    out = io.BytesIO()
    figure.savefig(
        out,
        format="png" if raster else "svg",
        metadata={"Software": None} if raster else {"Date": None, "Creator": None},
    )
    if raster:
        return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
    drawing = out.getvalue().decode().replace("'DejaVu Sans'", _PAGE_FONT)
    return f"data:image/svg+xml,{quote(drawing, safe=_READABLE)}"
