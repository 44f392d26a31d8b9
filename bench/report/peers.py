"""Markbook beside others: tables in Markdown, and the marks to reach."""

from peers import dataset
from report.text import BUSY, BUSY_WARNING, MEGABYTE, factor, range_of, table


def _median(results, contender, operation, metric):
    return results["contenders"][contender]["operations"][operation][metric]["median"]


def _ratio(results, contender, operation, metric="requests_per_s"):
    """Markbook's median against the other's; above 1 Markbook is better."""
    mine = _median(results, "markbook", operation, metric)
    its = _median(results, contender, operation, metric)
    if metric != "requests_per_s":
        mine, its = its, mine
    return mine / its if its else float("inf")


# Contender, operation, and the ratio that Markbook has to reach by requests/s
# or by processor time.
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
            "found": f"{factor(rate)} by requests/s, {factor(cost)} by processor time",
            "reached": max(rate, cost) >= wanted,
        }


def marks(results):
    """Each mark that Markbook has to reach, and whether it does."""
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
    rows = [head]
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
            [
                label,
                range_of(rate, ",.0f"),
                "" if mine else factor(_ratio(results, name, operation)),
                f"{of_it['front_us']['median']:.1f} + {of_it['behind_us']['median']:.1f}",
                "" if mine else factor(_ratio(results, name, operation, "cpu_us")),
                f"{of_it['p50_ms']['median']:.2f}",
                f"{of_it['p99_ms']['median']:.2f}",
            ]
        )
    return table(rows)


def _memory(results):
    rows = [["Memory behind nginx, MB (PSS)", "idle", "after the runs"]]
    known = [c for c in results["contenders"].values() if c["idle_pss_bytes"]]
    for contender in sorted(known, key=lambda c: c["idle_pss_bytes"]):
        sizes = [contender["idle_pss_bytes"], contender["loaded_pss_bytes"]]
        rows.append([contender["label"], *(f"{size / MEGABYTE:.1f}" for size in sizes)])
    return table(rows)


def _paced(results):
    """Latencies of all at the same rate."""
    paced = results["paced"]
    rows = [
        [
            f"GET one record at {paced['requests_per_s']:,.0f} requests/s",
            *("p50 ms", "p90 ms", "p99 ms: median (min – max)", "p99.9 ms", "max ms"),
            "Markbook's p99 is × of it",
            "p99 of sending too late, ms",
        ]
    ]
    taking_part = [item for item in paced["contenders"].items() if item[0] in results["contenders"]]
    by_p99 = sorted(taking_part, key=lambda item: item[1]["p99_ms"]["median"])
    for name, of_it in by_p99:
        label, p99 = results["contenders"][name]["label"], of_it["p99_ms"]
        mine = paced["contenders"]["markbook"]["p99_ms"]["median"] if name != "markbook" else None
        if of_it["errors"]:
            label += f" ({of_it['errors']} errors)"
        rows.append(
            [
                label,
                *(f"{of_it[metric]['median']:.2f}" for metric in ("p50_ms", "p90_ms")),
                range_of(p99, ".2f"),
                *(f"{of_it[metric]['median']:.2f}" for metric in ("p999_ms", "max_ms")),
                factor(mine / p99["median"]) if mine else "",
                f"{of_it['sent_late_p99_ms']['median']:.2f}",
            ]
        )
    return table(rows)


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
        lines.append(BUSY_WARNING)
    lines += [f"Left out: {label}: {why}." for label, why in results["left_out"].items()]
    return "  \n".join(lines)


def to_markdown(results):
    blocks = [_table(results, operation) for operation in dataset.OPERATIONS]
    blocks += [_paced(results), _memory(results), _about(results)]
    return "\n\n".join(blocks) + "\n"


def insert(results, file):
    """Replaces the marks and tables of the last run in this file."""
    before, begin, rest = file.read_text().partition("<!-- the last run -->\n")
    _, end, after = rest.partition("<!-- end of the last run -->\n")
    reached = "".join(f"- {mark_line(mark)}\n" for mark in results["marks"])
    file.write_text(f"{before}{begin}\n{reached}\n{to_markdown(results)}\n{end}{after}")
