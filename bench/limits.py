"""What Markbook keeps to: group commit, large stores, memory, start; bench/run.sh starts this."""

import argparse
import os
import sys
from pathlib import Path

from peers import contenders
from measure import limits as measured
from measure import machine
from report import peers as report
from peers import served
from report.rows import Findings
from measure.load import Load
from peers.processes import Failure

HERE = Path(__file__).resolve().parent
MEGABYTE = 1_000_000


def say(text):
    print(f"limits: {text}", file=sys.stderr, flush=True)


def run(kind, places):
    findings = Findings()
    load = Load(places)
    say("idle")
    measured.idle(places, findings)
    say("group commit")
    measured.commits(places, load, kind, findings)
    large, small = (
        served.Served(places, name, served.records(count, measured.COLLECTIONS))
        for name, count in (("large", measured.RECORDS[kind]), ("small", measured.FEW))
    )
    with measured.Started(large, small):
        say("many records against few")
        measured.sizes(load, kind, large, small, findings)
        say("the whole store")
        measured.whole(places, load, kind, large, findings)
        say("the store's size")
        measured.store_size(places, kind, large, findings)
        say("start")
        # Only its store is needed from here on.
        for service in large.services():
            service.stop()
        measured.all_starts(places, kind, large, findings)
    return findings


def shown(found):
    reached = found["reached"]
    text = f"{reached['median']:,.2f}"
    if len(reached["all"]) > 1:
        text += f" ({reached['min']:,.2f} – {reached['max']:,.2f})"
    return text


def to_markdown(results):
    rows = [["what", "wanted", "reached: median (min – max)", ""]]
    for found in results["rows"]:
        verdict = {None: "", True: "PASS", False: "MISS"}[found["ok"]]
        rows.append([found["what"], found["wanted"] or "", shown(found), verdict])
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
    blocks = [report.table(rows), report.table(rates), report.about_machine(results)]
    return "\n\n".join(blocks) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--spent", type=int, default=0, help="seconds that the set-up took")
    parser.add_argument("--quick", action="store_true", help="a tenth of the records, few rounds")
    options = parser.parse_args()
    kind = "quick" if options.quick else "full"
    contenders.leave_on_signals()
    places = contenders.Places(options.build)
    try:
        about = machine.describe(places, HERE.parent)
        findings = run(kind, places)
    except Failure as failure:
        sys.exit(f"limits: {failure}")
    finally:
        places.remove()
    results = {
        "kind": kind,
        **about,
        "settings": {
            "rounds": measured.ROUNDS[kind],
            "records": measured.RECORDS[kind],
            "elsewhere": report.spread(findings.elsewhere)["median"],
        },
        "rows": findings.rows,
        "figures": findings.figures,
    }
    directory = HERE / "results" if kind == "full" else places.bench / "quick"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "limits.json").write_text(report.to_json(results))
    (directory / "limits.md").write_text(to_markdown(results))
    print(to_markdown(results), flush=True)
    say(f"limits.json and limits.md are in {os.path.relpath(directory)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
