"""What the plots share: a style, and how results become pictures."""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

INK = "#222222"
STYLE = {
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "text.color": INK,
    "axes.labelcolor": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    # The same input gives the same file.
    "svg.hashsalt": "markbook",
}


def main(draw, source, picture, dpi, **style):
    """Draws `source` of the directory in the arguments as SVG and PNG."""
    directory = Path(sys.argv[1])
    plt.rcParams.update({**STYLE, **style})
    figure = draw(json.loads((directory / source).read_text()))
    figure.savefig(directory / f"{picture}.svg", metadata={"Date": None})
    figure.savefig(directory / f"{picture}.png", dpi=dpi, metadata={"Software": None})
