"""Very many connections at once."""

import contextlib
import json
import resource
import selectors
import sys
import time

from hostile_client import ask, connect, request, reset


def raise_limit(number):
    """Descriptors for that many connections; exits 77 where that is not
    allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number + 100
    if soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (ValueError, OSError):
        print(json.dumps({"limit": hard}))
        sys.exit(77)


class Crowd:
    """Connections of four kinds: silent, in the middle of a header, idle after
    an answer, busy."""

    REQUEST = request("GET", "/json/crowd/c")

    def __init__(self, number, kinds, pace):
        self.selector = selectors.DefaultSelector()
        self.peers, self.answered, self.bad, self.closed = [], 0, [], 0
        for n in range(number):
            time.sleep(pace)
            peer = connect()
            kind = kinds[n % len(kinds)]
            if kind == "header":
                peer.sendall(self.REQUEST[:20])
            elif kind != "silent":
                peer.sendall(self.REQUEST)
            peer.setblocking(False)
            self.peers.append(peer)
            self.selector.register(peer, selectors.EVENT_READ, kind)

    def turn(self):
        """One answer of each that has one; the busy ones ask again."""
        for key, _ in self.selector.select(0.05):
            try:
                data = key.fileobj.recv(4096)
            except ConnectionError:
                data = b""
            if not data:
                self.closed += 1
                self.selector.unregister(key.fileobj)
                continue
            status = data[9:12]
            self.answered += 1
            if status != b"200" or not data.endswith(b"}"):
                self.bad.append(data[:60])
            elif key.data == "busy":
                with contextlib.suppress(ConnectionError):
                    key.fileobj.send(self.REQUEST)

    def end(self):
        for peer in self.peers:
            reset(peer)


def crowd(args, failures):
    ask("PUT", "/json/crowd", b'{"c": 0}')
    start = time.monotonic()
    everyone = Crowd(args.number, args.kinds.split(","), args.pace)
    opened = time.monotonic() - start
    served = args.witness.answers_to_come(args.rounds)
    while not served():
        everyone.turn()
    if everyone.bad:
        failures.append(f"{len(everyone.bad)} bad answers, such as {everyone.bad[0]!r}")
    left = args.number - everyone.closed
    everyone.end()
    return {
        "connections": args.number,
        "opened_in": round(opened, 1),
        "held": left,
        "answers": everyone.answered,
    }
