#!/usr/bin/env python3
"""Sends each header field of TABLE twice and compares the answer with what it
has to be.

    repeated_fields.py PORT

nginx changed its mind in version 1.23: of several fields of one name older
versions show the first, newer ones all of them, joined.  The answers are the
same with both.  Prints one object of JSON, whose "failures" tell what differs,
and exits 1 where there are any.
"""

import json
import sys

import hostile_client
from hostile_client import answers, connect, read_all

JSON = "application/json"
PLAIN = "text/plain"
BODY = b'{"new": 1}'
CHUNKS = b"a\r\n" + BODY + b"\r\n0\r\n\r\n"

# What sends it; the field; its two values; the status.  A write changes a
# record that is there.
TABLE = [
    # The responder sees both and takes neither.  The first one alone would be
    # right in most of these.
    ("PUT", "Content-Type", JSON, JSON, 415),
    ("PUT", "Content-Type", JSON, PLAIN, 415),
    ("PUT", "Content-Type", PLAIN, JSON, 415),
    ("PUT", "Content-Type", JSON, "", 415),
    ("PUT", "Content-Type", "", JSON, 415),
    ("PUT", "Content-Type", JSON + "; charset=utf-8", PLAIN, 415),
    ("PUT", "Content-Type", JSON + '; a="', 'b"', 415),
    # Without a body of its own there is nothing that it could be the type of.
    ("GET", "Content-Type", JSON, PLAIN, 200),
    ("DELETE", "Content-Type", JSON, PLAIN, 200),
    # A list: its first "return" counts, whichever field has it.
    ("PUT", "Prefer", "respond-async", "return=minimal", 204),
    ("PUT", "Prefer", "return=minimal", "return=representation", 204),
    ("PUT", "Prefer", "return=representation", "return=minimal", 200),
    ("PUT", "Prefer", "", "return=minimal", 204),
    ("DELETE", "Prefer", "wait=1", "return=minimal", 204),
    ("GET", "Prefer", "return=minimal", "wait=1", 200),
    # nginx itself refuses these.
    ("GET", "If-Match", "*", "*", 400),
    ("PUT", "If-Match", "*", '"none"', 400),
    ("PUT", "If-Match", "", "*", 400),
    ("GET", "If-None-Match", '"none"', '"none"', 400),
    ("PUT", "If-None-Match", '"none"', "*", 400),
    ("PUT", "If-None-Match", "", '"none"', 400),
    ("GET", "If-Modified-Since", "x", "y", 400),
    ("PUT", "If-Unmodified-Since", "x", "y", 400),
    ("GET", "Host", "y", "y", 400),
    ("PUT", "Host", "y", "y", 400),
    ("PUT", "Content-Length", "10", "10", 400),
    ("PUT", "Content-Length", "10", "0", 400),
    ("PUT", "Content-Length", "10", "", 400),
    ("PUT", "Transfer-Encoding", "chunked", "chunked", 400),
    ("PUT", "Transfer-Encoding", "identity", "chunked", 400),
    *(
        (method, name, one, two, 400)
        for method in ("GET", "PUT", "DELETE")
        for name, one, two in (
            ("Authorization", "Basic x", "Bearer y"),
            ("Content-Range", "bytes 0-1/2", "bytes 1-2/3"),
            ("Expect", "", ""),
            ("If-Range", '"a"', '"b"'),
        )
    ),
    # Nobody reads these, or only with the page's files.
    *(
        (method, name, one, two, 200)
        for method in ("GET", "PUT", "DELETE")
        for name, one, two in (
            ("Accept", "text/html", JSON),
            ("Accept-Encoding", "gzip", "identity"),
            ("Connection", "close", "close"),
            ("Content-Encoding", "identity", "identity"),
            ("Cookie", "a=b", "c=d"),
            ("Range", "bytes=0-1", "bytes=2-3"),
            ("TE", "trailers", "x"),
            ("Trailer", "x", "y"),
            ("Upgrade", "h2c", "websocket"),
            ("Via", "a", "b"),
            ("X-Forwarded-For", "192.0.2.1", "192.0.2.2"),
        )
    ),
]
# The first one counts where it will do, and then the answer carries it.
IDS = [
    ("a", "b", "a"),
    ("a", "", "a"),
    ("a", "!", "a"),
    ("", "b", None),
    ("!", "b", None),
    ("x" * 64, "b", "x" * 64),
    ("x" * 65, "b", None),
]


def ask(method, *fields):
    path = {"DELETE": "/json/repeated/gone"}.get(method, "/json/repeated/r")
    names = {name.lower() for name, _ in fields}
    fields = list(fields)
    # A third Host would hide what becomes of two.
    if "host" not in names:
        fields.append(("Host", "x"))
    if method == "PUT" and "content-type" not in names:
        fields.append(("Content-Type", JSON))
    if method == "PUT" and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(BODY))))
    if "connection" not in names:
        fields.append(("Connection", "close"))
    data = (
        f"{method} {path} HTTP/1.1\r\n"
        + "".join(f"{name}: {value}\r\n" for name, value in fields)
        + "\r\n"
    )
    body = b"" if method != "PUT" else CHUNKS if "transfer-encoding" in names else BODY
    with connect() as peer:
        peer.sendall(data.encode() + body)
        return answers(read_all(peer))[0]


def main():
    hostile_client.aim(int(sys.argv[1]))
    failures = []
    for method, name, one, two, wanted in TABLE:
        hostile_client.ask("PUT", "/json/repeated", b'{"r": 0, "gone": 0}')
        answer = ask(method, (name, one), (name, two))
        said = f"{method} with {name} {one!r} and {two!r}"
        if answer.status != wanted:
            failures.append(f"{said} is {answer.status}, not {wanted}")
        elif (
            wanted == 415 and "more than one Content-Type" not in json.loads(answer.body)["detail"]
        ):
            failures.append(f"{said} says {answer.body!r}")
        kept = json.loads(hostile_client.ask("GET", "/json/repeated").body)["res"] == {
            "gone": 0,
            "r": 0,
        }
        if kept != (method == "GET" or wanted >= 400):
            failures.append(f"{said} is {answer.status} and {'does nothing' if kept else 'writes'}")
    for method in ("GET", "PUT", "DELETE"):
        for one, two, wanted in IDS:
            found = ask(method, ("X-Request-Id", one), ("X-Request-Id", two)).fields["x-request-id"]
            if found != wanted if wanted else found in (one, two):
                failures.append(f"{method} with X-Request-Id {one!r} and {two!r} carries {found!r}")
    print(json.dumps({"pairs": len(TABLE) + 3 * len(IDS), "failures": failures}))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
