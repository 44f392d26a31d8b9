"""What sees harm done to others: a client that is served, and the log."""

import collections
import json
import threading
import time

from hostile_client import Broken, ask


class Witness(threading.Thread):
    """A client that wants to be served: a write, and a read that has to show
    it."""

    def __init__(self, bound):
        super().__init__(daemon=True)
        self.bound, self.over, self.count, self.slowest = bound, False, 0, 0.0
        self.failures = []

    def one(self, n):
        path = "/json/witness/w"
        start = time.monotonic()
        if ask("PUT", path, b'{"new": %d}' % n, self.bound + 5).status not in (200, 201):
            raise Broken("the write of the witness failed")
        middle = time.monotonic()
        if json.loads(ask("GET", path, None, self.bound + 5).body) != {"res": n}:
            raise Broken("the witness read something else")
        took = max(middle - start, time.monotonic() - middle)
        self.slowest = max(self.slowest, took)
        if took > self.bound:
            raise Broken(f"the witness waited for {took:.1f} s")

    def run(self):
        ask("PUT", "/json/witness", b"{}")
        while not self.over:
            self.count += 2
            try:
                self.one(self.count)
            except (Broken, OSError, KeyError, ValueError) as error:
                self.failures.append(f"witness: {error}")
            time.sleep(0.01)

    def answers_to_come(self, rounds):
        """A function that tells whether so many more were answered, or one
        never will."""
        target = self.count + 2 * rounds
        return lambda: self.count > target or len(self.failures) > 0 or not self.is_alive()

    def end(self):
        self.over = True
        self.join()


class Log:
    """The responder's: what it ran since this was made."""

    def __init__(self, path):
        self.file = open(path, encoding="utf-8")
        self.file.seek(0, 2)
        self.ran = collections.Counter()
        self.rest = ""

    def read(self):
        *lines, self.rest = (self.rest + self.file.read()).split("\n")
        for line in lines:
            event = json.loads(line)
            if event["event"] == "request":
                self.ran[event["method"], event["path"]] += 1

    def wait_for(self, wanted):
        """Until all of `wanted` is there, and then what was written in the
        meantime."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            self.read()
            if all(self.ran[key] >= n for key, n in wanted.items()):
                break
            time.sleep(0.02)
        ask("GET", "/json/witness")
        time.sleep(0.1)
        self.read()
