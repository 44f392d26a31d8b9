"""The measurements of limits.py: each adds its rows to the findings."""

import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from measure.fastcgi import Client
from measure.rounds import in_rounds
from measure.usage import measure, settle
from peers import served
from peers.contender import READY_SECONDS, Contender
from peers.processes import Failure, poll
from report.limits import row
from report.text import MEGABYTE

CONNECTIONS = 64
SECONDS = 1
ROUNDS = {"full": 11, "quick": 3}
STARTS = {"full": 15, "quick": 5}
RECORDS = {"full": 1_000_000, "quick": 100_000}
FEW = 100
COLLECTIONS = 10
# Long enough for several answers with the whole store.
WHOLE_SECONDS = 3
# Clients that ask for a record while others get the whole store.
READERS = {"connections": 16, "rate": 1000}
WHOLE_CLIENTS = 2
SAMPLE_SECONDS = 0.005
PATCH_RECORDS = 5000


class Started:
    """Services that run within a `with` and end with it, whatever happens."""

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
    """The runs of each measurement, in the order given."""
    return list(in_rounds(rounds, dict(enumerate(measurements))).values())


def requests_of(load, service, paths):
    return {
        "get": load.file(f"{service.name}.get", served.get_requests(paths)),
        "put": load.file(f"{service.name}.put", served.put_requests(paths)),
    }


def wrk(load, service, file):
    return measure(service, lambda: load.wrk(service.port, file, CONNECTIONS, SECONDS))


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
    """The most anonymous memory of any of these processes within a `with`."""

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
    """A front that sends the bytes of GET /json as a file."""

    class File(Contender):
        name = label = "file"

        def prepare_front(self, conf):
            file = self.directory / "whole.json"
            file.write_bytes(whole_store(service))
            with (conf / "listen.conf").open("a") as listen:
                listen.write(f'location = /json {{\n\tdefault_type application/json;\n'
                             f'\talias "{file}";\n}}\n')  # fmt: skip

        def start(self):
            self.start_front()
            poll(READY_SECONDS, self.answers, self.services())

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
            return measure(service, lambda: load.wrk(service.port, file, 1, WHOLE_SECONDS), size)

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
    """p99 of clients that get a record while others get the whole store."""
    record = requests_of(load, asked, served.asked(asked.content))["get"]
    late = []
    for _ in range(max(ROUNDS[kind] // 2, 1)):
        with load.start_wrk(service.port, file, WHOLE_CLIENTS, WHOLE_SECONDS) as others:
            told = load.pace(asked.port, record, READERS["connections"], READERS["rate"], 2)
            others.wait()
        if told["errors"]:
            raise Failure(f"{told['errors']} readers had no answer")
        late.append(told["p99_ms"])
        settle(service)
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
    """Writes the same records in random order, as a store grows over time."""
    names = [(c, r) for c, marks in served.records(RECORDS[kind], COLLECTIONS).items()
             for r in marks]  # fmt: skip
    random.Random(1).shuffle(names)
    peer = Client(service.socket, timeout=60)
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
    # It needs the room of the loaded one.
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
    """Seconds from a start of the program to its first answer; the process."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [service.program_path(), *service.serve_flags()],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    while True:
        try:
            peer = Client(service.socket)
            status = peer("GET", "/json/none").status
            peer.close()
            if status == 404:
                return time.perf_counter() - begun, process
        except OSError:
            pass
        if process.poll() is not None:
            raise Failure(f"did not start: status {process.returncode}")
        if time.perf_counter() - begun > READY_SECONDS:
            process.kill()
            raise Failure("did not start in time")


def end(process, signo):
    """Ends the workers, too: they share the session."""
    if signo == signal.SIGKILL:
        os.killpg(process.pid, signo)
    else:
        process.send_signal(signo)
    process.wait()


def starts(service, count, signo, prepare=lambda: None):
    """Milliseconds to the first answer after each of `count` such ends."""
    took = []
    for _ in range(count + 1):
        prepare()
        seconds, process = first_answer(service)
        end(process, signo)
        took.append(seconds * 1e3)
    # The first start follows no such end.
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
