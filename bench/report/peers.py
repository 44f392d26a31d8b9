"""Results as JSON and as Markdown tables, and the marks that they have to reach."""

import json
import re
import statistics

from peers import dataset

MEGABYTE = 1_000_000
# The share of the machine that may go elsewhere.
BUSY = 0.1


def spread(values):
    rounded = [float(f"{value:.5g}") for value in values]
    return {
        "median": statistics.median(rounded),
        "min": min(rounded),
        "max": max(rounded),
        "all": rounded,
    }


def _median(results, contender, operation, metric):
    return results["contenders"][contender]["operations"][operation][metric]["median"]


def _ratio(results, contender, operation, metric="requests_per_s"):
    """How often Markbook's median holds the other's; above 1 is to Markbook's favour."""
    mine = _median(results, "markbook", operation, metric)
    its = _median(results, contender, operation, metric)
    if metric != "requests_per_s":
        mine, its = its, mine
    return mine / its if its else float("inf")


# Markbook's ratio to others, of requests/s or of processor time: contender, operation, at least.
RATIOS = (
    ("hello", "get", 0.95),
    ("lua", "get", 0.9),
    ("gunicorn", "get", 30),
    ("webdis", "get", 2),
    ("node", "get", 2),
    ("go", "get", 1.2),
    ("webdis", "put", 2),
    ("gunicorn", "put", 25),
)
IDLE_BYTES = 8 * MEGABYTE
P99_RATIO = 2


def _ratio_marks(results):
    for name, operation, wanted in RATIOS:
        contender = results["contenders"].get(name)
        if contender is None:
            continue
        rate = _ratio(results, name, operation)
        cost = _ratio(results, name, operation, "cpu_us")
        label = contender["label"].removeprefix("limit: ")
        yield {
            "what": f"{dataset.OPERATIONS[operation]}, against {label}",
            "wanted": f">= {wanted}",
            "found": f"{_factor(rate)} by requests/s, {_factor(cost)} by processor time",
            "reached": max(rate, cost) >= wanted,
        }


def marks(results):
    """What has to be reached, and whether it was."""
    found = list(_ratio_marks(results))
    paced = results["paced"]["contenders"]
    if "markbook" in paced and "nginx" in paced:
        ratio = paced["markbook"]["p99_ms"]["median"] / paced["nginx"]["p99_ms"]["median"]
        found.append(
            {
                "what": "p99 of GET at half of its peak, against nginx `return 200` at that rate",
                "wanted": f"<= {P99_RATIO}",
                "found": f"{ratio:.2f}",
                "reached": ratio <= P99_RATIO,
            }
        )
    idle = results["contenders"]["markbook"]["idle_pss_bytes"]
    if idle is not None:
        found.append(
            {
                "what": "PSS of supervisor and two idle workers, MB",
                "wanted": f"<= {IDLE_BYTES // MEGABYTE}",
                "found": f"{idle / MEGABYTE:.2f}",
                "reached": idle <= IDLE_BYTES,
            }
        )
    return found


def mark_line(mark):
    verdict = "PASS" if mark["reached"] else "MISS"
    return f"{verdict}  {mark['what']}: {mark['found']} (wanted {mark['wanted']})"


def to_json(results):
    """Indented, but for lists of numbers, which stay on one line."""
    text = json.dumps(results, indent=2)
    return re.sub(r"\[([-+\d.e,\s]+)\]", lambda m: f"[{' '.join(m[1].split())}]", text) + "\n"


def _row(cells):
    return "| " + " | ".join(cells) + " |"


def _factor(ratio):
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.1f}"


def _table(results, operation):
    head = [
        dataset.OPERATIONS[operation],
        "requests/s: median (min – max)",
        "Markbook is × as fast",
        "µs of processor: nginx + behind it",
        "Markbook is × as cheap",
        "p50 ms",
        "p99 ms",
    ]
    rows = [_row(head), _row(["---"] + ["---:"] * (len(head) - 1))]
    taking_part = [
        (name, c) for name, c in results["contenders"].items() if operation in c["operations"]
    ]
    fastest_first = sorted(
        taking_part, key=lambda item: -_median(results, item[0], operation, "requests_per_s")
    )
    for name, contender in fastest_first:
        of_it = contender["operations"][operation]
        rate = of_it["requests_per_s"]
        label = contender["label"]
        if of_it["errors"]:
            label += f" ({of_it['errors']} errors)"
        mine = name == "markbook"
        rows.append(
            _row(
                [
                    label,
                    f"{rate['median']:,.0f} ({rate['min']:,.0f} – {rate['max']:,.0f})",
                    "" if mine else _factor(_ratio(results, name, operation)),
                    f"{of_it['front_us']['median']:.1f} + {of_it['behind_us']['median']:.1f}",
                    "" if mine else _factor(_ratio(results, name, operation, "cpu_us")),
                    f"{of_it['p50_ms']['median']:.2f}",
                    f"{of_it['p99_ms']['median']:.2f}",
                ]
            )
        )
    return rows


def _memory(results):
    rows = [
        _row(["Memory behind nginx, MB (PSS)", "idle", "after the runs"]),
        _row(["---", "---:", "---:"]),
    ]
    known = [c for c in results["contenders"].values() if c["idle_pss_bytes"]]
    for contender in sorted(known, key=lambda c: c["idle_pss_bytes"]):
        sizes = [contender["idle_pss_bytes"], contender["loaded_pss_bytes"]]
        rows.append(_row([contender["label"], *(f"{size / MEGABYTE:.1f}" for size in sizes)]))
    return rows


def _paced(results):
    """Latencies at a rate that is the same for all."""
    paced = results["paced"]
    rows = [
        _row(
            [
                f"GET one record at {paced['requests_per_s']:,.0f} requests/s",
                *("p50 ms", "p90 ms", "p99 ms: median (min – max)", "p99.9 ms", "max ms"),
                "Markbook's p99 is × of it",
                "p99 of sending too late, ms",
            ]
        ),
        _row(["---"] + ["---:"] * 7),
    ]
    taking_part = [item for item in paced["contenders"].items() if item[0] in results["contenders"]]
    by_p99 = sorted(taking_part, key=lambda item: item[1]["p99_ms"]["median"])
    for name, of_it in by_p99:
        label, p99 = results["contenders"][name]["label"], of_it["p99_ms"]
        mine = paced["contenders"]["markbook"]["p99_ms"]["median"] if name != "markbook" else None
        if of_it["errors"]:
            label += f" ({of_it['errors']} errors)"
        rows.append(
            _row(
                [
                    label,
                    *(f"{of_it[metric]['median']:.2f}" for metric in ("p50_ms", "p90_ms")),
                    f"{p99['median']:.2f} ({p99['min']:.2f} – {p99['max']:.2f})",
                    *(f"{of_it[metric]['median']:.2f}" for metric in ("p999_ms", "max_ms")),
                    _factor(mine / p99["median"]) if mine else "",
                    f"{of_it['sent_late_p99_ms']['median']:.2f}",
                ]
            )
        )
    return rows


def table(rows):
    """A Markdown table of rows of text; the first one is its head, the first column of words."""
    head = [_row(rows[0]), _row(["---"] + ["---:"] * (len(rows[0]) - 1))]
    return "\n".join(head + [_row(row) for row in rows[1:]])


def about_machine(results):
    """One sentence or two on what it ran on and how quiet that was."""
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
        text += " **The machine was busy with other things: do not trust these requests/s.**"
    return text


def _about(results):
    machine, settings = results["machine"], results["settings"]
    elsewhere = sorted(
        share
        for c in results["contenders"].values()
        for of_it in c["operations"].values()
        for share in of_it["elsewhere"]["all"]
    )
    median = elsewhere[len(elsewhere) // 2]
    versions = ", ".join(
        f"{name} {version}" for name, version in results["versions"].items() if version
    )
    lines = [
        f"{results['when'][:10]}, {machine['processor']}, {machine['processors']} processors, "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB, {machine['system']}, "
        f"Linux {machine['kernel']}; {versions}.",
        f"{settings['connections']} connections, {settings['records']} records, "
        f"{settings['rounds']} rounds, each with one run of {settings['seconds_a_run']} s of "
        f"each line of each table; {results['paced']['rounds']} rounds at the fixed rate.",
        f"Processor time that went elsewhere meanwhile: {median:.0%} of the machine in "
        f"the median run, {elsewhere[-1]:.0%} in the worst.",
    ]
    if median > BUSY:
        lines.append("**The machine was busy with other things: do not trust these requests/s.**")
    lines += [f"Left out: {label}: {why}." for label, why in results["left_out"].items()]
    return lines


def to_markdown(results):
    blocks = [_table(results, operation) for operation in dataset.OPERATIONS]
    blocks += [_paced(results), _memory(results), ["  \n".join(_about(results))]]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def insert(results, file):
    """Puts the tables and the marks where this file has those of the last run."""
    before, begin, rest = file.read_text().partition("<!-- the last run -->\n")
    _, end, after = rest.partition("<!-- end of the last run -->\n")
    reached = "".join(f"- {mark_line(mark)}\n" for mark in results["marks"])
    file.write_text(f"{before}{begin}\n{reached}\n{to_markdown(results)}\n{end}{after}")
