"""Markbook by itself, with a store of a given size."""

import http.client
import json
import shutil
import subprocess
from pathlib import Path

from peers.contender import READY_SECONDS, Contender
from peers.contenders import WORKERS
from peers.processes import poll

VALUE_BYTES = 100
# The most records of one store that are asked for.
ASKED = 5000
# A prime number, so that its multiples reach all of them.
STEP = 7919
# Room for the pages of an empty store and for writing.
STORE_ROOM = 64 << 20


def value(size=VALUE_BYTES, letter="x"):
    """A string whose JSON text has `size` bytes."""
    return letter * (size - 2)


def path(collection, record):
    return f"/json/{collection}/{record}"


def records(count, collections, size=VALUE_BYTES):
    """A store of `count` records, spread evenly over the collections."""
    each = max(count // collections, 1)
    text = value(size)
    return {f"c{i:04}": {f"record-{j:07}": text for j in range(each)} for i in range(collections)}


def asked(store):
    """Paths of up to ASKED records, in an order that jumps about."""
    names = [(c, r) for c, marks in store.items() for r in marks]
    count = min(len(names), ASKED)
    stride = max(len(names) // count, 1)
    return [path(*names[(i * STEP % count) * stride]) for i in range(count)]


def get_requests(paths):
    return [("GET", p, "") for p in paths]


def put_requests(paths, size=VALUE_BYTES):
    body = json.dumps({"new": value(size, "y")})
    return [("PUT", p, body) for p in paths]


class Served(Contender):
    """Markbook behind its front with a store of its own."""

    operations = ("get",)

    def __init__(self, places, name, store=None, **options):
        """options: workers, program, durability; stores, the store's parent."""
        self.name = self.label = name
        super().__init__(places)
        self.content = store or {}
        self.options = {"workers": WORKERS, "durability": "none", **options}
        self.store_path = Path(self.options.get("stores", places.stores)) / name
        self.text_bytes = 0
        # Bytes of text that arrive after the start.
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
        poll(READY_SECONDS, self.answers, self.services())

    def answers(self):
        try:
            return self.request("GET", "/healthz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def worker_pids(self):
        """The children of the supervisor."""
        supervisor = self.behind[0].process.pid
        return [pid for pid in self.behind[0].pids() if pid != supervisor]

    def stop(self):
        super().stop()
        shutil.rmtree(self.store_path, ignore_errors=True)
