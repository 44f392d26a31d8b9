#!/usr/bin/env python3
"""Writes to a store while a recording of all that reaches its files runs.

    drive.py MARKBOOK SHIM DIR none|commit

DIR/log is the recording; DIR/disk has the files as they are at its end.

One recording has a first start from nothing with a seed, writes of all kinds by
many clients at once (so that a commit has several), a store that gets full and
is emptied, values of several pages, backups meanwhile, an orderly end, a second
start with more writes, and a second end.  What each acknowledged change was,
and which revision it got, is noted in the log for the checker.
"""

import argparse
import ctypes
import json
import os
import random
import re
import selectors
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import fcgi  # noqa: E402

LOG_BYTES = 1 << 32  # of a sparse file
CREATE, CLEAR, DROP = 1, 2, 4
REMOVED = 0xFFFFFFFF
COLLECTIONS = ["a", "b", "assignments", "exams ü", "z" * 200]
LENGTHS = [1, 8, 40, 900, 2500, 5000, 20000, 30000]


class Log:
    def __init__(self, shim, path, root):
        self.library = ctypes.CDLL(shim)
        self.library.powerloss_create.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint64]
        self.library.powerloss_note.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        if self.library.powerloss_create(path.encode(), root.encode(), LOG_BYTES) != 0:
            sys.exit("cannot make the log")

    def note(self, data):
        self.library.powerloss_note(data, len(data))

    def change(self, revision, flags, collection, edits=()):
        parts = [
            struct.pack("<cQBH", b"A", revision, flags, len(collection)),
            collection,
            struct.pack("<I", len(edits)),
        ]
        for name, text in edits:
            size = REMOVED if text is None else len(text)
            parts += [struct.pack("<HI", len(name), size), name, text or b""]
        self.note(b"".join(parts))


class Writer:
    """What one client asks for next; `edits` is what it means."""

    def __init__(self, rng):
        self.rng = rng
        self.growing = True
        self.count = 0

    def value(self):
        self.count += 1
        longest = len(LENGTHS) if self.growing else 4
        text = f"{self.count}:" + "x" * self.rng.choice(LENGTHS[:longest])
        return json.dumps(
            self.rng.choice([text, self.count, [self.count, text], {"v": text}]),
            separators=(",", ":"),
        ).encode()

    def name(self):
        return f"r{self.rng.randrange(80)}".encode()

    def edits(self, most):
        names = {self.name() for _ in range(self.rng.randrange(1, most))}
        return sorted((name, self.value()) for name in names)

    @staticmethod
    def body(edits):
        return (
            b"{" + b",".join(b'"%s":%s' % (n, b"null" if v is None else v) for n, v in edits) + b"}"
        )

    def next(self):
        """(method, path, body, flags, collection, edits)"""
        collection = self.rng.choice(COLLECTIONS)
        path, c = f"/json/{collection}", collection.encode()
        kind = self.rng.random()
        removing = 0.08 if self.growing else 0.6
        if kind < 0.003 or (not self.growing and kind > 0.97):
            return "DELETE", path, b"", DROP, c, ()
        if kind < removing:
            name = self.name()
            return "DELETE", f"{path}/{name.decode()}", b"", 0, c, ((name, None),)
        if kind < removing + 0.08:
            edits = self.edits(8)
            return "POST", path, self.body(edits), CREATE | CLEAR, c, edits
        if kind < removing + 0.09:
            edits = self.edits(20)
            return "PUT", path, self.body(edits), CREATE | CLEAR, c, edits
        if kind < removing + 0.20:
            # An object merges with the one that is there, which the notes do
            # not tell.
            edits = [
                (n, None if self.rng.random() < 0.3 else b"%d" % self.rng.randrange(10**6))
                for n, _ in self.edits(12)
            ]
            return "PATCH", path, self.body(edits), 0, c, edits
        name, value = self.name(), self.value()
        return "PUT", f"{path}/{name.decode()}", b'{"new":%s}' % value, 0, c, ((name, value),)


class Service:
    def __init__(self, args, log, root):
        self.args, self.log, self.root = args, log, root
        self.socket = os.path.join(args.dir, "s")
        self.environment = dict(
            os.environ, LD_PRELOAD=args.shim, POWERLOSS_LOG=os.path.join(args.dir, "log")
        )
        self.seed = os.path.join(args.dir, "seed.json")
        self.server = None

    def command(self, *words):
        return [
            self.args.markbook,
            words[0],
            "--store",
            os.path.join(self.root, "store"),
            *words[1:],
        ]

    def start(self):
        words = ["--socket", self.socket, "--workers", "2", "--durability", self.args.durability]
        words += [
            "--store-size",
            self.args.size,
            "--seed",
            self.seed,
            "--log-level",
            "warn",
            "--no-sandbox",
        ]
        self.server = subprocess.Popen(
            self.command("serve", *words), env=self.environment, stdin=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                fcgi.connect(self.socket).close()
                break
            except OSError:
                if time.monotonic() > deadline or self.server.poll() is not None:
                    raise
            time.sleep(0.01)
        self.log.note(b"ready")

    def stop(self):
        self.server.send_signal(signal.SIGTERM)
        if self.server.wait(60) != 0:
            sys.exit(f"serve ended with {self.server.returncode}")
        self.server = None
        self.log.note(b"stopped")

    def backup(self, name):
        file = os.path.join(self.root, "backups", name)
        subprocess.run(self.command("backup", file), env=self.environment, check=True)
        self.log.note(b"backup " + name.encode())


class Clients:
    """Each sends the next request as soon as the last one was answered."""

    def __init__(self, service, log, count, rng):
        self.log, self.rng = log, rng
        self.writer = Writer(rng)
        self.selector = selectors.DefaultSelector()
        self.statuses = {}
        for _ in range(count):
            peer = fcgi.connect(service.socket)
            self.selector.register(peer, selectors.EVENT_READ, None)

    def send(self, peer):
        ask = self.writer.next()
        extra = [("HTTP_PREFER", "return=minimal")] if self.rng.random() < 0.8 else []
        peer.sendall(fcgi.request(ask[0], ask[1], ask[2], extra=extra))
        self.selector.modify(peer, selectors.EVENT_READ, ask)

    def take(self, peer, ask):
        answer = fcgi.read_answer(peer)
        status = answer.status
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status in (200, 201, 204):
            revision = re.fullmatch(r'"[0-9a-f]{8}-(\d+)"', answer.fields["etag"]).group(1)
            self.log.change(int(revision), *ask[3:])
        elif status == 507:
            self.writer.growing = self.rng.random() < 0.9
        elif status not in (404, 409):
            sys.exit(f"{ask[0]} {ask[1]}: {status} {answer.body[:200]}")

    def run(self, requests):
        """That many, and again the state of a growing store now and then."""
        done = sent = 0
        for key in list(self.selector.get_map().values()):
            self.send(key.fileobj)
            sent += 1
        while done < sent:
            ready = self.selector.select(20)
            if not ready:
                sys.exit("no answer in 20 seconds")
            for key, _ in ready:
                self.take(key.fileobj, key.data)
                done += 1
                if done % 400 == 0:
                    self.writer.growing = True
                if sent < requests:
                    self.send(key.fileobj)
                    sent += 1

    def close(self):
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("markbook")
    parser.add_argument("shim")
    parser.add_argument("dir")
    parser.add_argument("durability", choices=["none", "commit"])
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--size", default="2M")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.shim = os.path.abspath(args.shim)
    args.dir = os.path.abspath(args.dir)
    rng = random.Random(args.seed)
    root = os.path.join(args.dir, "disk")
    os.makedirs(os.path.join(root, "backups"))
    log = Log(args.shim, os.path.join(args.dir, "log"), root)
    log.note(b"directory %d backups" % os.stat(os.path.join(root, "backups")).st_ino)
    service = Service(args, log, root)
    seed = {c: [(b"one", b'"1"'), (b"two", b"2")] for c in ("a", "seeded")}
    with open(service.seed, "wb") as file:
        file.write(
            b"{"
            + b",".join(b'"%s":%s' % (c.encode(), Writer.body(e)) for c, e in seed.items())
            + b"}"
        )
    try:
        service.start()
        for revision, (collection, edits) in enumerate(seed.items(), 1):
            log.change(revision, CREATE | CLEAR, collection.encode(), edits)
        for run in range(2):
            if run > 0:
                service.start()
            clients = Clients(service, log, args.clients, rng)
            for part in range(2):
                clients.run(args.requests // 4)
                service.backup(f"{run}-{part}")
            clients.close()
            print(
                f"{args.durability}, run {run + 1}: answers by status "
                f"{dict(sorted(clients.statuses.items()))}"
            )
            service.stop()
    finally:
        if service.server is not None:
            service.server.kill()
            service.server.wait()


main()
