"""The limits that Markbook keeps to: what is wanted and what is reached."""

from report.text import MEGABYTE, about_machine, range_of, spread, table


def row(what, wanted, values, lower=False):
    """One row: the median of the values, and what is wanted, if anything."""
    return judged({"what": what, "reached": spread(values)}, wanted, lower)


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
    """The ratio of the medians, with the extremes of single rounds."""
    rounds = [a[metric] / b[metric] for a, b in zip(mine, its) if b[metric]]
    medians = [spread([run[metric] for run in runs])["median"] for runs in (mine, its)]
    found = spread(rounds)
    return {**found, "median": float(f"{medians[0] / medians[1]:.4g}")}


def ratio_rows(what, wanted, mine, its):
    """Ratios by requests/s and by processor time; one of them is enough."""
    rate = {"what": f"{what}: requests/s", "reached": ratio(mine, its, "requests_per_s")}
    cost = {"what": f"{what}: processor time a request", "reached": ratio(its, mine, "cpu_us")}
    rows = [judged(rate, wanted), judged(cost, wanted)]
    if rows[0]["ok"] or rows[1]["ok"]:
        for found in rows:
            found["ok"] = found["ok"] or None
    return rows


def figures(name, runs):
    """The figures behind the ratios."""
    return {
        name: {
            metric: spread([run[metric] for run in runs])
            for metric in ("requests_per_s", "bytes_per_s", "cpu_us", "elsewhere")
        }
    }


class Findings:
    """Rows, figures and the shares of the machine that went elsewhere."""

    def __init__(self):
        self.rows = []
        self.figures = {}
        self.elsewhere = []

    def compare(self, what, wanted, mine, its, names):
        self.rows += ratio_rows(what, wanted, mine, its)
        for name, runs in zip(names, (mine, its)):
            self.figures.update(figures(name, runs))
            self.elsewhere += [run["elsewhere"] for run in runs]


def _shown(found):
    reached = found["reached"]
    several = len(reached["all"]) > 1
    return range_of(reached, ",.2f") if several else f"{reached['median']:,.2f}"


def to_markdown(results):
    rows = [["what", "wanted", "reached: median (min – max)", ""]]
    for found in results["rows"]:
        verdict = {None: "", True: "PASS", False: "MISS"}[found["ok"]]
        rows.append([found["what"], found["wanted"] or "", _shown(found), verdict])
    rates = [["what the ratios are made of", "requests/s", "MB/s", "µs of processor a request"]]
    for name, of_it in results["figures"].items():
        rates.append(
            [
                name,
                f"{of_it['requests_per_s']['median']:,.1f}",
                f"{of_it['bytes_per_s']['median'] / MEGABYTE:,.1f}",
                f"{of_it['cpu_us']['median']:,.1f}",
            ]
        )
    return "\n\n".join([table(rows), table(rates), about_machine(results)]) + "\n"
