"""The limits that Markbook keeps to; bench/run.sh starts this."""

from measure import command
from measure import limits as measured
from measure.load import Load
from peers import served
from report.limits import Findings, to_markdown
from report.text import spread, to_json


def measure_all(run, findings):
    places, kind, say = run.places, run.kind, run.say
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


def benchmark(run):
    about, findings = run.about(), Findings()
    measure_all(run, findings)
    return {
        **about,
        "settings": {
            "rounds": measured.ROUNDS[run.kind],
            "records": measured.RECORDS[run.kind],
            "elsewhere": spread(findings.elsewhere)["median"],
        },
        "rows": findings.rows,
        "figures": findings.figures,
    }


def publish(run, results):
    run.write("limits", json=to_json(results), md=to_markdown(results))
    print(to_markdown(results), flush=True)
    run.say_where("limits.json and limits.md")


if __name__ == "__main__":
    command.main("limits", __doc__, benchmark, publish)
