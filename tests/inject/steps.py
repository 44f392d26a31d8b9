"""Requests to a worker, what they answer and what they leave, for run.py."""

import json
import os
import signal

from service import Exchange, fcgi

JSON = (("CONTENT_TYPE", "application/json"),)
PATCH = (("CONTENT_TYPE", "application/merge-patch+json"),)

HOME = {
    "a": 1,
    "b": {"x": [1, 2, {"y": "z"}], "w": "\\u00e9\\n"},
    "c": "three",
    "d": None,
    "e": [True, 1.5],
}
MANY = {f"m{i:03}": i for i in range(300)}
TREE = [{"k": ""} for i in range(1900)]
HEAP = {f"v{i:03}": list(range(60)) for i in range(60)}


class Step:
    """One request on a connection of its own."""

    weight = 1  # of its points one in so many is tried

    def __init__(self, name, method, path, body=b"", extra=(), query="", **options):
        self.name = name
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.request = fcgi.request(method, path, self.body, query, extra)
        self.after = options.get("after")
        self.jump = options.get("jump", 0)
        self.writes = method in ("PUT", "POST", "PATCH", "DELETE")

    def act(self, service, on_late):
        """[(exchange, answer or exception)]"""
        exchange = Exchange(service.socket, self.request)
        return [(exchange, outcome(exchange, on_late))]


def outcome(exchange, on_late):
    try:
        return exchange.read(on_late)
    except Exception as e:  # judged by the caller, whatever it is
        return e


class Together(Step):
    """Writes of different records, which a worker finds ready in one turn, and
    so has in one commit."""

    def __init__(self, name, path, edits):
        super().__init__(name, "GET", path)
        self.edits = edits
        self.writes = True
        self.requests = [
            fcgi.request("DELETE", f"{path}/{r}")
            if v is None
            else fcgi.request("PUT", f"{path}/{r}", json.dumps({"new": v}).encode())
            for r, v in edits
        ]

    def happened(self, state):
        """Which of the edits the store shows."""
        home = state.get("home", {})
        return [(r not in home) if v is None else home.get(r) == v for r, v in self.edits]

    def act(self, service, on_late):
        exchanges = [Exchange(service.socket, self.request) for _ in self.requests]
        for e in exchanges:
            outcome(e, on_late)
        try:
            os.kill(service.pid, signal.SIGSTOP)
        except ProcessLookupError:
            pass
        for e, r in zip(exchanges, self.requests):
            e.send(r)
        try:
            os.kill(service.pid, signal.SIGCONT)
        except ProcessLookupError:
            pass
        return [(e, outcome(e, on_late)) for e in exchanges]


class Slow(Step):
    """Peers that read nothing until all have asked: answers that are kept, or
    wait for their turn."""

    def __init__(self, name, count, *request):
        super().__init__(name, *request)
        self.count = count
        self.weight = count

    def act(self, service, on_late):
        exchanges = [Exchange(service.socket, self.request) for _ in range(self.count)]
        return [(e, outcome(e, on_late)) for e in exchanges]


def small(service):
    """Steps with the collection HOME as `home`."""
    service.ask("PUT", "/json/home", json.dumps(HOME).encode())
    return [
        Step("read a record", "GET", "/json/home/b"),
        Step("read a collection", "GET", "/json/home"),
        Step("read the store, pretty", "GET", "/json", query="pretty"),
        Step("read a page", "GET", "/json/home", query="limit=2&after=a%20b&pretty"),
        Step(
            "a condition that holds",
            "GET",
            "/json/home",
            extra=(("HTTP_IF_NONE_MATCH", '"x"'), ("HTTP_IF_NONE_MATCH", "*")),
        ),
        Step("HEAD", "HEAD", "/json/home"),
        Step("OPTIONS", "OPTIONS", "/json/home"),
        Step("read what is not there", "GET", "/json/none"),
        Step("what no route has", "GET", "/json/a/b/c"),
        Step("/healthz", "GET", "/healthz"),
        Step("/readyz", "GET", "/readyz", jump=2),
        Step("/metrics", "GET", "/metrics"),
        Step("not JSON", "PUT", "/json/home", b'{"a": [1, 2}'),
        Step("no type", "PUT", "/json/home", b"{}", (("CONTENT_TYPE", "text/plain"),)),
        Step(
            "a condition that fails", "PUT", "/json/home/a", {"new": 3}, (("HTTP_IF_MATCH", '"x"'),)
        ),
        Step("make a record", "PUT", "/json/home/z", {"new": {"k": ["v"]}}),
        Step(
            "set a record, minimal",
            "PUT",
            "/json/home/a",
            {"new": "2"},
            (
                ("HTTP_PREFER", "respond-async"),
                ("HTTP_PREFER", "return=minimal"),
                ("HTTP_IF_MATCH", "*"),
            ),
        ),
        Step("replace a collection", "PUT", "/json/home", MANY),
        Step("make a collection", "POST", "/json/more", {"exam 1": "test", "exam 2": "coding"}),
        Step(
            "patch a collection",
            "PATCH",
            "/json/home",
            {"a": 2, "b": {"x": None, "n": {"o": 1}}, "c": None, "n": []},
            PATCH,
        ),
        Step("a large patch", "PATCH", "/json/home", HEAP, PATCH),
        Step("a patch of many objects", "PATCH", "/json/home", {"o": TREE}, PATCH),
        Step("remove a record", "DELETE", "/json/home/a"),
        Step("remove a collection", "DELETE", "/json/home"),
        Together(
            "writes in one commit", "/json/home", [("a", 10), ("b", 20), ("c", None), ("y", [])]
        ),
    ]


def restore_small(service, state):
    """Back to HOME, and nothing else."""
    if "more" in state:
        service.ask("DELETE", "/json/more")
    service.ask("PUT", "/json/home", json.dumps(HOME).encode())


LONG = {f"r{i:04}": "x" * 900 for i in range(900)}


def long(service):
    """Steps with answers of some 800 KB: four pieces, and more than a socket
    takes."""
    if service.ask("GET", "/json/long").status != 200:
        service.ask(
            "PUT",
            "/json/long",
            json.dumps(LONG).encode(),
            extra=(("HTTP_PREFER", "return=minimal"),),
        )
    return [
        Step("read a long collection", "GET", "/json/long"),
        Step("read a long store, pretty", "GET", "/json", query="pretty"),
        Slow("three slow readers", 3, "GET", "/json/long"),
        Slow("more slow readers than snapshots are kept", 18, "GET", "/json/long"),
    ]
