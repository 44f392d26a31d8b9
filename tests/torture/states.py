"""The third layer of the checker: collections and stores, each as a whole at
its revision."""

import collections
import json

import history
from gaps import Gaps


class States(Gaps):
    """Compares what reads show of several records with the state at their
    revision."""

    def collect_snapshots(self):
        """Snapshots are (revision or None, {collection: {record: token}},
        collection or None for all, op)."""
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
            self.snapshots.append(
                (history.revision(op.etag) if op.etag else None, content, scope, op)
            )

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
        """Goes through the order of commits and compares each snapshot at its
        place."""
        pending, dumps = collections.defaultdict(list), []
        for snapshot in self.snapshots:
            rev, _, _, op = snapshot
            if rev is None:
                dumps.append(
                    [self.clock.floor(op.start), self.clock.ceiling(op.end), snapshot, False]
                )
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
                self.say(
                    "torn",
                    f"a dump is no state from revision {low} to {high}: "
                    f"{self.why_none(snapshot[1])}",
                )

    def why_none(self, content):
        revs = [
            (w.rev, f"{c}/{r}")
            for c, rs in content.items()
            for r, t in rs.items()
            if (w := self.by_token.get(t)) is not None and w.rev is not None
        ]
        return f"its youngest value is of {max(revs, default=None)}"

    def compare(self, rev, state, content, scope, op):
        for collection in (set(content) | set(state)) if scope is None else [scope]:
            there, have = content.get(collection), state.get(collection)
            if there == have:
                continue
            self.explain(
                rev, op, collection, None, there is not None or None, have is not None or None
            )
            for record in set(there or {}) | set(have or {}):
                seen, due = (there or {}).get(record), (have or {}).get(record)
                if seen != due:
                    self.explain(rev, op, collection, record, seen, due)

    def explain(self, rev, op, collection, record, seen, due):
        """Tells why something is not as the known writes have it: an unanswered
        write, or a fault."""
        if seen == due:
            return
        write = self.by_token.get(seen) if record is not None and isinstance(seen, str) else None
        what = f"{collection}/{record} is {str(seen)[:40]}, not {str(due)[:40]}"
        where = f"{op.op} of {op.client} at {rev}: {what}"
        if record is not None and seen is not None and write is None:
            self.say(
                "phantom" if isinstance(seen, str) and seen in self.by_token else "made-up", where
            )
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
