#!/usr/bin/env python3
"""Many connections to a responder's socket, each with one request after the other.

    many.py SOCKET CONNECTIONS SECONDS [--hold SECONDS]

Every request has to be answered with 200.  With --hold the connections make no request, or one,
and stay open for that long.  Prints {"connections", "answers", "failures"}; exits 1 where one failed.
"""
import argparse
import json
import selectors
import socket
import sys
import time

import fcgi

REQUEST = fcgi.request("GET", "/json")
# The record that ends an answer, all but its content.
END = fcgi.record(fcgi.END, bytes(8))[:8]


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.socket.setblocking(False)
        self.bytes = b""

    def ask(self):
        self.bytes = b""
        self.socket.setblocking(True)
        self.socket.sendall(REQUEST)
        self.socket.setblocking(False)

    def answered(self):
        """None: not yet.  Else whether the answer is whole and good."""
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return None
        except OSError:
            return False
        if not data:
            return False
        self.bytes += data
        if self.bytes[-16:-8] != END:
            return None
        return b"Status: 200" in self.bytes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("socket")
    parser.add_argument("connections", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--hold", type=float, default=0)
    args = parser.parse_args()

    connections = [Connection(args.socket) for _ in range(args.connections)]
    if args.hold:
        time.sleep(args.hold)
        return 0
    selector = selectors.DefaultSelector()
    answers = failures = 0
    end = time.monotonic() + args.seconds
    waiting = set()
    for connection in connections:
        connection.ask()
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        waiting.add(connection)
    limit = end + 20
    while waiting and time.monotonic() < limit:
        for key, _ in selector.select(1):
            connection = key.data
            good = connection.answered()
            if good is None:
                continue
            answers += good
            failures += not good
            if good and time.monotonic() < end:
                try:
                    connection.ask()
                    continue
                except OSError:
                    failures += 1
            selector.unregister(connection.socket)
            waiting.discard(connection)
    failures += len(waiting)
    print(json.dumps({"connections": len(connections), "answers": answers, "failures": failures}))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
