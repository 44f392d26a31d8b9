"""Results as JSON and as Markdown tables, and the marks that they have to reach."""

import json
import re

import dataset

MEGABYTE = 1_000_000
# The share of the machine that may go elsewhere.
BUSY = 0.1


def _median(results, contender, operation, metric):
    return results["contenders"][contender]["operations"][operation][metric]["median"]


def _ratio(results, contender, operation, metric="requests_per_s"):
    """How often Markbook's median holds the other's; above 1 is to Markbook's favour."""
    mine = _median(results, "markbook", operation, metric)
    its = _median(results, contender, operation, metric)
    if metric != "requests_per_s":
        mine, its = its, mine
    return mine / its if its else float("inf")


def marks(results):
    """What has to be reached, and whether it was."""
    hello = _ratio(results, "hello", "get")
    flask = _ratio(results, "gunicorn", "get")
    idle = results["contenders"]["markbook"]["idle_pss_bytes"]
    found = [
        {
            "what": "GET one record, requests/s against hello on the same event loop",
            "wanted": ">= 0.9",
            "found": round(hello, 3),
            "reached": hello >= 0.9,
        },
        {
            "what": "GET one record, requests/s against Flask under gunicorn behind nginx",
            "wanted": ">= 15",
            "found": round(flask, 1),
            "reached": flask >= 15,
        },
    ]
    if idle is not None:
        found.append(
            {
                "what": "PSS of supervisor and two idle workers, MB",
                "wanted": "< 12",
                "found": round(idle / MEGABYTE, 2),
                "reached": idle < 12 * MEGABYTE,
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
        "each line of each table.",
        f"Processor time that went elsewhere meanwhile: {median:.0%} of the machine in "
        f"the median run, {elsewhere[-1]:.0%} in the worst.",
    ]
    if median > BUSY:
        lines.append("**The machine was busy with other things: do not trust these requests/s.**")
    lines += [f"Left out: {label}: {why}." for label, why in results["left_out"].items()]
    return lines


def to_markdown(results):
    blocks = [_table(results, operation) for operation in dataset.OPERATIONS]
    blocks += [_memory(results), ["  \n".join(_about(results))]]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def insert(results, file):
    """Puts the tables and the marks where this file has those of the last run."""
    before, begin, rest = file.read_text().partition("<!-- the last run -->\n")
    _, end, after = rest.partition("<!-- end of the last run -->\n")
    reached = "".join(f"- {mark_line(mark)}\n" for mark in results["marks"])
    file.write_text(f"{before}{begin}\n{reached}\n{to_markdown(results)}\n{end}{after}")
