"""Draws the results of scaling.py: python -m plots.scaling DIRECTORY"""

import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, NullLocator

from plots.style import INK, main

OPERATIONS = {
    "get": ("GET one record", "#1b6ca8", "o"),
    "put": ("PUT one record", "#e08e45", "s"),
    "all": ("GET the whole store, 4 connections", "#7a8793", "^"),
}
METRICS = {"requests_per_s": "requests/s", "cpu_us": "µs of processor a request"}


def short(number):
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return f"{number:g}"


def draw_panel(axes, of_axis, metric, base):
    points = of_axis["points"]
    for operation, (_, colour, marker) in OPERATIONS.items():
        of_it = [(p["x"], p["operations"][operation][metric])
                 for p in points if operation in p["operations"]]  # fmt: skip
        if not of_it:
            continue
        xs = [x for x, _ in of_it]
        axes.plot(
            xs, [s["median"] for _, s in of_it],
            color=colour, marker=marker, markersize=4, linewidth=1.4,
        )  # fmt: skip
        axes.fill_between(
            xs, [s["min"] for _, s in of_it], [s["max"] for _, s in of_it],
            color=colour, alpha=0.18, linewidth=0,
        )  # fmt: skip
    axes.axvline(base, color="#c9ced4", linewidth=0.8, zorder=0)
    axes.set_yscale("log")
    xs = [p["x"] for p in points]
    # A few small numbers stand side by side on a linear axis.
    if max(xs) > 10:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.set_xlim(min(xs) - 0.5, max(xs) + 0.5)
    axes.set_xticks(xs, [short(x) for x in xs])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: short(y)))
    axes.grid(axis="y", color="#e6e9ec", linewidth=0.7)


def draw(results):
    axes_of = results["axes"]
    figure, grid = plt.subplots(
        len(METRICS), len(axes_of), figsize=(13, 6), sharey="row", sharex="col",
        gridspec_kw={"width_ratios": [len(a["points"]) + 1 for a in axes_of.values()]},
        layout="constrained",
    )  # fmt: skip
    base = results["settings"]["base"]
    for row, (metric, label) in zip(grid, METRICS.items()):
        for panel, (name, of_axis) in zip(row, axes_of.items()):
            draw_panel(panel, of_axis, metric, base[name])
        row[0].set_ylabel(label)
    for panel, of_axis in zip(grid[0], axes_of.values()):
        panel.set_title(of_axis["unit"], fontsize=9, loc="left", fontweight="bold")
    handles = [
        plt.Line2D([], [], color=colour, marker=marker, markersize=4, label=text)
        for text, colour, marker in OPERATIONS.values()
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3, frameon=False, labelcolor=INK)
    machine, settings = results["machine"], results["settings"]
    figure.supxlabel(
        "Median with minimum and maximum of "
        f"{settings['rounds']} rounds through nginx; the grey line marks what each has while "
        f"another one changes; {machine['processors']} processors ({machine['processor']}), "
        f"{results['when'][:10]}",
        fontsize=8,
    )
    return figure


if __name__ == "__main__":
    main(draw, "scaling.json", "scaling", 120)
