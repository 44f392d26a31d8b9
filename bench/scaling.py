"""How Markbook does as one thing grows and the rest stays; bench/run.sh starts this."""

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from peers import contenders
from measure import machine
from report import peers as report
from peers import served
from measure.load import Load
from peers.processes import Failure

HERE = Path(__file__).resolve().parent
SECONDS = 1
# A whole store may be 100 MB: with few connections, and a run in which there are some answers.
WHOLE_CONNECTIONS = 4
WHOLE_SECONDS = 3
LARGE_BYTES = 10_000_000
ROUNDS = {"full": 7, "quick": 2}
BUDGET = {"full": 570, "quick": 100}
# Stores of large values stay within this.
CONTENT_BYTES = 20_000_000

# What stays while another one grows.
BASE = {"records": 1000, "collections": 10, "connections": 64, "bytes": 100, "workers": 2}
AXES = {
    "full": {
        "records": (10, 100, 1000, 10_000, 100_000, 1_000_000),
        "collections": (1, 10, 100, 1000),
        "connections": (1, 4, 16, 64, 256, 1000),
        "bytes": (10, 100, 1000, 10_000, 100_000, 1_000_000),
        "workers": (1, 2, 3, 4),
    },
    "quick": {
        "records": (10, 1000, 100_000),
        "collections": (1, 10, 1000),
        "connections": (1, 64, 1000),
        "bytes": (10, 100, 10_000, 1_000_000),
        "workers": (1, 2, 4),
    },
}
UNITS = {
    "records": "records of 100 bytes",
    "collections": "collections of these records",
    "connections": "connections",
    "bytes": "bytes of a record's value",
    "workers": "workers",
}
OPERATIONS = {
    "get": "GET one record",
    "put": "PUT one record, return=minimal",
    "all": "GET the whole store",
}
METRICS = ("requests_per_s", "bytes_per_s", "cpu_us")


def say(text):
    print(f"scaling: {text}", file=sys.stderr, flush=True)


def operations_of(axis):
    """The whole store says something where its size changes."""
    return tuple(OPERATIONS) if axis == "records" else ("get", "put")


def points(kind):
    """(axis, x, settings) of each point; many are the base's."""
    for axis, values in AXES[kind].items():
        for x in values:
            yield axis, x, {**BASE, axis: x}


def served_name(settings):
    """One service for all points that differ in nothing that it has to know."""
    return "-".join(str(settings[k]) for k in ("records", "collections", "bytes", "workers"))


def make(places, settings):
    count = settings["records"]
    if settings["bytes"] != BASE["bytes"]:
        count = min(count, max(CONTENT_BYTES // settings["bytes"], settings["collections"]))
    store = served.records(count, settings["collections"], settings["bytes"])
    return served.Served(places, served_name(settings), store, workers=settings["workers"])


def start_all(kind, places):
    """Services by name, each with its requests' files by operation."""
    services, files, load = {}, {}, Load(places)
    try:
        for _, _, settings in points(kind):
            name = served_name(settings)
            if name in services:
                continue
            service = services[name] = make(places, settings)
            service.start()
            paths = served.asked(service.content)
            # The text is kept in the store only.
            service.content = None
            files[name] = {
                "get": load.file(f"{name}.get", served.get_requests(paths)),
                "put": load.file(f"{name}.put", served.put_requests(paths, settings["bytes"])),
                "all": load.file("all", [("GET", "/json", "")]),
            }
    except BaseException:
        stop_all(services)
        raise
    return services, files, load


def stop_all(services):
    for service in services.values():
        service.stop()


def cells_of(kind):
    """(service, operation, connections) of all that is measured, each once."""
    found = {}
    for axis, _, settings in points(kind):
        for operation in operations_of(axis):
            found[cell(settings, operation)] = None
    return list(found)


def cell(settings, operation):
    connections = WHOLE_CONNECTIONS if operation == "all" else settings["connections"]
    return served_name(settings), operation, connections


def measure(service, file, load, operation, connections):
    large = operation == "all" and service.text_bytes > LARGE_BYTES
    seconds = WHOLE_SECONDS if large else SECONDS
    return served.measure(
        service,
        lambda: load.wrk(service.port, file, connections, seconds),
        service.text_bytes if large else None,
    )


def interleave(services, files, load, cells, rounds, deadline):
    runs = {cell: [] for cell in cells}
    took = 0.0
    for done in range(rounds):
        begun = time.monotonic()
        if begun + took > deadline:
            say(f"no time for more than {done} rounds")
            break
        for name, operation, connections in cells:
            told = measure(services[name], files[name][operation], load, operation, connections)
            runs[name, operation, connections].append(told)
        took = time.monotonic() - begun
        say(f"round {done + 1} of {rounds} took {took:.0f} s")
    return runs


def summary(kind, runs):
    axes = {axis: {"unit": UNITS[axis], "points": []} for axis in AXES[kind]}
    for axis, x, settings in points(kind):
        operations = {}
        for operation in operations_of(axis):
            of_it = runs[cell(settings, operation)]
            operations[operation] = {
                metric: report.spread([run[metric] for run in of_it]) for metric in METRICS
            }
        axes[axis]["points"].append({"x": x, "operations": operations})
    return axes


def benchmark(kind, places, deadline):
    services, files, load = start_all(kind, places)
    try:
        say(f"{len(services)} services are up")
        about = machine.describe(places, HERE.parent)
        runs = interleave(services, files, load, cells_of(kind), ROUNDS[kind], deadline)
    finally:
        stop_all(services)
    elsewhere = [run["elsewhere"] for of_it in runs.values() for run in of_it]
    return {
        "kind": kind,
        **about,
        "settings": {
            "base": BASE,
            "whole_store_connections": WHOLE_CONNECTIONS,
            "seconds_a_run": SECONDS,
            "rounds": len(next(iter(runs.values()))),
            "elsewhere": report.spread(elsewhere)["median"],
        },
        "axes": summary(kind, runs),
    }


def to_markdown(results):
    base = ", ".join(f"{value:,} {axis}" for axis, value in results["settings"]["base"].items())
    blocks = [
        f"Where not said otherwise: {base}; "
        f"the whole store with {WHOLE_CONNECTIONS} connections. {report.about_machine(results)}"
    ]
    for axis, of_axis in results["axes"].items():
        rows = [[of_axis["unit"]]]
        for operation in operations_of(axis):
            rows[0] += [f"{OPERATIONS[operation]}: requests/s (min – max)", "µs of processor"]
        for point in of_axis["points"]:
            row = [f"{point['x']:,}"]
            for of_it in point["operations"].values():
                rate, cost = of_it["requests_per_s"], of_it["cpu_us"]["median"]
                row.append(f"{rate['median']:,.0f} ({rate['min']:,.0f} – {rate['max']:,.0f})")
                row.append(f"{cost:,.1f}")
            rows.append(row)
        blocks.append(report.table(rows))
    return "\n\n".join(blocks) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--spent", type=int, default=0, help="seconds that the set-up took")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    kind = "quick" if options.quick else "full"
    deadline = time.monotonic() + BUDGET[kind] - options.spent
    contenders.leave_on_signals()
    # wrk has a descriptor for each of its connections.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    places = contenders.Places(options.build)
    try:
        results = benchmark(kind, places, deadline)
    except Failure as failure:
        sys.exit(f"scaling: {failure}")
    finally:
        places.remove()
    directory = HERE / "results" if kind == "full" else places.bench / "quick"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "scaling.json").write_text(report.to_json(results))
    (directory / "scaling.md").write_text(to_markdown(results))
    plot = ["-m", "plots.scaling", directory / "scaling.json", directory]
    subprocess.run([places.venv / "bin/python", *plot], cwd=HERE, check=True)
    print(to_markdown(results), flush=True)
    say(f"scaling.json, .md, .svg and .png are in {os.path.relpath(directory)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
