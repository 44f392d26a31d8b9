"""Numbers as text: JSON, Markdown tables, and the machine they come from."""

import json
import re
import statistics

MEGABYTE = 1_000_000
# The share of the machine that may go elsewhere.
BUSY = 0.1
BUSY_WARNING = "**The machine was busy with other things: do not trust these requests/s.**"


def spread(values):
    """Five digits of each value, and what is stated of them."""
    rounded = [float(f"{value:.5g}") for value in values]
    return {
        "median": statistics.median(rounded),
        "min": min(rounded),
        "max": max(rounded),
        "all": rounded,
    }


def to_json(results):
    """Indented text in which a list of numbers stays on one line."""
    text = json.dumps(results, indent=2)
    return re.sub(r"\[([-+\d.e,\s]+)\]", lambda m: f"[{' '.join(m[1].split())}]", text) + "\n"


def factor(ratio):
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.1f}"


def range_of(numbers, form):
    """The median of a spread, with minimum and maximum."""
    median, low, high = (format(numbers[key], form) for key in ("median", "min", "max"))
    return f"{median} ({low} – {high})"


def table(rows):
    """A Markdown table: the first row is the head, the first column text."""
    head, *others = rows
    line = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, line, *others))


def about_machine(results):
    """One or two sentences on the machine and on how quiet it was."""
    machine, settings = results["machine"], results["settings"]
    commit = (results["commit"] or "unknown")[:10]
    if not results["commit_is_all"]:
        commit += " and changes"
    text = (
        f"{results['when'][:10]}, {machine['processor']}, {machine['processors']} processors, "
        f"{machine['system']}, Linux {machine['kernel']}, commit {commit}; "
        f"{settings['rounds']} rounds. Processor time that went elsewhere: "
        f"{settings['elsewhere']:.0%} in the median run."
    )
    if settings["elsewhere"] > BUSY:
        text += " " + BUSY_WARNING
    return text
