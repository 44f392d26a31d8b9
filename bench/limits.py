"""What Markbook keeps to: group commit, large stores, memory, start; bench/run.sh starts this."""

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import contenders
import machine
import report
import served
from load import Load
from processes import Failure

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tests/tools"))
import fcgi  # noqa: E402

CONNECTIONS = 64
SECONDS = 1
ROUNDS = {"full": 11, "quick": 3}
STARTS = {"full": 15, "quick": 5}
RECORDS = {"full": 1_000_000, "quick": 100_000}
FEW = 100
COLLECTIONS = 10
# GET of the whole store: one client, in runs that are long enough for several answers.
WHOLE_SECONDS = 3
# Those who ask for a record while others get the whole store.
READERS = {"connections": 16, "rate": 1000}
WHOLE_CLIENTS = 2
SAMPLE_SECONDS = 0.005
PATCH_RECORDS = 5000
MEGABYTE = 1_000_000


def say(text):
    print(f"limits: {text}", file=sys.stderr, flush=True)


# --- rows ---


def row(what, wanted, values, lower=False):
    """One line of the table: the median of values against a number, or nothing wanted (None)."""
    return judged({"what": what, "reached": report.spread(values)}, wanted, lower)


def judged(found, wanted, lower=False):
    if wanted is None:
        return {**found, "wanted": None, "ok": None}
    median = found["reached"]["median"]
    return {
        **found,
        "wanted": f"{'<=' if lower else '>='} {wanted:g}",
        "ok": median <= wanted if lower else median >= wanted,
    }


def ratio(mine, its, metric):
    """Of the medians, with the least and the most that a round had."""
    rounds = [a[metric] / b[metric] for a, b in zip(mine, its) if b[metric]]
    medians = [report.spread([run[metric] for run in runs])["median"] for runs in (mine, its)]
    found = report.spread(rounds)
    return {**found, "median": float(f"{medians[0] / medians[1]:.4g}")}


def ratio_rows(what, wanted, mine, its):
    """By requests/s, and by processor time a request; it is enough to reach it by one."""
    rate = {"what": f"{what}: requests/s", "reached": ratio(mine, its, "requests_per_s")}
    cost = {"what": f"{what}: processor time a request", "reached": ratio(its, mine, "cpu_us")}
    rows = [judged(rate, wanted), judged(cost, wanted)]
    if rows[0]["ok"] or rows[1]["ok"]:
        for found in rows:
            found["ok"] = found["ok"] or None
    return rows


def figures(name, runs):
    """What the ratios are made of."""
    return {
        name: {
            metric: report.spread([run[metric] for run in runs])
            for metric in ("requests_per_s", "bytes_per_s", "cpu_us", "elsewhere")
        }
    }


class Findings:
    def __init__(self):
        self.rows = []
        self.figures = {}
        self.elsewhere = []

    def compare(self, what, wanted, mine, its, names):
        self.rows += ratio_rows(what, wanted, mine, its)
        for name, runs in zip(names, (mine, its)):
            self.figures.update(figures(name, runs))
            self.elsewhere += [run["elsewhere"] for run in runs]


class Started:
    """Services that are up inside of a with, whatever happens there."""

    def __init__(self, *services):
        self.services = services

    def __enter__(self):
        try:
            for service in self.services:
                service.start()
        except BaseException:
            self.__exit__()
            raise
        return self.services

    def __exit__(self, *_):
        for service in self.services:
            service.stop()


def in_turn(rounds, *measurements):
    """Runs of each, one after another in each round; the first round only warms up."""
    runs = [[] for _ in measurements]
    for done in range(-1, rounds):
        for of_it, measure in zip(runs, measurements):
            told = measure()
            if done >= 0:
                of_it.append(told)
    return runs


def requests_of(load, service, paths):
    return {
        "get": load.file(f"{service.name}.get", served.get_requests(paths)),
        "put": load.file(f"{service.name}.put", served.put_requests(paths)),
    }


def wrk(load, service, file):
    return served.measure(service, lambda: load.wrk(service.port, file, CONNECTIONS, SECONDS))


# --- durability=commit ---


def commits(places, load, kind, findings):
    """Group commit against a build whose turns have one request each."""
    store = served.records(FEW, COLLECTIONS)
    with tempfile.TemporaryDirectory(prefix="stores.", dir=places.bench) as disk:
        on_disk = {"durability": "commit", "stores": disk}
        single = places.bench / "single/markbook"
        with Started(
            served.Served(places, "group", store, **on_disk),
            served.Served(places, "single", store, program=single, **on_disk),
        ) as (group, each):
            file = requests_of(load, group, served.asked(store))["put"]
            runs = in_turn(
                ROUNDS[kind], lambda: wrk(load, group, file), lambda: wrk(load, each, file)
            )
    findings.compare(
        f"PUT one record, durability=commit on disk, {CONNECTIONS} connections, "
        "against one commit a request",
        8, *runs, ("commit: group", "commit: each request"),
    )  # fmt: skip


# --- many records against few ---


def sizes(load, kind, large, small, findings):
    files = {s: requests_of(load, s, served.asked(s.content)) for s in (large, small)}
    for operation, label in (("get", "GET one record"), ("put", "PUT one record, return=minimal")):
        runs = in_turn(
            ROUNDS[kind],
            lambda o=operation: wrk(load, large, files[large][o]),
            lambda o=operation: wrk(load, small, files[small][o]),
        )
        findings.compare(
            f"{label}, {RECORDS[kind]:,} records against {FEW}",
            0.8, *runs, (f"{operation}: {RECORDS[kind]}", f"{operation}: {FEW}"),
        )  # fmt: skip


# --- the whole store ---


class Memory:
    """The most anonymous memory that any of these processes has within a with, in bytes."""

    def __init__(self, pids):
        self.pids = pids
        self.peak = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self.over.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, *map(anonymous_bytes, self.pids))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def anonymous_bytes(pid):
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(status.partition("RssAnon:")[2].split()[0]) * 1024


def serve_file(places, service):
    """A front that sends the bytes of GET /json as a file, as nginx does that."""

    class File(contenders.Contender):
        name = label = "file"

        def prepare_front(self, conf):
            file = self.directory / "whole.json"
            file.write_bytes(whole_store(service))
            with (conf / "listen.conf").open("a") as listen:
                listen.write(f'location = /json {{\n\tdefault_type application/json;\n'
                             f'\talias "{file}";\n}}\n')  # fmt: skip

        def start(self):
            self.start_front()
            contenders.poll(contenders.READY_SECONDS, self.answers, self.services())

        def answers(self):
            try:
                return self.request("HEAD", "/json")[0] == 200
            except (OSError, http.client.HTTPException):
                return False

    return File(places)


def whole_store(service):
    status, body = service.request("GET", "/json")
    if status != 200:
        raise Failure(f"answers GET /json with {status}")
    return body


def whole(places, load, kind, large, findings):
    file = load.file("whole", [("GET", "/json", "")])
    with Started(serve_file(places, large)) as (sent,):
        size = (sent.directory / "whole.json").stat().st_size
        large.text_bytes = size

        def get(service):
            return served.measure(
                service, lambda: load.wrk(service.port, file, 1, WHOLE_SECONDS), size
            )

        pids = large.worker_pids()
        before = max(map(anonymous_bytes, pids))
        with Memory(pids) as memory:
            runs = in_turn(ROUNDS[kind], lambda: get(large), lambda: get(sent))
        findings.compare(
            f"GET the whole store, {size / MEGABYTE:.0f} MB, 1 connection, "
            "against nginx sending the same bytes as a file",
            0.5, *runs, ("whole: store", "whole: file"),
        )  # fmt: skip
        findings.rows.append(
            row(
                "memory of its own that a worker took meanwhile at most, MB",
                8, [max(memory.peak - before, 0) / MEGABYTE], lower=True,
            )
        )  # fmt: skip
        for service, name in ((large, "from the store"), (sent, "from a file")):
            findings.rows.append(neighbours(load, kind, service, large, file, name))


def neighbours(load, kind, service, asked, file, name):
    """p99 of those who get a record while others get the whole store."""
    record = requests_of(load, asked, served.asked(asked.content))["get"]
    late = []
    for _ in range(max(ROUNDS[kind] // 2, 1)):
        with subprocess.Popen(
            [
                load.wrk_program, "-t", "1", "-c", str(WHOLE_CLIENTS), "-d", "3s",
                "-s", HERE / "wrk.lua", f"http://127.0.0.1:{service.port}", "--", file,
            ],
            env=load.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as others:  # fmt: skip
            told = load.pace(asked.port, record, READERS["connections"], READERS["rate"], 2)
            others.wait()
        if told["errors"]:
            raise Failure(f"{told['errors']} readers had no answer")
        late.append(told["p99_ms"])
        served.settle(service)
    mine = service is asked
    return row(
        f"p99 of GET one record at {READERS['rate']:,} requests/s while {WHOLE_CLIENTS} clients "
        f"get all of it {name}, ms",
        50 if mine else None, late, lower=True,
    )  # fmt: skip


# --- the store's size ---


def allocated_bytes(service):
    return sum(file.stat().st_blocks * 512 for file in service.store_path.iterdir())


def patch_in(service, kind):
    """The same records over HTTP, in no order, as a store grows that nobody loads."""
    names = [(c, r) for c, marks in served.records(RECORDS[kind], COLLECTIONS).items()
             for r in marks]  # fmt: skip
    random.Random(1).shuffle(names)
    peer = fcgi.Client(service.socket, timeout=60)
    extra = [("CONTENT_TYPE", "application/json"), ("HTTP_PREFER", "return=minimal")]
    batches = {}
    for c, r in names:
        batch = batches.setdefault(c, {})
        batch[r] = served.value()
        if len(batch) == PATCH_RECORDS:
            patch(peer, c, batches.pop(c), extra)
    for c, batch in batches.items():
        patch(peer, c, batch, extra)
    peer.close()


def patch(peer, collection, batch, extra):
    path = f"/json/{collection}"
    answer = peer("PATCH", path, json.dumps(batch).encode(), extra=extra)
    if answer.status == 404:
        answer = peer("PUT", path, json.dumps(batch).encode(), extra=extra)
    if answer.status not in (200, 201, 204):
        raise Failure(f"PATCH {path} is answered with {answer.status}")


def store_size(places, kind, large, findings):
    what = f"store bytes for each byte of JSON text, {RECORDS[kind]:,} records of 100 bytes"
    findings.rows.append(
        row(f"{what}, loaded", 1.7, [allocated_bytes(large) / large.text_bytes], lower=True)
    )
    grown = served.Served(places, "grown", {})
    # Room for as much as the loaded one.
    grown.reserve = large.text_bytes
    with Started(grown):
        patch_in(grown, kind)
        findings.rows.append(
            row(
                f"{what}, PATCHed in random order, {PATCH_RECORDS} a request",
                1.7, [allocated_bytes(grown) / len(whole_store(grown))], lower=True,
            )
        )  # fmt: skip


# --- start and idle memory ---


def first_answer(service):
    """Seconds from starting the program to its first answer, and the process."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [service.program_path(), *service.serve_flags()],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    while True:
        try:
            peer = fcgi.Client(service.socket)
            status = peer("GET", "/json/none").status
            peer.close()
            if status == 404:
                return time.perf_counter() - begun, process
        except OSError:
            pass
        if process.poll() is not None:
            raise Failure(f"did not start: status {process.returncode}")
        if time.perf_counter() - begun > contenders.READY_SECONDS:
            process.kill()
            raise Failure("did not start in time")


def end(process, signo):
    """The workers too: they share the session."""
    if signo == signal.SIGKILL:
        os.killpg(process.pid, signo)
    else:
        process.send_signal(signo)
    process.wait()


def starts(service, count, signo, prepare=lambda: None):
    """Milliseconds to the first answer after each of so many ends by this signal."""
    took = []
    for _ in range(count + 1):
        prepare()
        seconds, process = first_answer(service)
        end(process, signo)
        took.append(seconds * 1e3)
    # Before the first one, something else had happened to the store.
    return took[1:]


def all_starts(places, kind, large, findings):
    empty = served.Served(places, "empty", {})

    def forget():
        shutil.rmtree(empty.store_path, ignore_errors=True)

    count = STARTS[kind]
    records = f"{RECORDS[kind]:,} records"
    for what, wanted, service, signo, prepare in (
        ("no store yet", 20, empty, signal.SIGTERM, forget),
        ("an empty store, after a clean stop", 20, empty, signal.SIGTERM, lambda: None),
        (f"{records}, after a clean stop", 30, large, signal.SIGTERM, lambda: None),
        (f"{records}, after kill -9 of all of it", 30, large, signal.SIGKILL, lambda: None),
    ):
        took = starts(service, count, signo, prepare)
        findings.rows.append(row(f"start to first answer, {what}, ms", wanted, took, lower=True))
    forget()


def idle(places, findings):
    with Started(served.Served(places, "idle", {})) as (service,):
        found = row(
            "memory (PSS) of supervisor and two idle workers, MB",
            8, [service.pss() / MEGABYTE], lower=True,
        )  # fmt: skip
    findings.rows.append(found)


# --- all of it ---


def run(kind, places):
    findings = Findings()
    load = Load(places)
    say("idle")
    idle(places, findings)
    say("group commit")
    commits(places, load, kind, findings)
    large = served.Served(places, "large", served.records(RECORDS[kind], COLLECTIONS))
    small = served.Served(places, "small", served.records(FEW, COLLECTIONS))
    with Started(large, small):
        say("many records against few")
        sizes(load, kind, large, small, findings)
        say("the whole store")
        whole(places, load, kind, large, findings)
        say("the store's size")
        store_size(places, kind, large, findings)
        say("start")
        # Only its store is needed from here on.
        for service in large.services():
            service.stop()
        all_starts(places, kind, large, findings)
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
    return "\n\n".join([report.table(rows), report.table(rates), report.about_machine(results)]) + "\n"


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
            "rounds": ROUNDS[kind],
            "records": RECORDS[kind],
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
