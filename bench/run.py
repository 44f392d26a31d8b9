"""Markbook beside other ways to serve the same; bench/run.sh starts this."""

import statistics
from functools import partial

from measure import command
from measure.load import LOAD_THREADS, Load
from measure.rounds import in_rounds
from measure.usage import account
from peers import contenders, dataset
from peers.processes import Failure
from report.peers import insert, mark_line, marks, to_markdown
from report.text import spread, to_json

CONNECTIONS = 64
SECONDS = 1
ROUNDS = {"full": 15, "quick": 5}
# No round starts that would end later than this.
BUDGET = {"full": 480, "quick": 75}

# At a fixed rate, each contender that reaches it has one run in every round.
PACED_ROUNDS = {"full": 9, "quick": 4}
PACED_SECONDS = {"full": 75, "quick": 15}
PACED_METRICS = ("p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms", "sent_late_p99_ms")

METRICS = ("requests_per_s", "front_us", "behind_us", "load_us", "p50_ms", "p99_ms", "elsewhere")


def drop(run, contender, failure, left_out):
    """Goes on without a contender, unless the run says nothing without it."""
    run.say(f"without {contender.label}: {failure}")
    if contender.name in contenders.REQUIRED:
        raise failure
    left_out[contender.label] = str(failure)


def start_all(run, kinds):
    """The contenders that start, and why the others do not."""
    started, left_out = [], {}
    try:
        for kind in kinds:
            contender = kind(run.places)
            started.append(contender)
            try:
                contender.start()
            except Failure as failure:
                started.remove(contender)
                contender.stop()
                drop(run, contender, failure, left_out)
    except BaseException:
        stop_all(started)
        raise
    return started, left_out


def stop_all(started):
    for contender in started:
        contender.stop()


def requests_file(load, contender, operation):
    return load.file(f"{contender.name}.{operation}", contender.requests(operation))


def run_once(load, contender, operation):
    """One run, with processor time in microseconds a request."""
    file = requests_file(load, contender, operation)
    told, used, elsewhere = account(
        lambda: load.wrk(contender.port, file, CONNECTIONS, SECONDS),
        front=[contender.front],
        behind=contender.behind,
    )
    per_request = 1e6 / max(told["requests"], 1)
    return {
        "requests_per_s": told["requests"] / told["seconds"],
        "front_us": used["front"] * per_request,
        "behind_us": used["behind"] * per_request,
        "load_us": used["load"] * per_request,
        "p50_ms": told["p50_ms"],
        "p99_ms": told["p99_ms"],
        "elsewhere": elsewhere,
        "errors": told["errors"],
    }


def pace_all(run, load, started, runs):
    """Latency of GET of a record at half of Markbook's peak, of those whose
    peak is at least that.

    Returns the rate, and measurements by contender.
    """
    peaks = {
        contender: statistics.median(one["requests_per_s"] for one in runs[contender, "get"])
        for contender in started
    }
    rate = round(next(peaks[c] for c in started if c.name == "markbook") / 2, -2)
    able = [contender for contender in started if peaks[contender] >= rate]
    run.say(f"{len(able)} of {len(started)} reach {rate:.0f} requests/s")
    paced = {
        contender: partial(
            load.pace, contender.port, requests_file(load, contender, "get"),
            CONNECTIONS, rate, SECONDS,
        )
        for contender in able
    }  # fmt: skip
    rounds = PACED_ROUNDS[run.kind]
    return rate, in_rounds(rounds, paced, deadline=run.deadline, say=run.say)


def summary_paced(paced):
    """The latencies of each contender that took part, by name."""
    out = {}
    for contender, of_it in paced.items():
        if of_it:
            metrics = {metric: spread([one[metric] for one in of_it]) for metric in PACED_METRICS}
            out[contender.name] = {**metrics, "errors": sum(one["errors"] for one in of_it)}
    return out


def summary(started, runs):
    """Each contender: its memory, and the metrics of its operations."""
    out = {}
    for contender in started:
        operations = {}
        for operation in contender.operations:
            of_it = runs[contender, operation]
            metrics = {metric: spread([one[metric] for one in of_it]) for metric in METRICS}
            metrics["cpu_us"] = spread([one["front_us"] + one["behind_us"] for one in of_it])
            operations[operation] = {**metrics, "errors": sum(one["errors"] for one in of_it)}
        out[contender.name] = {
            "label": contender.label,
            "idle_pss_bytes": contender.idle_pss,
            "loaded_pss_bytes": contender.pss(),
            "operations": operations,
        }
    return out


def check_after(run, started, left_out):
    """The contenders that hold what was PUT, which is every record."""
    sound = []
    for contender in started:
        try:
            if "put" in contender.operations:
                contender.check(dataset.AFTER)
            sound.append(contender)
        except Failure as failure:
            drop(run, contender, failure, left_out)
    return sound


def measure_all(run, started):
    load = Load(run.places)
    cells = {
        (contender, operation): partial(run_once, load, contender, operation)
        for operation in dataset.OPERATIONS
        for contender in started
        if operation in contender.operations
    }
    deadline = run.deadline - PACED_SECONDS[run.kind]
    runs = in_rounds(ROUNDS[run.kind], cells, deadline=deadline, say=run.say)
    return runs, *pace_all(run, load, started, runs)


def benchmark(run):
    kinds = contenders.QUICK if run.kind == "quick" else contenders.ALL
    started, left_out = start_all(run, kinds)
    try:
        about = run.about()
        runs, rate, paced = measure_all(run, started)
        about_contenders = summary(check_after(run, started, left_out), runs)
    finally:
        stop_all(started)
    results = {
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
    results["marks"] = marks(results)
    return results


def publish(run, results):
    if run.kind == "full":
        insert(results, command.BENCH / "README.md")
    run.write("results", json=to_json(results))
    run.plot("plots.peers")
    print(to_markdown(results), flush=True)
    for mark in results["marks"]:
        print(mark_line(mark), flush=True)
    run.say_where("results.json, plot.svg and plot.png")


if __name__ == "__main__":
    command.main("bench", __doc__, benchmark, publish, BUDGET)
