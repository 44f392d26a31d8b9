"""The second layer of the checker: which revisions belong to writes without an
answer."""

import collections
import json

import history
from evidence import Evidence
from order import Quiet


class Gaps(Evidence):
    """Fills revisions that no answer names with writes that have no answer."""

    def pin(self):
        """Gives writes the revision that a read of a record shows."""
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
            self.say(
                "order", f"{why}: {write} began after {write.low}, was over before {write.high}"
            )
        write.rev = rev
        self.by_rev.setdefault(rev, write)

    def look_for_quiet(self):
        """For all that unanswered writes may touch: the revisions that left it
        untouched."""
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
        """Marks unanswered writes whose values are in collections and stores as
        seen."""
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
            may[gap] = [
                w
                for w in loose
                if w.low < gap < w.high
                and collection_of.get(gap, w.collection) == w.collection
                and not any(w.touches(*key) and q.covers(gap) for key, q in quiet.items())
            ]
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
        """Settles a gap that only one write can fill, and a seen write that
        fits one gap only."""
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
        """Checks that all gaps can be filled at once, each by a write of its
        own."""
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
                self.say(
                    "nobody",
                    f"revision {gap} is of no write that was under way then, "
                    "but for those of others",
                )
        possible = {w for writes in may.values() for w in writes}
        for write in self.writes:
            if write.seen and write.rev is None and write not in possible:
                self.say(
                    "torn",
                    f"{write} was seen, but not whole, "
                    "or each revision that it could have is another's",
                )
