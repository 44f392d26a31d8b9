"""Runs the benchmark once everything is set up; bench/run.sh does that, and starts this."""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import contenders
import dataset
import machine
import report
from processes import Failure

HERE = Path(__file__).resolve().parent
CONNECTIONS = 64
LOAD_THREADS = 2
SECONDS = 1
ROUNDS = {"full": 15, "quick": 5}
# Rounds end where another would go beyond this; the rest is for what follows them.
BUDGET = {"full": 490, "quick": 75}

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


class Load:
    """wrk, with what an operation's requests are in a file for each contender."""

    def __init__(self, places):
        self.wrk, needed = places.program("wrk")
        self.environment = {**os.environ, **needed}
        self.directory = places.run

    def requests_file(self, contender, operation):
        file = self.directory / f"{contender.name}.{operation}.requests"
        if not file.exists():
            lines = ["\t".join(request) + "\n" for request in contender.requests(operation)]
            file.write_text("".join(lines))
        return file

    def run(self, contender, operation, seconds):
        """One run; what wrk.lua tells of it."""
        done = subprocess.run(
            [
                self.wrk, "-t", str(LOAD_THREADS), "-c", str(CONNECTIONS), "-d", f"{seconds}s",
                "-s", HERE / "wrk.lua", f"http://127.0.0.1:{contender.port}",
                "--", self.requests_file(contender, operation),
            ],
            env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=seconds + 30, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise Failure(f"wrk: {done.stderr.strip()}")
        return json.loads(done.stdout.splitlines()[-1])


def cpu_of(services):
    return sum(service.cpu() for service in services)


def measure(load, contender, operation):
    """One run with the processor time that it took, in microseconds a request."""
    begun, busy, load_cpu = time.monotonic(), machine.busy_seconds(), machine.children_seconds()
    front, behind = cpu_of([contender.front]), cpu_of(contender.behind)
    told = load.run(contender, operation, SECONDS)
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
        load.run(contender, operation, SECONDS)
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


def spread(values):
    rounded = [float(f"{value:.5g}") for value in values]
    return {
        "median": statistics.median(rounded),
        "min": min(rounded),
        "max": max(rounded),
        "all": rounded,
    }


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
        runs = interleave(load, cells, ROUNDS[kind], deadline)
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
        "left_out": left_out,
    }
    results["marks"] = report.marks(results)
    return results


def write(results, directory, venv):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_text(report.to_json(results))
    python = venv / "bin/python"
    subprocess.run([python, HERE / "plot.py", directory / "results.json", directory], check=True)


def leave(signo, _frame):
    sys.exit(128 + signo)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--spent", type=int, default=0, help="seconds that the set-up took")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    kind = "quick" if options.quick else "full"
    deadline = time.monotonic() + BUDGET[kind] - options.spent
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
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
