"""How Markbook does as one thing grows; bench/run.sh starts this."""

from functools import partial

from measure import command
from measure.load import Load
from measure.rounds import in_rounds
from measure.usage import measure
from peers import served
from report.scaling import operations_of, to_markdown
from report.text import spread, to_json

SECONDS = 1
# A whole store may have 100 MB: take few connections, and a run that is long
# enough for some answers.
WHOLE_CONNECTIONS = 4
WHOLE_SECONDS = 3
LARGE_BYTES = 10_000_000
ROUNDS = {"full": 7, "quick": 2}
BUDGET = {"full": 570, "quick": 100}
# The most that a store of large values holds.
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
METRICS = ("requests_per_s", "bytes_per_s", "cpu_us")


def points(kind):
    """(axis, x, settings) of each point; many have the settings of the base."""
    for axis, values in AXES[kind].items():
        for x in values:
            yield axis, x, {**BASE, axis: x}


def served_name(settings):
    """One service serves points that differ in their connections only."""
    return "-".join(str(settings[k]) for k in ("records", "collections", "bytes", "workers"))


def make(places, settings):
    count = settings["records"]
    if settings["bytes"] != BASE["bytes"]:
        count = min(count, max(CONTENT_BYTES // settings["bytes"], settings["collections"]))
    store = served.records(count, settings["collections"], settings["bytes"])
    return served.Served(places, served_name(settings), store, workers=settings["workers"])


def start_all(kind, places):
    """Services by name; files of requests by name and operation."""
    services, files, load = {}, {}, Load(places)
    try:
        for _, _, settings in points(kind):
            name = served_name(settings)
            if name in services:
                continue
            service = services[name] = make(places, settings)
            service.start()
            paths = served.asked(service.content)
            # From here on only the store has the text.
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


def cell(settings, operation):
    """(service, operation, connections): points of one cell share its runs."""
    connections = WHOLE_CONNECTIONS if operation == "all" else settings["connections"]
    return served_name(settings), operation, connections


def measurement(service, file, load, operation, connections):
    large = operation == "all" and service.text_bytes > LARGE_BYTES
    seconds = WHOLE_SECONDS if large else SECONDS
    return measure(
        service,
        lambda: load.wrk(service.port, file, connections, seconds),
        service.text_bytes if large else None,
    )


def measurements(kind, services, files, load):
    found = {}
    for axis, _, settings in points(kind):
        for operation in operations_of(axis):
            name, _, connections = key = cell(settings, operation)
            file = files[name][operation]
            found[key] = partial(measurement, services[name], file, load, operation, connections)
    return found


def summary(kind, runs):
    axes = {axis: {"unit": UNITS[axis], "points": []} for axis in AXES[kind]}
    for axis, x, settings in points(kind):
        operations = {}
        for operation in operations_of(axis):
            of_it = runs[cell(settings, operation)]
            operations[operation] = {
                metric: spread([one[metric] for one in of_it]) for metric in METRICS
            }
        axes[axis]["points"].append({"x": x, "operations": operations})
    return axes


def benchmark(run):
    services, files, load = start_all(run.kind, run.places)
    try:
        run.say(f"{len(services)} services are up")
        about = run.about()
        runs = in_rounds(
            ROUNDS[run.kind], measurements(run.kind, services, files, load),
            warm_up=False, deadline=run.deadline, say=run.say,
        )  # fmt: skip
    finally:
        stop_all(services)
    elsewhere = [one["elsewhere"] for of_it in runs.values() for one in of_it]
    return {
        **about,
        "settings": {
            "base": BASE,
            "whole_store_connections": WHOLE_CONNECTIONS,
            "seconds_a_run": SECONDS,
            "rounds": len(next(iter(runs.values()))),
            "elsewhere": spread(elsewhere)["median"],
        },
        "axes": summary(run.kind, runs),
    }


def publish(run, results):
    run.write("scaling", json=to_json(results), md=to_markdown(results))
    run.plot("plots.scaling")
    print(to_markdown(results), flush=True)
    run.say_where("scaling.json, .md, .svg and .png")


if __name__ == "__main__":
    command.main("scaling", __doc__, benchmark, publish, BUDGET)
