"""What limits.py states: lines with what is wanted and what was reached."""

from report import peers as report


def row(what, wanted, values, lower=False):
    """One line of the table: the median of values against a number, or nothing wanted (None)."""
    return judged({"what": what, "reached": report.spread(values)}, wanted, lower)


def judged(found, wanted, lower=False):
    if wanted is None:
        return {**found, "wanted": None, "ok": None}
    median = found["reached"]["median"]
    return {
        **found,
        "wanted": f"{'<=' if lower else '>='} {wanted:g}",
        "ok": median <= wanted if lower else median >= wanted,
    }


def ratio(mine, its, metric):
    """Of the medians, with the least and the most that a round had."""
    rounds = [a[metric] / b[metric] for a, b in zip(mine, its) if b[metric]]
    medians = [report.spread([run[metric] for run in runs])["median"] for runs in (mine, its)]
    found = report.spread(rounds)
    return {**found, "median": float(f"{medians[0] / medians[1]:.4g}")}


def ratio_rows(what, wanted, mine, its):
    """By requests/s, and by processor time a request; it is enough to reach it by one."""
    rate = {"what": f"{what}: requests/s", "reached": ratio(mine, its, "requests_per_s")}
    cost = {"what": f"{what}: processor time a request", "reached": ratio(its, mine, "cpu_us")}
    rows = [judged(rate, wanted), judged(cost, wanted)]
    if rows[0]["ok"] or rows[1]["ok"]:
        for found in rows:
            found["ok"] = found["ok"] or None
    return rows


def figures(name, runs):
    """What the ratios are made of."""
    return {
        name: {
            metric: report.spread([run[metric] for run in runs])
            for metric in ("requests_per_s", "bytes_per_s", "cpu_us", "elsewhere")
        }
    }


class Findings:
    def __init__(self):
        self.rows = []
        self.figures = {}
        self.elsewhere = []

    def compare(self, what, wanted, mine, its, names):
        self.rows += ratio_rows(what, wanted, mine, its)
        for name, runs in zip(names, (mine, its)):
            self.figures.update(figures(name, runs))
            self.elsewhere += [run["elsewhere"] for run in runs]
