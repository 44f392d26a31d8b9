#!/usr/bin/env python3
"""Sends standard input to HOST PORT as it is and prints what comes back until
the peer closes.

With --shut the sending side is closed after the last byte; --wait bounds it
all, in seconds.
"""
import argparse
import socket
import sys
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("host")
parser.add_argument("port", type=int)
parser.add_argument("--shut", action="store_true")
parser.add_argument("--wait", type=float, default=60)
args = parser.parse_args()

deadline = time.monotonic() + args.wait
with socket.create_connection((args.host, args.port), timeout=args.wait) as peer:
    try:
        peer.sendall(sys.stdin.buffer.read())
        if args.shut:
            peer.shutdown(socket.SHUT_WR)
        while (left := deadline - time.monotonic()) > 0:
            peer.settimeout(left)
            data = peer.recv(65536)
            if not data:
                break
            sys.stdout.buffer.write(data)
    except (TimeoutError, ConnectionError) as error:
        print(f"raw: {error}", file=sys.stderr)
