"""Places in the order of commits: of writes, of moments, of what touched
what."""

import bisect
import json
import math

import history

INF = math.inf


class Write:
    """A write that has, or may have, happened."""

    def __init__(self, op, number):
        self.op, self.number = op, number
        self.collection = op.collection
        self.acked = op.status not in history.UNANSWERED
        self.rev = history.revision(op.etag) if self.acked else None
        self.low, self.high = 0, INF  # the revisions that it may have, both excluded
        self.seen = False
        self.wide = op.op in ("post", "putc", "drop")
        self.sets = (
            {op.record: op.arg}
            if op.op == "put"
            else {op.record: None}
            if op.op == "del"
            else op.arg or {}
        )

    def touches(self, collection, record):
        return collection == self.collection and (
            self.wide or record is None or record in self.sets
        )

    def apply(self, state):
        """Change a state, {collection: {record: token}}, as this write does."""
        if self.op.op == "drop":
            state.pop(self.collection, None)
            return
        if self.wide:
            state[self.collection] = {}
        records = state.setdefault(self.collection, {})
        for record, token in self.sets.items():
            if token is None:
                records.pop(record, None)
            else:
                records[record] = token

    def __str__(self):
        op = self.op
        what = f"{op.op} {op.collection}" + (f"/{op.record}" if op.record else "")
        arg = json.dumps(op.arg)[:60]
        return f"{what} of {op.client} ({arg}, status {op.status}, revision {self.rev})"


class Clock:
    """What was known at a time: the highest revision answered before, the
    lowest begun after."""

    def __init__(self, known, begun):
        known.sort()
        begun.sort()
        self.ends, self.floors = [k[0] for k in known], [k[1] for k in known]
        self.starts, self.ceilings = [b[0] for b in begun], [b[1] for b in begun]
        for i in range(1, len(known)):
            self.floors[i] = max(self.floors[i], self.floors[i - 1])
        for i in range(len(begun) - 2, -1, -1):
            self.ceilings[i] = min(self.ceilings[i], self.ceilings[i + 1])

    def floor(self, time):
        i = bisect.bisect_left(self.ends, time)
        return self.floors[i - 1] if i else 0

    def ceiling(self, time):
        i = bisect.bisect_right(self.starts, time)
        return self.ceilings[i] if i < len(self.starts) else INF


class Timeline:
    """Of one record, or of one collection (record None): each revision that
    touched it, and what it left: a token, True for a collection, None for
    nothing."""

    def __init__(self):
        self.revs, self.values = [], []
        self.maybe = []  # revisions of gaps that may have touched it

    def at(self, revision):
        """(revision of the last touch, what it left) at that revision of the
        store."""
        i = bisect.bisect_right(self.revs, revision) - 1
        return (self.revs[i], self.values[i]) if i >= 0 else (0, None)

    def after(self, revision):
        i = bisect.bisect_right(self.revs, revision)
        return self.revs[i] if i < len(self.revs) else INF

    def unsure(self, low, high):
        """A gap above low, up to high, may have touched it."""
        i = bisect.bisect_right(self.maybe, low)
        return i < len(self.maybe) and self.maybe[i] <= high


class Quiet:
    """Spans (low, high] of revisions in which something was seen untouched."""

    def __init__(self):
        self.spans = {}
        self.sorted = None

    def add(self, low, high):
        if high > self.spans.get(low, 0):
            self.spans[low] = high

    def covers(self, revision):
        if self.sorted is None:
            lows, highs = sorted(self.spans), []
            for low in lows:
                highs.append(max(self.spans[low], highs[-1] if highs else 0))
            self.sorted = lows, highs
        i = bisect.bisect_left(self.sorted[0], revision) - 1
        return i >= 0 and self.sorted[1][i] >= revision
