"""The first layer of the checker: writes, their order, and what was known at
which time."""

import collections

import history
from history import UNANSWERED, WRITES
from order import Clock, Timeline, Write

# Longer than anything is stopped, and so longer than anything on its way can
# take.
LATE_NS = 10_000_000_000


class Evidence:
    """What the answers say by themselves, and what is found wrong."""

    def __init__(self, ops):
        self.ops = ops
        self.wrong = []
        self.counts = collections.Counter()
        self.undecided = 0
        self.writes = []
        self.by_token = {}
        self.by_rev = {}
        # By the number of a read that found nothing: the revision that it
        # needs.
        self.absent = {}
        self.timelines = collections.defaultdict(Timeline)
        self.final = None
        self.snapshots = []

    def say(self, kind, text):
        self.counts[kind] += 1
        if len(self.wrong) < 200:
            self.wrong.append((kind, text))

    def sort_out(self):
        identities = set()
        for number, op in enumerate(self.ops):
            if op.etag:
                identities.add(op.etag.rpartition("-")[0])
            if op.op not in WRITES:
                continue
            tokens = [op.arg] if op.op == "put" else [t for t in (op.arg or {}).values() if t]
            write = None
            if op.status in UNANSWERED:
                write = Write(op, number)
            elif 200 <= op.status < 300:
                if op.etag:
                    write = Write(op, number)
                else:
                    self.say("answer", f"{op.op} of {op.client} is {op.status} without an ETag")
            elif op.status not in (history.NOT_SENT, 404, 409, 412, 503, 507):
                self.say("answer", f"{op.op} of {op.client} is {op.status}")
            if write:
                self.writes.append(write)
            for token in tokens:
                self.by_token[token] = write
        if len(identities) > 1:
            self.say("answer", f"the store changed its identity: {sorted(identities)}")

    def make_clock(self):
        known, begun = [], []
        for op in self.ops:
            if op.etag and op.status < 400:
                known.append((op.end, history.revision(op.etag)))
                if op.op in WRITES:
                    begun.append((op.start, history.revision(op.etag)))
        known += [(self.ops[i].end, rev) for i, rev in self.absent.items()]
        begun += [(w.op.start, w.rev) for w in self.writes if not w.acked and w.rev]
        self.clock = Clock(known, begun)

    def order_writes(self):
        for write in self.writes:
            floor = self.clock.floor(write.op.start)
            if not write.acked:
                write.low = floor
                # 502: the responder has let go of it; any other may still be on
                # its way.
                late = 0 if write.op.status == 502 else LATE_NS
                write.high = self.clock.ceiling(write.op.end + late)
                continue
            if write.rev <= floor:
                self.say("order", f"{write}: {floor} had been answered before it began")
            if write.rev in self.by_rev:
                self.say("twice", f"{write} and {self.by_rev[write.rev]}")
            self.by_rev[write.rev] = write
