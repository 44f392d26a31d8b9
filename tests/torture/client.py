#!/usr/bin/env python3
"""Clients that write and read through the front, and remember each answer
(history.py).

    client.py BASE OUT NAME SEED CLIENTS UNTIL REST

One process with CLIENTS connections, named NAME0, NAME1 and so on, each of
which sends one request at a time until the file UNTIL exists, and rests for up
to REST seconds now and then.  Where OUT is "-" they only count, and in the end
print how often there was which status, as JSON.  What they work on:

    s0 s1 s2     collections of 8 records that all clients write
    own0 own1    records of one client each, which looks for itself what became
                 of a write that was not answered
    p-CLIENT     a collection of one client, made and removed as a whole
"""

import collections
import json
import os
import random
import socket
import struct
import sys
import threading
import time

import history
from history import NOT_SENT, Op

SHARED = ["s0", "s1", "s2"]
OWN = ["own0", "own1"]
RECORDS = [f"r{i}" for i in range(8)]
# Above all that the front waits for.
TIMEOUT_S = 25
# After a failure, so that a front that is down is not asked ten thousand times
# a second.
PAUSE_S = 0.01


class Broken(Exception):
    """No answer, or not all of it; then `length` is what it was to have."""

    length = 0


class Connection:
    """Kept-alive HTTP/1.1, just what the front answers with: a length or
    chunks."""

    def __init__(self, address):
        self.address, self.socket, self.buffer = address, None, b""

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket, self.buffer = None, b""

    def connected(self):
        """False where there is nobody; a connection that the front has closed
        meanwhile is made anew."""
        if self.socket:
            try:
                self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            except BlockingIOError:
                return True
            except OSError:
                pass
            # Closed, or something that nobody asked for.
            self.close()
        try:
            self.socket = socket.create_connection(self.address, TIMEOUT_S)
            # Python's own time-out would wait for bytes even where it is told
            # not to.
            self.socket.settimeout(None)
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                self.socket.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", TIMEOUT_S, 0))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return True
        except OSError:
            return False

    def more(self):
        data = self.socket.recv(1 << 18)
        if not data:
            raise Broken
        self.buffer += data

    def take(self, n):
        while len(self.buffer) < n:
            self.more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def line(self):
        while (at := self.buffer.find(b"\r\n")) < 0:
            self.more()
        return self.take(at + 2)[:-2]

    def ask(self, request):
        """(status, etag, body), or Broken."""
        length = 0
        try:
            self.socket.sendall(request)
            status = int(self.line().split()[1])
            fields = {}
            while field := self.line():
                name, _, value = field.partition(b":")
                fields[name.lower()] = value.strip()
            body = b""
            if b"content-length" in fields:
                length = int(fields[b"content-length"])
                body = self.take(length)
            elif fields.get(b"transfer-encoding") == b"chunked":
                # Only an answer that is longer than that is sent in chunks.
                length = history.LONG_BYTES + 1
                while n := int(self.line(), 16):
                    body += self.take(n)
                    self.line()
                self.line()
        except (OSError, ValueError, IndexError, Broken) as error:
            self.close()
            broken = Broken()
            broken.length = length
            raise broken from error
        if fields.get(b"connection") == b"close":
            self.close()
        etag = fields.get(b"etag")
        return status, etag.decode().strip('"') if etag else None, body.decode()


METHODS = {
    "put": "PUT",
    "patch": "PATCH",
    "post": "POST",
    "putc": "PUT",
    "del": "DELETE",
    "drop": "DELETE",
    "get": "GET",
    "getc": "GET",
    "gets": "GET",
}


class Client:
    def __init__(self, address, name, out):
        self.connection, self.name, self.out = Connection(address), name, out
        self.host = f"{address[0]}:{address[1]}"
        self.lines, self.count = [], 0
        self.statuses = collections.Counter()
        self.etags = {}

    def token(self):
        self.count += 1
        return f"{self.name}.{self.count}"

    def __call__(self, op, collection=None, record=None, arg=None, cond=None, minimal=True):
        """Send one request and remember it; `cond` is an ETag.  Returns the
        Op."""
        path = "/".join(["/json", *filter(None, [collection, record])])
        head = f"{METHODS[op]} {path} HTTP/1.1\r\nHost: {self.host}\r\n"
        if cond:
            head += f'{"If-None-Match" if op == "get" else "If-Match"}: "{cond}"\r\n'
        body = b""
        if op in history.WRITES:
            if minimal:
                head += "Prefer: return=minimal\r\n"
            if arg is not None:
                body = json.dumps({"new": arg} if op == "put" else arg).encode()
                head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        status, etag, text = NOT_SENT, None, None
        start = time.monotonic_ns()
        if self.connection.connected():
            try:
                status, etag, text = self.connection.ask(head.encode() + b"\r\n" + body)
            except Broken as broken:
                cut = op in history.READS and broken.length > history.LONG_BYTES
                status = history.CUT if cut else 0
        end = time.monotonic_ns()
        keep = history.without_padding(text) if text and 200 <= status < 300 else None
        if isinstance(arg, str):
            arg = arg.partition(":")[0]
        done = Op(
            self.name,
            start,
            end,
            op,
            collection,
            record,
            arg,
            history.revision(cond) if cond else None,
            status,
            etag,
            keep,
        )
        self.statuses[status] += 1
        if self.out:
            self.lines.append(json.dumps(done, separators=(",", ":")))
            if len(self.lines) > 500:
                self.flush()
        if status in (NOT_SENT, 0, 502, 503, 504):
            time.sleep(PAUSE_S)
        if etag:
            self.etags[collection, record] = etag
        return done

    def flush(self):
        if self.lines:
            self.out.write("\n".join(self.lines) + "\n")
        self.lines = []

    # --- what it does ---------------------------------------------------------

    def find_out(self, write):
        """Look what became of a write of one's own until there is an answer."""
        if write.status not in history.UNANSWERED:
            return
        for _ in range(200):
            if write.record:
                answer = self("get", write.collection, write.record)
            else:
                answer = self("getc", write.collection)
            if answer.status in (200, 404):
                return

    def own_put(self, rnd):
        place = rnd.choice(OWN), f"{self.name}-{rnd.randrange(4)}"
        self.find_out(self("put", *place, self.token()))

    def own_delete(self, rnd):
        self.find_out(self("del", rnd.choice(OWN), f"{self.name}-{rnd.randrange(4)}"))

    def own_collection(self, rnd):
        name, what = f"p-{self.name}", rnd.random()
        token = self.token()
        records = {f"k{i}": token for i in range(rnd.randrange(1, 5))}
        if what < 0.3:
            write = self("post", name, None, records)
        elif what < 0.5:
            write = self("putc", name, None, records, minimal=rnd.random() < 0.5)
        elif what < 0.85:
            write = self(
                "patch", name, None, {k: rnd.choice([v, None]) for k, v in records.items()}
            )
        else:
            write = self("drop", name, minimal=rnd.random() < 0.8)
        self.find_out(write)

    def shared_put(self, rnd):
        place = rnd.choice(SHARED), rnd.choice(RECORDS)
        if self("put", *place, self.token(), minimal=rnd.random() < 0.9).status == 404:
            self("post", place[0], None, {r: self.token() for r in RECORDS})

    def shared_conditional(self, rnd):
        place = rnd.choice(SHARED), rnd.choice(RECORDS)
        there = self("get", *place)
        if there.status == 200:
            op = rnd.choice(["put", "put", "put", "del"])
            self(op, *place, self.token() if op == "put" else None, cond=there.etag)

    def shared_patch(self, rnd):
        token = self.token()
        patch = dict.fromkeys(RECORDS, token)
        if rnd.random() < 0.3:
            patch.update(dict.fromkeys(rnd.sample(RECORDS, 3)))
        self("patch", rnd.choice(SHARED), None, patch, minimal=rnd.random() < 0.8)

    def shared_rare(self, rnd):
        name = rnd.choice(SHARED)
        if rnd.random() < 0.5:
            self("putc", name, None, dict.fromkeys(RECORDS, self.token()))
        else:
            self("drop", name)
            self("post", name, None, dict.fromkeys(RECORDS, self.token()))

    def read(self, rnd):
        if rnd.random() < 0.5:
            place = rnd.choice(SHARED), rnd.choice(RECORDS)
        else:
            place = rnd.choice(OWN), f"{self.name[:-1]}{rnd.randrange(4)}-{rnd.randrange(4)}"
        self("get", *place, cond=self.etags.get(place) if rnd.random() < 0.3 else None)

    def read_collection(self, rnd):
        self("getc", rnd.choice([*SHARED, *OWN, f"p-{self.name}"]))

    def read_store(self, _):
        self("gets")

    MIX = [
        (read, 36),
        (read_collection, 8),
        (read_store, 2),
        (own_put, 14),
        (own_delete, 2),
        (own_collection, 6),
        (shared_put, 14),
        (shared_conditional, 10),
        (shared_patch, 6),
        (shared_rare, 1),
    ]

    def work(self, rnd, until, rest):
        kinds, weights = zip(*self.MIX)
        while not os.path.exists(until):
            for kind in rnd.choices(kinds, weights, k=20):
                kind(self, rnd)
            if rest:
                time.sleep(rnd.uniform(0, rest))
        self.connection.close()
        self.flush()


def main():
    base, out, name, seed, clients, until, rest = sys.argv[1:]
    host, _, port = base.rpartition("/")[2].partition(":")
    with open(os.devnull if out == "-" else out, "w", encoding="utf-8") as file:
        everybody = [
            Client((host, int(port)), f"{name}{i}", None if out == "-" else file)
            for i in range(int(clients))
        ]
        threads = [
            threading.Thread(
                target=client.work,
                args=(random.Random(f"{seed} {client.name}"), until, float(rest)),
            )
            for client in everybody
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if out == "-":
        print(json.dumps(sum((client.statuses for client in everybody), collections.Counter())))


if __name__ == "__main__":
    main()
