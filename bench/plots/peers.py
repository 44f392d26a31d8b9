"""Draws the results of run.py: python -m plots.peers DIRECTORY"""

import matplotlib.pyplot as plt

from peers import dataset
from plots.style import INK, main

MARKBOOK, PEER, LIMIT = "#1b6ca8", "#9aa5b1", "#d9dde2"
FRONT, BEHIND = "#b9c2cb", "#e08e45"
LINE_HEIGHT = 0.27


def label(contender):
    return contender["label"].replace("`", "").replace("*", "")


def colour(name, contender):
    if name == "markbook":
        return MARKBOOK
    return LIMIT if contender["label"].startswith("limit") else PEER


def taking_part(results, operation):
    """Names of contenders; the fastest comes last and so is on top."""
    found = [n for n, c in results["contenders"].items() if operation in c["operations"]]
    return sorted(
        found,
        key=lambda n: results["contenders"][n]["operations"][operation]["requests_per_s"]["median"],
    )


def prepare(axes, results, names, longest):
    axes.set_yticks(range(len(names)), [label(results["contenders"][n]) for n in names])
    for tick, name in zip(axes.get_yticklabels(), names):
        if name == "markbook":
            tick.set_fontweight("bold")
    axes.set_ylim(-0.6, len(names) - 0.4)
    # Room for the number at the end of the longest bar.
    axes.set_xlim(0, longest * 1.22)
    axes.set_xticks([])


def draw_rates(axes, results, operation, names):
    longest = 0
    for y, name in enumerate(names):
        contender = results["contenders"][name]
        rate = contender["operations"][operation]["requests_per_s"]
        median, low, high = rate["median"], rate["min"], rate["max"]
        axes.barh(y, median, 0.62, color=colour(name, contender))
        axes.plot([low, high], [y, y], color=INK, linewidth=0.8, marker="|", markersize=5)
        axes.annotate(f"{median:,.0f}", (high, y), (5, 0), textcoords="offset points", va="center")
        longest = max(longest, high)
    prepare(axes, results, names, longest)
    axes.set_title(f"{dataset.OPERATIONS[operation]}: requests/s", loc="left", fontweight="bold")


def draw_costs(axes, results, operation, names):
    longest = 0
    for y, name in enumerate(names):
        of_it = results["contenders"][name]["operations"][operation]
        front, behind = of_it["front_us"]["median"], of_it["behind_us"]["median"]
        axes.barh(y, front, 0.62, color=FRONT)
        axes.barh(y, behind, 0.62, left=front, color=BEHIND)
        axes.annotate(
            f"{front:.0f} + {behind:.0f}" if behind else f"{front:.0f}",
            (front + behind, y),
            (5, 0),
            textcoords="offset points",
            va="center",
        )
        longest = max(longest, front + behind)
    prepare(axes, results, names, longest)
    axes.set_yticklabels([])
    axes.set_title("µs of processor time a request", loc="left")


def draw(results):
    names = {operation: taking_part(results, operation) for operation in dataset.OPERATIONS}
    lines = [len(of_it) for of_it in names.values()]
    figure, grid = plt.subplots(
        len(names),
        2,
        figsize=(10, LINE_HEIGHT * sum(lines) + 2.2),
        gridspec_kw={"height_ratios": lines, "width_ratios": [3, 2]},
        layout="constrained",
    )
    for (rates, costs), operation in zip(grid, names):
        draw_rates(rates, results, operation, names[operation])
        draw_costs(costs, results, operation, names[operation])
    grid[0][1].legend(["nginx", "what stands behind it"], loc="center right", frameon=False)
    settings, machine = results["settings"], results["machine"]
    figure.supxlabel(
        f"{settings['connections']} connections through nginx, {settings['records']} records, "
        f"median of {settings['rounds']} rounds with minimum and maximum; "
        f"{machine['processors']} processors ({machine['processor']}), {results['when'][:10]}",
        fontsize=8,
    )
    return figure


if __name__ == "__main__":
    main(draw, "results.json", "plot", 130, **{"axes.spines.bottom": False, "ytick.left": False})
