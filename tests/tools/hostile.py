#!/usr/bin/env python3
"""Clients of the front that mean harm, while another one wants to be served.

    hostile.py MODE PORT [--log FILE] [--number N] [--rounds N] [--bound S] [--kinds KIND,...]
               [--pace S]

MODE is shapes (hostile_shapes.py), pipeline, resets, slow, patience or crowd.
A witness writes and reads on connections of its own all the time; each answer
has to be right, and there within --bound seconds.  In slow and crowd the others
stay until it was answered in --rounds more.  With --log, what the responder ran
is held against what was answered.  Prints one object of JSON, whose "failures"
tell what went wrong, and exits 1 where there are any.
"""

import argparse
import collections
import contextlib
import json
import random
import re
import socket
import sys
import time

import hostile_shapes
from hostile_client import (
    Broken,
    aim,
    answers,
    ask,
    check_error,
    connect,
    read_all,
    request,
    reset,
)
from hostile_crowd import crowd, raise_limit
from hostile_witness import Log, Witness

SANE_ID = re.compile("[A-Za-z0-9._-]{1,64}")
# By the front; what else is an error comes from the responder.
REFUSALS = {400, 405, 408, 411, 413, 414, 417, 431, 501, 505}


def judge_shape(shape, found):
    """How often the responder has to have seen the outer request; None: either
    way, as nobody said so."""
    for answer in found:
        if not SANE_ID.fullmatch(answer.fields.get("x-request-id", "none")):
            raise Broken(f"X-Request-Id: {answer.fields['x-request-id']!r}")
        if shape.then != "broken off":
            check_error(answer)
    if shape.then in ("nothing", "refused", "broken off"):
        # The client has ended its side: what is not whole need not be answered.
        if found and found[0].status not in REFUSALS | {404}:
            raise Broken(f"answered with {[a.status for a in found]}")
        return 0
    if not found:
        raise Broken("no answer")
    status = found[0].status
    if shape.then == "any":
        return None
    if shape.then == "taken" and status not in (200, 201, 204):
        raise Broken(f"answered with {status}")
    if shape.then == "error" and status < 400:
        raise Broken(f"answered with {status}")
    if shape.then == "either" and status not in REFUSALS | {200, 201}:
        raise Broken(f"answered with {status}")
    if shape.then == "no type" and status != 415:
        raise Broken(f"answered with {status}")
    if shape.then == "error":
        return None
    return int(status in (200, 201, 415))


def shapes(args, failures):
    log = Log(args.log)
    ask("PUT", "/json/h", b"{}")
    # Its line may be written after its answer is sent, so it is counted like
    # the others.
    wanted, written, allowed = collections.Counter({("PUT", "/json/h"): 1}), set(), set()
    count = 0
    for n, shape in enumerate(hostile_shapes.shapes()):
        count += 1
        out, hidden = f"/json/h/o{n:04}", f"/json/h/i{n:04}"
        data = shape.data.replace(b"%(out)s", out.encode()).replace(b"%(in)s", hidden.encode())
        heads = (0,) if data.startswith(b"HEAD") else ()
        with connect() as peer:
            try:
                try:
                    peer.sendall(data)
                    peer.shutdown(socket.SHUT_WR)
                except ConnectionError:
                    pass
                found = answers(read_all(peer), heads)
                seen = judge_shape(shape, found)
            except (Broken, OSError, KeyError, ValueError) as error:
                failures.append(f"{shape.name}: {error!r}")
                continue
        if seen is None:
            allowed.add(out)
        elif seen:
            wanted["PUT", out] += seen
            if found[0].status < 400:
                written.add(out.rpartition("/")[2])
    log.wait_for(wanted)
    for (method, path), times in log.ran.items():
        if not path.startswith("/json/h"):
            continue
        # "/json/h/o0001" followed by what a shape appends to it.
        outer = path[:13]
        if outer in allowed and times == 1:
            continue
        if wanted[method, path] != times:
            failures.append(
                f"the responder saw {method} {path} {times} times, not {wanted[method, path]}"
            )
    for key, times in wanted.items():
        if log.ran[key] != times:
            failures.append(f"{key} was answered, and seen by the responder {log.ran[key]} times")
    there = set(json.loads(ask("GET", "/json/h").body)["res"])
    if there != written:
        failures.append(
            f"the store has {sorted(there - written)} too many, {sorted(written - there)} too few"
        )
    return {"shapes": count, "taken": len(written)}


def pipeline(args, failures):
    """Many requests in one write, and in writes cut anywhere: all answered, in
    order, each once."""
    ask("PUT", "/json/p", b"{}")
    log = Log(args.log)
    dice = random.Random(1)
    wanted = collections.Counter()
    for n in range(args.number):
        data, expected = [], []
        for i in range(40):
            path = f"/json/p/{n}-{i}"
            data.append(request("PUT", path, b'{"new": %d}' % i, b"Prefer: return=minimal"))
            data.append(request("GET", path))
            if i % 8 == 0:
                data.append(request("GET", f"/json/p/{n}-{i}/x"))
                expected += [(201, b""), (200, b'{"res":%d}' % i), (404, None)]
            else:
                expected += [(201, b""), (200, b'{"res":%d}' % i)]
            wanted["PUT", path] += 1
            wanted["GET", path] += 1
        data = b"".join(data)
        with connect() as peer:
            while data:
                size = len(data) if n % 2 == 0 else dice.randrange(1, 400)
                peer.sendall(data[:size])
                data = data[size:]
            peer.shutdown(socket.SHUT_WR)
            found = answers(read_all(peer))
        if len(found) != len(expected):
            failures.append(f"connection {n}: {len(found)} answers to {len(expected)} requests")
        for i, (answer, (status, body)) in enumerate(zip(found, expected)):
            if answer.status != status or body is not None and answer.body != body:
                failures.append(
                    f"connection {n}, request {i}: {answer.status} {answer.body[:60]!r}"
                )
                break
    log.wait_for(wanted)
    for key, times in wanted.items():
        if log.ran[key] != times:
            failures.append(f"{key} ran {log.ran[key]} times")
    return {"requests": args.number * 85}


def resets(args, failures):
    """A write and a large read, broken off after every byte that matters, in
    three ways."""
    ask("PUT", "/json/r", json.dumps({f"n{i}": "x" * 1000 for i in range(900)}).encode())
    log = Log(args.log)
    count = 0
    for n in range(args.number):
        write = request("PUT", f"/json/r2-{n}", b'{"a": 1}')
        cuts = sorted(
            {
                0,
                1,
                3,
                4,
                20,
                write.index(b"\r\n\r\n"),
                write.index(b"\r\n\r\n") + 3,
                len(write) - 8,
                len(write) - 1,
            }
        )
        for how in ("reset", "close", "half"):
            for cut in cuts:
                count += 1
                peer = connect()
                peer.sendall(write[:cut])
                if how == "half":
                    peer.shutdown(socket.SHUT_WR)
                    if [a for a in answers(read_all(peer)) if a.status < 400]:
                        failures.append(f"{how} after {cut} bytes: a success")
                (reset if how == "reset" else socket.socket.close)(peer)
            for after in (0, 1, 100, 100000):
                count += 1
                peer = connect(receive_buffer=4096)
                peer.sendall(request("GET", "/json/r"))
                while after > 0:
                    after -= len(peer.recv(min(after, 4096))) or after
                (reset if how == "reset" else socket.socket.close)(peer)
    log.wait_for({})
    for (method, path), _ in log.ran.items():
        if path.startswith("/json/r2-"):
            failures.append(f"half a request ran: {method} {path}")
    # A whole write whose client does not wait for the answer is a write all the
    # same, once.
    wanted = collections.Counter()
    for n in range(args.number):
        for how in ("reset", "close"):
            count += 1
            peer = connect()
            peer.sendall(request("PUT", f"/json/r/{how}-{n}", b'{"new": 1}'))
            (reset if how == "reset" else socket.socket.close)(peer)
            wanted["PUT", f"/json/r/{how}-{n}"] = 1
    log.wait_for({})
    for key in wanted:
        if log.ran[key] > 1:
            failures.append(f"{key} ran {log.ran[key]} times")
    return {"connections": count}


def slow(args, failures):
    """Clients that take their time with the header, the body, the answer, all
    at once."""
    ask("PUT", "/json/s", json.dumps({f"n{i}": "x" * 1000 for i in range(900)}).encode())
    whole = request("PUT", "/json/s/slow", b'{"new": 1}')
    body_at = whole.index(b"\r\n\r\n") + 4
    chunked = request(
        "PUT",
        "/json/s/slow",
        None,
        b"Content-Type: application/json",
        b"Transfer-Encoding: chunked",
    )
    kinds = collections.defaultdict(list)
    for _ in range(args.number):
        kinds["header"].append(connect())
        for kind, start in (
            ("body", whole[:body_at]),
            ("chunks", chunked),
            ("answer", request("GET", "/json/s") * 4),
            ("never", request("GET", "/json/s") * 4),
            ("nothing", b""),
        ):
            peer = connect(receive_buffer=2048)
            peer.sendall(start)
            kinds[kind].append(peer)
    at = 0
    # A busy machine may make one miss the front's time-outs.
    gone = contextlib.suppress(BlockingIOError, ConnectionError)
    served = args.witness.answers_to_come(args.rounds)
    while not served():
        for peer in kinds["header"]:
            with gone:
                peer.send(whole[at % body_at :][:1] if at < body_at - 2 else b"")
        for peer in kinds["body"]:
            with gone:
                peer.send(b" " if at < 8 else b"")
        for peer in kinds["chunks"]:
            with gone:
                peer.send(b"1\r\n \r\n")
        for peer in kinds["answer"]:
            with gone:
                peer.recv(1, socket.MSG_DONTWAIT)
        at += 1
        time.sleep(0.05)
    for kind, peers in kinds.items():
        for peer in peers:
            reset(peer)
    return {"connections": sum(map(len, kinds.values())), "rounds": at}


def patience(args, failures):
    """How long the front bears with a client that is slow: each has to be let
    go."""
    ask("PUT", "/json/s", json.dumps({f"n{i}": "x" * 1000 for i in range(900)}).encode())
    start = request("PUT", "/json/s/slow", b'{"new": 1}')[:-10]
    # What it sends at first, and what over and over again.
    kinds = {
        "header": (b"GET /json HTTP/1.1\r\nX: ", b"y"),
        "header lines": (b"GET /json HTTP/1.1\r\n", b"X: y\r\n"),
        "request line": (b"GET /", b"x"),
        "body": (start, b""),
        "answer": (request("GET", "/json/s") * 16, b""),
    }
    began = time.monotonic()
    peers = {kind: connect(receive_buffer=2048) for kind in kinds}
    for kind, peer in peers.items():
        peer.sendall(kinds[kind][0])
    took = {}
    while len(took) < len(peers) and time.monotonic() < began + 60:
        for kind in peers.keys() - took.keys():
            try:
                peers[kind].send(kinds[kind][1])
                # Its side is open as long as it says nothing: TCP_INFO starts
                # with the state, 1 is ESTABLISHED.
                if peers[kind].getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) != b"\x01":
                    took[kind] = round(time.monotonic() - began, 1)
            except ConnectionError:
                took[kind] = round(time.monotonic() - began, 1)
        time.sleep(0.05)
    failures += [f"{kind} is still there" for kind in peers.keys() - took.keys()]
    return {"let_go_after": took}


MODES = {
    "shapes": shapes,
    "pipeline": pipeline,
    "resets": resets,
    "slow": slow,
    "patience": patience,
    "crowd": crowd,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("port", type=int)
    parser.add_argument("--log")
    parser.add_argument("--number", type=int, default=10)
    parser.add_argument(
        "--rounds", type=int, default=30, help="of the witness, before those that hold on leave"
    )
    parser.add_argument("--kinds", default="silent,header,idle,busy")
    parser.add_argument(
        "--pace", type=float, default=0, help="seconds between two connections of a crowd"
    )
    parser.add_argument("--bound", type=float, default=60)
    args = parser.parse_args()
    aim(args.port)
    failures = []
    if args.mode == "crowd":
        raise_limit(args.number)
    witness = args.witness = Witness(args.bound)
    witness.start()
    summary = MODES[args.mode](args, failures)
    witness.end()
    failures += witness.failures
    summary["witness"] = {"requests": witness.count, "slowest_ms": round(witness.slowest * 1000)}
    print(json.dumps({**summary, "failures": failures[:40]}))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
