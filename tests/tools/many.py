#!/usr/bin/env python3
"""Many connections to a responder's socket, each with one request after the
other.

    many.py SOCKET CONNECTIONS [--each N | --until FILE | --hold FILE]

Every request has to be answered with 200.  Each connection makes N requests, or
as many as there is time for until the FILE exists, at least one.  With --hold
they make none and stay open until the FILE exists.  Prints {"connections",
"answers", "failures"}; exits 1 where one failed.
"""
import argparse
import json
import os
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
        self.socket.settimeout(fcgi.PATIENCE)
        self.socket.connect(path)
        self.socket.setblocking(False)
        self.bytes = b""
        self.asked = 0

    def ask(self):
        self.asked += 1
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
    parser.add_argument("--each", type=int, default=1)
    parser.add_argument("--until")
    parser.add_argument("--hold")
    args = parser.parse_args()
    parent = os.getppid()

    connections = [Connection(args.socket) for _ in range(args.connections)]
    if args.hold:
        while not os.path.exists(args.hold) and os.getppid() == parent:
            time.sleep(0.02)
        return 0
    selector = selectors.DefaultSelector()
    answers = failures = 0
    waiting = set()
    for connection in connections:
        connection.ask()
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        waiting.add(connection)

    def asks_again(connection):
        if args.until:
            return not os.path.exists(args.until) and os.getppid() == parent
        return connection.asked < args.each

    while waiting:
        ready = selector.select(fcgi.PATIENCE)
        if not ready:
            break
        for key, _ in ready:
            connection = key.data
            good = connection.answered()
            if good is None:
                continue
            answers += good
            failures += not good
            if good and asks_again(connection):
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
