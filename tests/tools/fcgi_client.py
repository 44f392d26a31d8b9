#!/usr/bin/env python3
"""Speaks FastCGI to a responder, well or badly.

fcgi_client.py ADDRESS request METHOD PATH [BODY] [NAME=VALUE...]
    prints the answer; NAME=VALUE adds or replaces a parameter, NAME= sends it empty,
    NAME alone leaves it out
fcgi_client.py ADDRESS abuse HOW [--connections N] [--bound SECONDS]
               [--requests N] [--greet]
    opens N connections of the bad kind, with --greet after one good request on each,
    and keeps them open, makes good requests on connections of their own meanwhile, closes the
    bad ones and makes some more; fails where a good one takes longer than the bound
fcgi_client.py ADDRESS pair
    two requests, one after the other, on one connection: prints both statuses
"""

import argparse
import os
import struct
import sys
import time

import fcgi
from fcgi import Client

GOOD = fcgi.request("PUT", "/json/bad/peer", b'{"new": 1}')
LONG = b"\xff\xff\xff\xfe"  # 0x7ffffffe, in four bytes


def oversized_pair(name_length, value_length):
    return fcgi.begin() + fcgi.record(fcgi.PARAMS, name_length + value_length + b"NAMEvalue")


# What a bad peer sends.  Each would be a write of /json/bad/peer if it were
# taken for a request.
ABUSES = {
    "nothing": b"",
    "one-byte": b"\x01",
    "half-a-header": GOOD[:5],
    "begin-only": fcgi.begin(),
    "half-the-parameters": GOOD[:60],
    "no-end-of-parameters": fcgi.begin()
    + fcgi.record(fcgi.PARAMS, fcgi.params("PUT", "/json/bad/peer", b'{"new": 1}')),
    "half-the-body": fcgi.begin()
    + fcgi.stream(fcgi.PARAMS, fcgi.params("PUT", "/json/bad/peer", b'{"new": 1}'))
    + fcgi.record(fcgi.STDIN, b'{"ne'),
    "no-end-of-body": GOOD[:-8],
    "garbage": os.urandom(4096),
    "zeros": bytes(4096),
    "ones": b"\xff" * 4096,
    "http": b"GET /json HTTP/1.1\r\nHost: x\r\n\r\n" * 20,
    "wrong-version": fcgi.record(fcgi.BEGIN, struct.pack("!HB5x", 1, 1), version=9) + GOOD[16:],
    "unknown-type": fcgi.record(77, b"what", request_id=0)
    + fcgi.record(200, b"x" * 100, request_id=0),
    "unknown-role": fcgi.begin(role=77) + GOOD[16:],
    "authorizer": fcgi.begin(role=2)
    + fcgi.stream(fcgi.PARAMS, fcgi.params("PUT", "/json/bad/peer", b'{"new": 1}')),
    "no-begin": GOOD[16:],
    "abort": fcgi.begin() + fcgi.record(fcgi.ABORT),
    "abort-in-body": fcgi.begin()
    + fcgi.stream(fcgi.PARAMS, fcgi.params("PUT", "/json/bad/peer", b'{"new": 1}'))
    + fcgi.record(fcgi.STDIN, b'{"ne')
    + fcgi.record(fcgi.ABORT),
    "two-at-once": fcgi.begin(1)
    + fcgi.begin(2)
    + fcgi.stream(fcgi.PARAMS, fcgi.params("GET", "/json"), 2),
    "short-begin": fcgi.record(fcgi.BEGIN, b"\x00\x01") + GOOD[16:],
    "long-parameter": oversized_pair(LONG, LONG),
    "long-name": oversized_pair(LONG, b"\x01"),
    "long-value": oversized_pair(b"\x04", LONG),
    "endless-parameters": fcgi.begin()
    + fcgi.record(fcgi.PARAMS, fcgi.pair("X" * 100, "y" * 60000)) * 30,
    "get-values": fcgi.record(fcgi.GET_VALUES, fcgi.pair("FCGI_MAX_CONNS", ""), request_id=0),
    "get-values-again": fcgi.record(
        fcgi.GET_VALUES, fcgi.pair("FCGI_MAX_CONNS", "") * 500, request_id=0
    ),
}


def request(address, args):
    extra = []
    body = b""
    for word in args.words:
        name, equals, value = word.partition("=")
        if name.isupper() and name.replace("_", "").isalpha() and not word.startswith("{"):
            extra.append((name, value if equals else None))
        else:
            body = word.encode()
    answer = Client(address)(args.method, os.fsencode(args.path), body, extra=extra)
    print(answer.head)
    print(flush=True)
    sys.stdout.buffer.write(answer.body)


def good_requests(address, count, bound):
    """Each on a connection of its own.  Returns the longest time that one
    took."""
    longest = 0.0
    for i in range(count):
        start = time.monotonic()
        deadline = start + bound
        while True:
            # A worker that the bad peer killed takes with it what it had
            # accepted.
            client = None
            try:
                client = Client(address, timeout=max(0.1, deadline - time.monotonic()))
                answer = client("GET", "/json/assignments/Seminar")
                break
            except ConnectionError as error:
                if time.monotonic() > deadline:
                    sys.exit(f"good request {i}: {error}")
            except TimeoutError:
                sys.exit(f"good request {i}: not answered within {bound} s")
            finally:
                if client:
                    client.close()
        if answer.status != 200:
            sys.exit(f"good request {i}: status {answer.status}")
        longest = max(longest, time.monotonic() - start)
    return longest


def abuse(address, args):
    bad = [fcgi.connect(address) for _ in range(args.connections)]
    for peer in bad if args.greet else []:
        peer.sendall(fcgi.request("GET", "/json/assignments/Seminar"))
        fcgi.read_answer(peer)
    for peer in bad:
        try:
            peer.sendall(ABUSES[args.how])
        except OSError:
            pass  # closed at the first bad byte: fine
    meanwhile = good_requests(address, args.requests, args.bound)
    for peer in bad:
        peer.close()
    after = good_requests(address, args.requests, args.bound)
    print(f"{args.how}: longest {meanwhile:.3f} s meanwhile, {after:.3f} s afterwards")


def pair(address, _):
    client = Client(address)
    for path in ("/json", "/json/assignments"):
        print(client("GET", path).status)


parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
parser.add_argument("address")
commands = parser.add_subparsers(required=True)
sub = commands.add_parser("request")
sub.add_argument("method")
sub.add_argument("path")
sub.add_argument("words", nargs="*")
sub.set_defaults(run=request)
sub = commands.add_parser("abuse")
sub.add_argument("how", choices=ABUSES)
sub.add_argument("--connections", type=int, default=2)
sub.add_argument("--requests", type=int, default=5)
sub.add_argument("--greet", action="store_true")
sub.add_argument("--bound", type=float, default=fcgi.PATIENCE)
sub.set_defaults(run=abuse)
sub = commands.add_parser("pair")
sub.set_defaults(run=pair)
args = parser.parse_args()
args.run(args.address, args)
