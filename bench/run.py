"""Runs the benchmark once everything is set up; bench/run.sh does that, and starts this."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from peers import contenders
from peers import dataset
from measure import machine
from report import peers as report
from measure.load import LOAD_THREADS, Load
from peers.processes import Failure
from report.peers import spread

HERE = Path(__file__).resolve().parent
CONNECTIONS = 64
SECONDS = 1
ROUNDS = {"full": 15, "quick": 5}
# Rounds end where another would go beyond this; the rest is for what follows them.
BUDGET = {"full": 480, "quick": 75}

# At a fixed rate: a run of each contender that reaches it in every round, within so many seconds.
PACED_ROUNDS = {"full": 9, "quick": 4}
PACED_SECONDS = {"full": 75, "quick": 15}
PACED_METRICS = ("p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms", "sent_late_p99_ms")

METRICS = ("requests_per_s", "front_us", "behind_us", "load_us", "p50_ms", "p99_ms", "elsewhere")


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def drop(contender, failure, left_out):
    """Goes on without one, unless the run would say nothing then."""
    say(f"without {contender.label}: {failure}")
    if contender.name in contenders.REQUIRED:
        raise failure
    left_out[contender.label] = str(failure)


def start_all(classes, places):
    """Those that could be started, and why the others could not."""
    started, left_out = [], {}
    try:
        for kind in classes:
            contender = kind(places)
            started.append(contender)
            try:
                contender.start()
            except Failure as failure:
                started.remove(contender)
                contender.stop()
                drop(contender, failure, left_out)
    except BaseException:
        stop_all(started)
        raise
    return started, left_out


def stop_all(started):
    for contender in started:
        contender.stop()


def requests_file(load, contender, operation):
    return load.file(f"{contender.name}.{operation}", contender.requests(operation))


def run(load, contender, operation):
    file = requests_file(load, contender, operation)
    return load.wrk(contender.port, file, CONNECTIONS, SECONDS)


def cpu_of(services):
    return sum(service.cpu() for service in services)


def measure(load, contender, operation):
    """One run with the processor time that it took, in microseconds a request."""
    begun, busy, load_cpu = time.monotonic(), machine.busy_seconds(), machine.children_seconds()
    front, behind = cpu_of([contender.front]), cpu_of(contender.behind)
    told = run(load, contender, operation)
    front = cpu_of([contender.front]) - front
    behind = cpu_of(contender.behind) - behind
    load_cpu = machine.children_seconds() - load_cpu
    busy = machine.busy_seconds() - busy
    available = (time.monotonic() - begun) * os.cpu_count()
    per_request = 1e6 / max(told["requests"], 1)
    return {
        "requests_per_s": told["requests"] / told["seconds"],
        "front_us": front * per_request,
        "behind_us": behind * per_request,
        "load_us": load_cpu * per_request,
        "p50_ms": told["p50_ms"],
        "p99_ms": told["p99_ms"],
        # What nobody here accounts for, as a share of the machine.
        "elsewhere": max(busy - front - behind - load_cpu, 0) / available,
        "errors": told["errors"],
    }


def interleave(load, cells, rounds, deadline):
    """Runs each cell once in every round; measurements by contender and operation."""
    runs = {cell: [] for cell in cells}
    for contender, operation in cells:
        run(load, contender, operation)
    took = 0.0
    for done in range(rounds):
        begun = time.monotonic()
        if begun + took > deadline:
            say(f"no time for more than {done} rounds")
            break
        for contender, operation in cells:
            runs[contender, operation].append(measure(load, contender, operation))
        took = time.monotonic() - begun
        say(f"round {done + 1} of {rounds} took {took:.0f} s")
    return runs


def pace_all(load, started, runs, rounds, deadline):
    """Latency of GET of a record at half of Markbook's peak, of those whose peak is at least that.

    The rate, and measurements by contender.
    """
    peaks = {
        contender: statistics.median(run["requests_per_s"] for run in runs[contender, "get"])
        for contender in started
    }
    rate = round(next(peaks[c] for c in started if c.name == "markbook") / 2, -2)
    able = [contender for contender in started if peaks[contender] >= rate]
    paced = {contender: [] for contender in able}
    took = 0.0
    for done in range(-1, rounds):
        begun = time.monotonic()
        if begun + took > deadline:
            say(f"no time for more than {done} rounds at {rate:.0f} requests/s")
            break
        for contender in able:
            file = requests_file(load, contender, "get")
            told = load.pace(contender.port, file, CONNECTIONS, rate, SECONDS)
            # The first round only warms up.
            if done >= 0:
                paced[contender].append(told)
        took = time.monotonic() - begun
    rounds_done = min(map(len, paced.values()))
    say(f"{rounds_done} rounds at {rate:.0f} requests/s, of {took:.0f} s each")
    return rate, paced


def summary_paced(paced):
    """Of each contender by name, as far as it took part."""
    out = {}
    for contender, of_it in paced.items():
        if of_it:
            metrics = {metric: spread([run[metric] for run in of_it]) for metric in PACED_METRICS}
            out[contender.name] = {**metrics, "errors": sum(run["errors"] for run in of_it)}
    return out


def summary(started, runs):
    """Each contender with its memory and its operations, and each of these with its metrics."""
    out = {}
    for contender in started:
        operations = {}
        for operation in contender.operations:
            of_it = runs[contender, operation]
            metrics = {metric: spread([run[metric] for run in of_it]) for metric in METRICS}
            metrics["cpu_us"] = spread([run["front_us"] + run["behind_us"] for run in of_it])
            operations[operation] = {**metrics, "errors": sum(run["errors"] for run in of_it)}
        out[contender.name] = {
            "label": contender.label,
            "idle_pss_bytes": contender.idle_pss,
            "loaded_pss_bytes": contender.pss(),
            "operations": operations,
        }
    return out


def check_after(started, left_out):
    """Those that hold what was PUT: every record was."""
    sound = []
    for contender in started:
        try:
            if "put" in contender.operations:
                contender.check(dataset.AFTER)
            sound.append(contender)
        except Failure as failure:
            drop(contender, failure, left_out)
    return sound


def benchmark(kind, places, deadline):
    started, left_out = start_all(contenders.QUICK if kind == "quick" else contenders.ALL, places)
    try:
        load = Load(places)
        cells = [(c, operation) for operation in dataset.OPERATIONS for c in started
                 if operation in c.operations]  # fmt: skip
        about = machine.describe(places, HERE.parent)
        runs = interleave(load, cells, ROUNDS[kind], deadline - PACED_SECONDS[kind])
        rate, paced = pace_all(load, started, runs, PACED_ROUNDS[kind], deadline)
        about_contenders = summary(check_after(started, left_out), runs)
    finally:
        stop_all(started)
    results = {
        "kind": kind,
        **about,
        "settings": {
            "connections": CONNECTIONS,
            "load_threads": LOAD_THREADS,
            "seconds_a_run": SECONDS,
            "rounds": len(next(iter(runs.values()))),
            "markbook_workers": contenders.WORKERS,
            "gunicorn_threads": contenders.GUNICORN_THREADS,
            "records": len(dataset.records(dataset.BEFORE)),
        },
        "contenders": about_contenders,
        "paced": {
            "requests_per_s": rate,
            "rounds": max(map(len, paced.values())),
            "contenders": summary_paced(paced),
        },
        "left_out": left_out,
    }
    results["marks"] = report.marks(results)
    return results


def write(results, directory, venv):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_text(report.to_json(results))
    python = venv / "bin/python"
    plot = [python, "-m", "plots.peers", directory / "results.json", directory]
    subprocess.run(plot, cwd=HERE, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--spent", type=int, default=0, help="seconds that the set-up took")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    kind = "quick" if options.quick else "full"
    deadline = time.monotonic() + BUDGET[kind] - options.spent
    contenders.leave_on_signals()
    if not shutil.which("setpriv"):
        sys.exit("bench: setpriv (util-linux) is not there")

    places = contenders.Places(options.build)
    try:
        results = benchmark(kind, places, deadline)
    except Failure as failure:
        sys.exit(f"bench: {failure}")
    finally:
        places.remove()
    if kind == "full":
        directory = HERE / "results"
        report.insert(results, HERE / "README.md")
    else:
        # No record: for a look only.
        directory = places.bench / "quick"
    write(results, directory, places.venv)
    print(report.to_markdown(results), flush=True)
    for mark in results["marks"]:
        print(report.mark_line(mark), flush=True)
    say(f"results.json, plot.svg and plot.png are in {os.path.relpath(directory)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
