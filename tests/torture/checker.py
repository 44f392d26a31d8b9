"""Proves a history linearizable, or says what is wrong with it.

The revision in an ETag is the place of a write in the one order of all commits, so there is nothing to
search for: the answers say what the order was, and it remains to be seen whether everything else
agrees with it.

- An acknowledged write has a revision of its own, above all that was answered before it began.
- A read shows what was written under the revision that it names; that is no older than anything
  answered before it began, and no younger than what began after its end.
- A collection or a store is, as a whole, the state at its revision.
- A condition held in the moment of the write; a refused write is never seen.
- Revisions leave no gap: each one that no answer names belongs to one write without an answer, which
  was under way then, touches nothing that was seen untouched, and has happened once.

Where two writes without an answer may be meant by one gap, what only the one would explain is taken as
explained, and counted as undecided.
"""
import bisect
import collections
import json

import history
from history import UNANSWERED, WRITES
from order import INF, Clock, Quiet, Timeline, Write

# Longer than anything is stopped, and so than anything that was on its way can take to happen.
LATE_NS = 10_000_000_000
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


class Checker:
    def __init__(self, ops):
        self.ops = ops
        self.wrong = []
        self.counts = collections.Counter()
        self.undecided = 0
        self.writes = []
        self.by_token = {}
        self.by_rev = {}
        self.absent = {}  # of reads that found nothing: the revision that this needs
        self.timelines = collections.defaultdict(Timeline)
        self.final = None

    def say(self, kind, text):
        self.counts[kind] += 1
        if len(self.wrong) < 200:
            self.wrong.append((kind, text))

    # --- what the answers say by themselves -----------------------------------------------------

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
                # 502: the responder has let go of it; any other may still be on its way.
                late = 0 if write.op.status == 502 else LATE_NS
                write.high = self.clock.ceiling(write.op.end + late)
                continue
            if write.rev <= floor:
                self.say("order", f"{write}: {floor} had been answered before it began")
            if write.rev in self.by_rev:
                self.say("twice", f"{write} and {self.by_rev[write.rev]}")
            self.by_rev[write.rev] = write

    # --- writes without an answer ---------------------------------------------------------------

    def pin(self):
        """A record comes with the revision of its write."""
        for op in self.ops:
            if op.op != "get" or op.status != 200:
                continue
            token, rev = json.loads(op.body)["res"], history.revision(op.etag)
            write = self.by_token.get(token) if isinstance(token, str) else None
            where = f"get {op.collection}/{op.record} of {op.client}: {str(token)[:40]} under {rev}"
            if write is None:
                self.say("phantom" if token in self.by_token else "made-up", where)
            elif not write.touches(op.collection, op.record) or write.sets.get(op.record) != token:
                self.say("made-up", f"{where}, but it is of {write}")
            elif write.rev is not None and write.rev != rev:
                self.say("duplicate", f"{where}, and {write}")
            elif write.rev is None:
                self.settle(write, rev, where)

    def settle(self, write, rev, why):
        other = self.by_rev.get(rev)
        if other is not None:
            self.say("twice", f"{why}: {write}, and {other}")
        elif not write.low < rev < write.high:
            self.say("order", f"{why}: {write} began after {write.low}, was over before {write.high}")
        write.rev = rev
        self.by_rev.setdefault(rev, write)

    def look_for_quiet(self):
        """What unanswered writes touch, and where it was seen untouched."""
        wanted = {(w.collection, r) for w in self.writes if w.rev is None for r in (*w.sets, None)}
        quiet = collections.defaultdict(Quiet)
        for op in self.ops:
            if not op.etag or op.status >= 400 or op.op == "gets":
                continue
            key, rev = (op.collection, op.record), history.revision(op.etag)
            if key not in wanted:
                continue
            if op.op in ("get", "getc"):
                quiet[key].add(rev, self.clock.floor(op.start))
            elif op.cond is not None:
                quiet[key].add(op.cond, rev - 1)
        for rev, content, scope, _ in self.snapshots:
            if rev is None:
                continue
            for collection, record in wanted:
                if record is None or scope not in (None, collection):
                    continue
                token = content.get(collection, {}).get(record)
                write = self.by_token.get(token)
                if write is not None and write.rev is not None:
                    quiet[collection, record].add(write.rev, rev)
        return quiet

    def note_seen(self):
        """Values of unanswered writes in collections and stores: they happened, and by when."""
        tokens = {t: w for t, w in self.by_token.items() if w is not None and w.rev is None}
        if not tokens:
            return
        for rev, content, _, _ in self.snapshots:
            for records in content.values():
                for token in records.values():
                    write = tokens.get(token) if isinstance(token, str) else None
                    if write is not None:
                        write.seen = True
                        if rev is not None:
                            write.high = min(write.high, rev + 1)

    def close_gaps(self):
        revs = set(self.by_rev)
        collection_of = {}
        for op in self.ops:
            if op.etag and op.status < 400:
                revs.add(history.revision(op.etag))
                if op.op == "getc":
                    collection_of[history.revision(op.etag)] = op.collection
        if not revs:
            return
        self.note_seen()
        quiet = self.look_for_quiet()
        loose = [w for w in self.writes if w.rev is None]
        may = {}
        for gap in range(min(self.by_rev, default=1), max(revs) + 1):
            if gap in self.by_rev:
                continue
            may[gap] = [w for w in loose if w.low < gap < w.high and
                        collection_of.get(gap, w.collection) == w.collection and
                        not any(w.touches(*key) and q.covers(gap) for key, q in quiet.items())]
        self.gaps = len(may)
        self.settle_the_only(may)
        self.match(may)
        for gap, writes in may.items():
            for write in writes:
                for record in (*write.sets, None):
                    self.timelines[write.collection, record].maybe.append(gap)
                if write.wide:
                    self.wide_maybe[write.collection].append(gap)
        self.open = may

    def settle_the_only(self, may):
        """A gap that one write can fill is filled by it, and a write that was seen fills a gap."""
        while True:
            found = [(gap, ws[0]) for gap, ws in may.items() if len(ws) == 1]
            gaps_of = collections.defaultdict(list)
            for gap, writes in may.items():
                for write in writes:
                    gaps_of[write].append(gap)
            found += [(gaps[0], w) for w, gaps in gaps_of.items() if w.seen and len(gaps) == 1]
            if not found:
                return
            for gap, write in found:
                if gap in may and write.rev is None:
                    self.settle(write, gap, "a gap")
                    del may[gap]
            settled = {write for _, write in found if write.rev is not None}
            for gap, writes in may.items():
                may[gap] = [w for w in writes if w not in settled]
            for gap in [g for g, writes in may.items() if not writes]:
                self.say("nobody", f"revision {gap} is of no write that was under way then")
                del may[gap]

    def match(self, may):
        """All gaps at once: a write for each, and no write for two."""
        taken = {}

        def place(gap, tried):
            for write in may[gap]:
                if write not in tried:
                    tried.add(write)
                    if write not in taken or place(taken[write], tried):
                        taken[write] = gap
                        return True
            return False

        for gap in may:
            if not place(gap, set()):
                self.say("nobody", f"revision {gap} is of no write that was under way then, but for those of others")
        possible = {w for writes in may.values() for w in writes}
        for write in self.writes:
            if write.seen and write.rev is None and write not in possible:
                self.say("torn", f"{write} was seen, but not whole, or each revision that it could have is another's")

    # --- states ---------------------------------------------------------------------------------

    def collect_snapshots(self):
        """(revision or None, {collection: {record: token}}, collection or None for all, op)"""
        self.snapshots = []
        for op in self.ops:
            if not op.body or not 200 <= op.status < 300 or op.op in ("get", "post"):
                continue
            content, scope = json.loads(op.body), op.collection
            if op.op in ("gets", "drop", "dump"):
                scope = None
            elif op.op == "put":
                content[op.collection] = content.pop("res")
                scope = None
            else:
                content = {op.collection: content["res"]}
            self.snapshots.append((history.revision(op.etag) if op.etag else None, content, scope, op))

    def build_timelines(self):
        records = collections.defaultdict(set)
        for write in self.writes:
            records[write.collection].update(write.sets)
        for rev in sorted(self.by_rev):
            write = self.by_rev[rev]
            for record in records[write.collection] if write.wide else write.sets:
                line = self.timelines[write.collection, record]
                line.revs.append(rev)
                line.values.append(write.sets.get(record))
            if write.wide:
                line = self.timelines[write.collection, None]
                line.revs.append(rev)
                line.values.append(None if write.op.op == "drop" else True)
        for collection, gaps in self.wide_maybe.items():
            for record in records[collection]:
                self.timelines[collection, record].maybe += gaps
        for line in self.timelines.values():
            line.maybe.sort()
        self.touched = collections.defaultdict(list)
        for rev in sorted(self.by_rev):
            self.touched[self.by_rev[rev].collection].append(rev)

    def compare_snapshots(self):
        """Go through the order of commits and look at each snapshot at its place."""
        pending, dumps = collections.defaultdict(list), []
        for snapshot in self.snapshots:
            rev, _, _, op = snapshot
            if rev is None:
                dumps.append([self.clock.floor(op.start), self.clock.ceiling(op.end), snapshot, False])
            else:
                pending[rev].append(snapshot)
        state = {}
        last = max([0, *self.by_rev, *pending])
        for rev in range(min([0, *self.by_rev]), last + 1):
            if rev in self.by_rev:
                self.by_rev[rev].apply(state)
            for snapshot in pending.get(rev, ()):
                self.compare(rev, state, *snapshot[1:])
            for dump in dumps:
                dump[3] = dump[3] or (dump[0] <= rev < dump[1] and dump[2][1] == state)
        for low, high, snapshot, found in dumps:
            if found:
                continue
            if any(low - 1000 < gap < high for gap in self.open):
                self.undecided += 1
            else:
                self.say("torn", f"a dump is no state from revision {low} to {high}: {self.why_none(snapshot[1])}")

    def why_none(self, content):
        revs = [(w.rev, f"{c}/{r}") for c, rs in content.items() for r, t in rs.items()
                if (w := self.by_token.get(t)) is not None and w.rev is not None]
        return f"its youngest value is of {max(revs, default=None)}"

    def compare(self, rev, state, content, scope, op):
        for collection in (set(content) | set(state)) if scope is None else [scope]:
            there, have = content.get(collection), state.get(collection)
            if there == have:
                continue
            self.explain(rev, op, collection, None, there is not None or None, have is not None or None)
            for record in set(there or {}) | set(have or {}):
                seen, due = (there or {}).get(record), (have or {}).get(record)
                if seen != due:
                    self.explain(rev, op, collection, record, seen, due)

    def explain(self, rev, op, collection, record, seen, due):
        """Why something is not as the known writes have it: an unanswered one, or a fault."""
        if seen == due:
            return
        write = self.by_token.get(seen) if record is not None and isinstance(seen, str) else None
        where = f"{op.op} of {op.client} at {rev}: {collection}/{record} is {str(seen)[:40]}, not {str(due)[:40]}"
        if record is not None and seen is not None and write is None:
            self.say("phantom" if isinstance(seen, str) and seen in self.by_token else "made-up", where)
            return
        # What a known write left, no other one can bring back.
        if write is None or write.rev is None:
            line = self.timelines[collection, record]
            if line.unsure(line.at(rev)[0], rev):
                self.undecided += 1
                return
        if op is self.final:
            self.say("lost", where)
        elif write is not None and write.rev is not None and write.rev > rev:
            self.say("future", where)
        else:
            self.say("torn", where)

    # --- one by one -----------------------------------------------------------------------------

    def check_read(self, op):
        """A record, a collection (also one answered with 304): the revision is the last that touched it."""
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
            self.say("lost" if op is self.final else "stale",
                     f"{what}: {following} touched it, and {floor} had been answered")

    def check_absent(self, op, number, record):
        """There was a moment when it was not there."""
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
            self.say("stale" if line.at(floor)[1] else "torn",
                     f"{op.op} {op.collection}/{op.record} of {op.client} is 404, but it was there from {floor} to {ceiling}")
        return False

    def find_absences(self):
        """What was not there may need a later moment than was known, and then others learn of it."""
        found = [(i, op) for i, op in enumerate(self.ops) if op.status == 404]
        while True:
            before = self.undecided, len(self.wrong), self.counts.copy()
            # A PUT finds no collection, the others no record or no collection.
            again = [self.check_absent(op, i, None if op.op == "put" else op.record) for i, op in found]
            if not any(again):
                return
            self.undecided, self.counts = before[0], before[2]
            del self.wrong[before[1]:]
            self.make_clock()

    def check_condition(self, write):
        """Of an acknowledged write: what it found."""
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
        elif op.op == "post" and value is not None or op.op in ("patch", "del", "drop") and value is None:
            self.say("condition", f"{write}: it was {value}")
        elif op.op in ("put", "putc") and op.status in (200, 201) and (op.status == 201) != (value is None):
            self.say("condition", f"{write}: it was {value}")
        elif record and collection.at(rev - 1)[1] is None and not collection.unsure(0, rev):
            self.say("condition", f"{write}: there was no collection")

    def check_refusal(self, op):
        """412 and 409: there was a moment when this was the right answer."""
        floor, ceiling = self.clock.floor(op.start), self.clock.ceiling(op.end)
        line = self.timelines[op.collection, op.record]
        since, value = line.at(floor)
        if op.status == 412:
            right = since != op.cond or line.after(since) < ceiling
        else:
            right = value is not None or line.after(since) < ceiling
        if not right and not line.unsure(since, ceiling):
            self.say("condition", f"{op.op} {op.collection}/{op.record} of {op.client} is {op.status} "
                     f"from {floor} to {ceiling}, where it was {value} of {since}")

    def run(self):
        self.open, self.gaps = {}, 0
        self.wide_maybe = collections.defaultdict(list)
        self.final = next((op for op in reversed(self.ops) if op.op == "gets" and op.status == 200), None)
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
