#!/usr/bin/env python3
"""Clients that write and read at once, and know what they were told.

    load.py write BASE COLLECTION OUT    each client PUTs records of its own, one by one, and
                                         notes in OUT which were acknowledged
    load.py check BASE COLLECTION OUT    every acknowledged record of OUT is there with its value
    load.py count BASE COLLECTION        clients increment one record by conditional PUTs; its value
                                         is the number of successes in the end
    load.py fresh BASE|SOCKET COLLECTION one client PUTs, the others see each value at once

Ends after --requests, or when the file --until exists, with --see once it got
that status, too.  It ends with the process that started it.  A status that is
not a success and is not in --tolerate ends in exit status 1; "conn" in
--tolerate stands for connections that fail.  The last line of output is a
summary.
"""

import argparse
import http.client
import json
import os
import sys
import threading
import time
import urllib.parse

import fcgi


class Http:
    """One kept-alive connection, made anew when the server closed it."""

    def __init__(self, base, timeout=fcgi.PATIENCE):
        self.host = urllib.parse.urlsplit(base).netloc
        self.timeout = timeout
        self.link = None

    def __call__(self, method, path, body=None, fields=None):
        fields = dict(fields or {})
        if body is not None:
            fields["Content-Type"] = "application/json"
        if self.link is None:
            self.link = http.client.HTTPConnection(self.host, timeout=self.timeout)
        try:
            self.link.request(method, path, body, fields)
            answer = self.link.getresponse()
            data = answer.read()
        except Exception:
            self.close()
            raise
        if answer.will_close:
            self.close()
        return answer.status, answer.headers, data

    def close(self):
        if self.link:
            self.link.close()
        self.link = None


class Direct:
    """The same by FastCGI."""

    def __init__(self, address):
        self.client = fcgi.Client(address)

    def __call__(self, method, path, body=None, fields=None):
        extra = [("HTTP_" + n.upper().replace("-", "_"), v) for n, v in (fields or {}).items()]
        answer = self.client(method, path, (body or "").encode(), extra=extra)
        return answer.status, answer.fields, answer.body


class Run:
    def __init__(self, args):
        self.args = args
        self.lock = threading.Lock()
        self.ok = 0
        self.tolerated = {}
        self.failures = []
        self.parent = os.getppid()

    def going_on(self):
        if self.failures or os.getppid() != self.parent:
            return False
        if self.args.until and os.path.exists(self.args.until):
            return self.args.see is not None and self.args.see not in self.tolerated
        return self.ok < self.args.requests

    def succeeded(self):
        with self.lock:
            self.ok += 1

    def failed(self, what, text):
        with self.lock:
            if str(what) in self.args.tolerate.split(","):
                self.tolerated[what] = self.tolerated.get(what, 0) + 1
            else:
                self.failures.append(f"{time.time():.3f} {text}")

    def in_threads(self, work):
        def guarded(number):
            try:
                work(number)
            except Exception as error:
                with self.lock:
                    self.failures.append(f"client {number}: {error!r}")

        threads = [threading.Thread(target=guarded, args=(i,)) for i in range(self.args.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def finish(self, **more):
        for text in self.failures[:10]:
            print(text, file=sys.stderr)
        print(
            json.dumps(
                {"ok": self.ok, "tolerated": self.tolerated, "failures": len(self.failures), **more}
            )
        )
        sys.exit(1 if self.failures else 0)


def write(args):
    run = Run(args)
    acknowledged = []

    def client(number):
        link = Http(args.base)
        n = 0
        while run.going_on():
            n += 1
            name, path = f"w{number}-{n}", f"/json/{args.collection}/w{number}-{n}"
            try:
                status, _, data = link(
                    "PUT", path, json.dumps({"new": n}), {"Prefer": "return=minimal"}
                )
                if status == 201:
                    with run.lock:
                        acknowledged.append((name, n))
                    run.succeeded()
                else:
                    run.failed(status, f"PUT {path}: {status} {data[:200]}")
                    if args.pause:
                        time.sleep(args.pause)
                if args.reads and status == 201:
                    status, _, data = link("GET", path)
                    if status != 200:
                        run.failed(status, f"GET {path}: {status} {data[:200]}")
                    elif data != b'{"res":%d}' % n:
                        run.failed("value", f"GET {path}: {data[:200]}")
                    else:
                        run.succeeded()
            except (OSError, http.client.HTTPException) as error:
                run.failed("conn", f"{path}: {error!r}")

    run.in_threads(client)
    with open(args.out, "w") as out:
        for name, n in acknowledged:
            out.write(f"{name} {n}\n")
    run.finish(acknowledged=len(acknowledged))


def check(args):
    run = Run(args)
    link = Http(args.base)
    status, _, data = link("GET", f"/json/{args.collection}")
    there = json.loads(data)["res"] if status == 200 else {}
    with open(args.out) as lines:
        for line in lines:
            name, value = line.split()
            if there.get(name) == int(value):
                run.ok += 1
            else:
                run.failures.append(f"{name} is {there.get(name)}, not {value}")
    run.finish()


def count(args):
    path = f"/json/{args.collection}/counter"
    link = Http(args.base)
    link("PUT", f"/json/{args.collection}", '{"counter": 0}')
    run = Run(args)
    conflicts = []

    def client(_):
        link = Http(args.base)
        while run.going_on():
            status, fields, data = link("GET", path)
            if status != 200:
                run.failed(status, f"GET: {status}")
                continue
            value = json.loads(data)["res"]
            fields = {"If-Match": fields["ETag"], "Prefer": "return=minimal"}
            status, _, data = link("PUT", path, json.dumps({"new": value + 1}), fields)
            if status in (200, 201, 204):
                run.succeeded()
            elif status == 412:
                conflicts.append(1)
            else:
                run.failed(status, f"PUT: {status} {data[:200]}")

    run.in_threads(client)
    value = json.loads(link("GET", path)[2])["res"]
    if value != run.ok:
        run.failures.append(f"{run.ok} successes, but the counter is {value}")
    run.finish(conflicts=len(conflicts))


def fresh(args):
    kind = Direct if args.base.startswith("/") else Http
    path = f"/json/{args.collection}/fresh"
    run = Run(args)
    links = [kind(args.base) for _ in range(args.clients)]
    writer = links[0]
    status, _, data = writer("PUT", f"/json/{args.collection}", '{"fresh": 0}')
    if status not in (200, 201):
        sys.exit(f"PUT: {status} {data[:200]}")
    n = 0
    while run.going_on():
        n += 1
        writer = links[n % len(links)]
        status, _, data = writer("PUT", path, json.dumps({"new": n}), {"Prefer": "return=minimal"})
        if status not in (201, 204):
            run.failed(status, f"PUT: {status} {data[:200]}")
            continue
        for i, link in enumerate(links):
            status, _, data = link("GET", path)
            if status != 200 or json.loads(data)["res"] != n:
                run.failed("stale", f"link {i}: {status} {data[:200]} after {n} was answered")
        run.succeeded()
    run.finish()


parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
parser.add_argument("mode", choices=["write", "check", "count", "fresh"])
parser.add_argument("base")
parser.add_argument("collection")
parser.add_argument("out", nargs="?")
parser.add_argument("--clients", type=int, default=8)
parser.add_argument("--requests", type=int, default=1 << 30)
parser.add_argument("--until")
parser.add_argument("--see", type=int, metavar="STATUS")
parser.add_argument("--reads", action="store_true")
parser.add_argument("--tolerate", default="")
parser.add_argument(
    "--pause", type=float, default=0.01, help="after a tolerated failure, in seconds"
)
arguments = parser.parse_args()
{"write": write, "check": check, "count": count, "fresh": fresh}[arguments.mode](arguments)
