"""Proves a history linearizable, or says what is wrong with it.

The revision in an ETag is the place of a write in the one order of all commits.
So there is nothing to search for: the answers tell the order, and the checker
looks whether everything else agrees with it.

- An acknowledged write has a revision of its own, above all that was answered
  before it began.
- A read shows what was written under the revision that it names.  That is no
  older than anything answered before it began, and no younger than what began
  after its end.
- A collection or a store is, as a whole, the state at its revision.
- A condition held at the moment of the write; a refused write is never seen.
- Revisions leave no gap.  Each one that no answer names belongs to one write
  without an answer, which was under way then, touches nothing that was seen
  untouched, and happened once.

Two writes without an answer may fit one gap.  What only one of them would
explain counts as explained, and as undecided.
"""

import bisect
import collections

import history
from order import INF
from states import States

KINDS = {
    "lost": "an acknowledged write is not in the final state",
    "stale": "a read shows less than was answered before it began",
    "future": "a read shows a write that began after it",
    "torn": "a collection or store is not the state at its revision",
    "made-up": "a value that nobody wrote there",
    "phantom": "a refused write is seen",
    "duplicate": "a write has happened twice",
    "order": "a revision is not above all that were answered before",
    "twice": "two answers name one revision",
    "nobody": "a revision belongs to no write",
    "condition": "a condition did not hold, or held where the answer says no",
    "answer": "an answer that is none of the contract",
}


class Checker(States):
    """The last layer: reads, conditions and refusals one by one, and the order
    of all checks."""

    def check_read(self, op):
        """The revision of a record or collection is the last that touched it,
        with 304, too."""
        rev, floor = history.revision(op.etag), self.clock.floor(op.start)
        what = f"{op.op} {op.collection}/{op.record} of {op.client} at {rev}"
        if rev >= self.clock.ceiling(op.end):
            self.say("future", what)
        if op.op == "gets":
            if rev < floor:
                self.say("stale", f"{what}: {floor} had been answered")
            return
        if op.record is None:
            revs = self.touched[op.collection]
            i = bisect.bisect_right(revs, rev)
            following = revs[i] if i < len(revs) else INF
            known = i > 0 and revs[i - 1] == rev
        else:
            line = self.timelines[op.collection, op.record]
            following, known = line.after(rev), line.at(rev)[0] == rev
        if not known:
            if rev in self.open:
                self.undecided += 1
            else:
                self.say("torn", f"{what}, which did not touch it: {self.by_rev.get(rev)}")
        if following <= floor:
            self.say(
                "lost" if op is self.final else "stale",
                f"{what}: {following} touched it, and {floor} had been answered",
            )

    def check_absent(self, op, number, record):
        """A 404 needs a moment when it was not there."""
        line = self.timelines[op.collection, record]
        floor, ceiling = self.clock.floor(op.start), self.clock.ceiling(op.end)
        since, value = line.at(floor)
        rev = floor
        while value is not None and (rev := line.after(since)) < ceiling:
            since, value = line.at(rev)
        if value is None:
            if rev > self.absent.get(number, floor):
                self.absent[number] = rev
                return True
        elif line.unsure(line.at(floor)[0], ceiling):
            self.undecided += 1
        elif record is not None:
            return self.check_absent(op, number, None)
        else:
            self.say(
                "stale" if line.at(floor)[1] else "torn",
                f"{op.op} {op.collection}/{op.record} of {op.client} is 404, "
                f"but it was there from {floor} to {ceiling}",
            )
        return False

    def find_absences(self):
        """A 404 may need a later moment than was known; then others have to be
        looked at again."""
        found = [(i, op) for i, op in enumerate(self.ops) if op.status == 404]
        while True:
            before = self.undecided, len(self.wrong), self.counts.copy()
            # A PUT finds no collection, the others no record or no collection.
            again = [
                self.check_absent(op, i, None if op.op == "put" else op.record) for i, op in found
            ]
            if not any(again):
                return
            self.undecided, self.counts = before[0], before[2]
            del self.wrong[before[1] :]
            self.make_clock()

    def check_condition(self, write):
        """An acknowledged write found what its condition asks for."""
        op, rev = write.op, write.rev
        record = None if write.wide or op.op == "patch" else op.record
        line = self.timelines[write.collection, record]
        since, value = line.at(rev - 1)
        if line.unsure(since, rev - 1):
            self.undecided += 1
            return
        collection = self.timelines[write.collection, None]
        if op.cond is not None and since != op.cond:
            self.say("condition", f"{write}: If-Match {op.cond}, but it was at {since}")
        elif (
            op.op == "post"
            and value is not None
            or op.op in ("patch", "del", "drop")
            and value is None
        ):
            self.say("condition", f"{write}: it was {value}")
        elif (
            op.op in ("put", "putc")
            and op.status in (200, 201)
            and (op.status == 201) != (value is None)
        ):
            self.say("condition", f"{write}: it was {value}")
        elif record and collection.at(rev - 1)[1] is None and not collection.unsure(0, rev):
            self.say("condition", f"{write}: there was no collection")

    def check_refusal(self, op):
        """412 and 409 need a moment when they were the right answer."""
        floor, ceiling = self.clock.floor(op.start), self.clock.ceiling(op.end)
        line = self.timelines[op.collection, op.record]
        since, value = line.at(floor)
        if op.status == 412:
            right = since != op.cond or line.after(since) < ceiling
        else:
            right = value is not None or line.after(since) < ceiling
        if not right and not line.unsure(since, ceiling):
            self.say(
                "condition",
                f"{op.op} {op.collection}/{op.record} of {op.client} is {op.status} "
                f"from {floor} to {ceiling}, where it was {value} of {since}",
            )

    def run(self):
        self.open, self.gaps = {}, 0
        self.wide_maybe = collections.defaultdict(list)
        self.final = next(
            (op for op in reversed(self.ops) if op.op == "gets" and op.status == 200), None
        )
        self.sort_out()
        self.make_clock()
        self.order_writes()
        self.collect_snapshots()
        self.pin()
        self.close_gaps()
        self.make_clock()
        self.build_timelines()
        self.find_absences()
        self.compare_snapshots()
        for op in self.ops:
            if op.op in history.READS and op.status in (200, 304):
                self.check_read(op)
            elif op.status in (409, 412):
                self.check_refusal(op)
        for write in self.writes:
            if write.acked:
                self.check_condition(write)
        if self.final is not None:
            top = max(self.by_rev, default=0)
            if history.revision(self.final.etag) < top:
                self.say("lost", f"the final state is {self.final.etag}, but {top} was answered")
        return self
