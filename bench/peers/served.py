"""Markbook by itself, with a store of a given size: what scaling.py and limits.py start."""

import http.client
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from peers import contenders
from measure import machine
from peers.processes import Failure, poll

VALUE_BYTES = 100
# Of the records of a large store so many are asked for, in a random order.
ASKED = 5000
# Prime, and so it comes by all of them.
STEP = 7919
SETTLE_SECONDS = 10
# Several ticks of the kernel's accounting.
SETTLE_STEP = 0.1
# Room for what a store of this text takes, and to write.
STORE_ROOM = 64 << 20


def value(size=VALUE_BYTES, letter="x"):
    """A string whose JSON text has so many bytes."""
    return letter * (size - 2)


def path(collection, record):
    return f"/json/{collection}/{record}"


def records(count, collections, size=VALUE_BYTES):
    """A store of so many records, spread evenly."""
    each = max(count // collections, 1)
    text = value(size)
    return {
        f"c{i:04}": {f"record-{j:07}": text for j in range(each)} for i in range(collections)
    }


def asked(store):
    """Paths of up to ASKED records, in an order that jumps about, the same each time."""
    names = [(c, r) for c, marks in store.items() for r in marks]
    count = min(len(names), ASKED)
    stride = max(len(names) // count, 1)
    return [path(*names[(i * STEP % count) * stride]) for i in range(count)]


def get_requests(paths):
    return [("GET", p, "") for p in paths]


def put_requests(paths, size=VALUE_BYTES):
    body = json.dumps({"new": value(size, "y")})
    return [("PUT", p, body) for p in paths]


class Served(contenders.Contender):
    """Markbook behind its front with a store of its own."""

    operations = ("get",)

    def __init__(self, places, name, store=None, **options):
        """options: workers, program, durability, stores (the directory that stores are in)."""
        self.name = self.label = name
        super().__init__(places)
        self.content = store or {}
        self.options = {"workers": contenders.WORKERS, "durability": "none", **options}
        self.store_path = Path(self.options.get("stores", places.stores)) / name
        self.text_bytes = 0
        # Of text that comes later.
        self.reserve = 0

    def program_path(self):
        return self.options.get("program", self.places.markbook)

    def store_flags(self):
        size = 4 * max(self.text_bytes, self.reserve) + STORE_ROOM
        return [
            "--store", str(self.store_path), "--store-size", str(size),
            "--durability", self.options["durability"],
        ]  # fmt: skip

    def serve_flags(self):
        return [
            "serve", "--socket", self.socket, *self.store_flags(),
            "--workers", str(self.options["workers"]), "--log-level", "warn",
        ]  # fmt: skip

    def load(self):
        """Fills the store with `markbook load`."""
        file = self.directory / "store.json"
        with file.open("w") as out:
            json.dump(self.content, out, separators=(",", ":"))
        self.text_bytes = file.stat().st_size
        if self.content:
            subprocess.run(
                [self.program_path(), "load", *self.store_flags(), file],
                check=True, capture_output=True,
            )  # fmt: skip
        file.unlink()

    def start_behind(self):
        self.load()
        self.launch(self.program_path(), *self.serve_flags())

    def start(self):
        self.start_behind()
        self.start_front()
        poll(contenders.READY_SECONDS, self.answers, self.services())

    def answers(self):
        try:
            return self.request("GET", "/healthz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def worker_pids(self):
        """The supervisor's children."""
        supervisor = self.behind[0].process.pid
        return [pid for pid in self.behind[0].pids() if pid != supervisor]

    def stop(self):
        super().stop()
        shutil.rmtree(self.store_path, ignore_errors=True)


def settle(served):
    """Waits until nothing is at work on what a client that left had asked for."""
    deadline, before = time.monotonic() + SETTLE_SECONDS, -1.0
    while time.monotonic() < deadline:
        now = sum(service.cpu() for service in served.services())
        if now == before:
            return
        before = now
        time.sleep(SETTLE_STEP)


def measure(served, load_it, answer_bytes=None):
    """One run: requests, processor time a request, the share of the machine that went elsewhere.

    Where answers are so long that a run has few, answer_bytes tells how much is one: parts count.
    """
    services = served.services()
    begun, busy, load_cpu = time.monotonic(), machine.busy_seconds(), machine.children_seconds()
    cpu = sum(service.cpu() for service in services)
    told = load_it()
    cpu = sum(service.cpu() for service in services) - cpu
    load_cpu = machine.children_seconds() - load_cpu
    elsewhere = max(machine.busy_seconds() - busy - cpu - load_cpu, 0)
    elsewhere /= (time.monotonic() - begun) * os.cpu_count()
    if told["errors"]:
        raise Failure(f"{served.label}: {told['errors']} requests failed")
    requests = told["bytes"] / answer_bytes if answer_bytes else told["requests"]
    if answer_bytes:
        settle(served)
    return {
        "requests_per_s": requests / told["seconds"],
        "bytes_per_s": told["bytes"] / told["seconds"],
        "cpu_us": cpu * 1e6 / max(requests, 1e-3),
        "elsewhere": elsewhere,
    }
