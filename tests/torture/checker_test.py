#!/usr/bin/env python3
"""The checker on histories that are good, and on ones that each have one fault.
TAP on standard output."""

import itertools
import json
import sys
import traceback

from checker import Checker
from history import Op, padded, without_padding

IDENTITY = "5f3a9c1e"


class Story:
    """Operations one after the other, ten ticks each; `at` overlaps them.  The
    state it starts with, written by acknowledged writes 1 and 2: {"c": {"a":
    "0.1", "b": "0.1"}, "d": {"a": "0.2"}}."""

    def __init__(self):
        self.ops, self.time, self.tokens = [], 0, itertools.count(1)
        self.post("c", {"a": "0.1", "b": "0.1"}, rev=1)
        self.post("d", {"a": "0.2"}, rev=2)

    def add(
        self,
        op,
        collection=None,
        record=None,
        arg=None,
        status=200,
        rev=None,
        body=None,
        cond=None,
        at=None,
    ):
        start, end = at or (self.time + 1, self.time + 10)
        self.time = max(self.time, end)
        etag = f"{IDENTITY}-{rev}" if rev is not None else None
        text = None if body is None else json.dumps(body)
        self.ops.append(Op("0", start, end, op, collection, record, arg, cond, status, etag, text))
        return self

    def post(self, collection, records, status=201, **more):
        return self.add("post", collection, None, records, status, **more)

    def put(self, record, token, status=204, **more):
        return self.add("put", *record.split("/"), token, status, **more)

    def patch(self, collection, records, status=204, **more):
        return self.add("patch", collection, None, records, status, **more)

    def delete(self, record, status=204, **more):
        return self.add("del", *record.split("/"), None, status, **more)

    def get(self, record, token, **more):
        return self.add("get", *record.split("/"), body={"res": token}, **more)

    def missing(self, record, **more):
        return self.add("get", *record.split("/"), status=404, **more)

    def collection(self, name, records, **more):
        return self.add("getc", name, body={"res": records}, **more)

    def store(self, a="0.1", b="0.1", rev=2, d="0.2", op="gets", **more):
        c = {name: token for name, token in (("a", a), ("b", b)) if token}
        return self.add(op, body={"c": c, "d": {"a": d}}, rev=rev, **more)


def good():
    """All kinds of operations, and a write without an answer of each fate."""
    story = Story()
    story.put("c/a", "1.1", rev=3).get("c/a", "1.1", rev=3).put("c/a", "1.2", rev=4, cond=3)
    story.put("c/a", "1.3", status=412, cond=3).post("c", {"z": "1.4"}, status=409)
    story.collection("c", {"a": "1.2", "b": "0.1"}, rev=4).store(a="1.2", rev=4)
    story.patch("c", {"a": "1.5", "b": "1.5"}, rev=5).store("1.5", "1.5", rev=5)
    story.delete("c/b", rev=6).missing("c/b").store(a="1.5", b=None, rev=6)
    story.put("c/b", "1.6", status=502).get("c/b", "1.6", rev=7)
    story.put("c/b", "1.7", status=502).get("c/b", "1.6", rev=7)
    story.patch("c", {"a": "1.8", "b": "1.8"}, status=0).collection(
        "c", {"a": "1.8", "b": "1.8"}, rev=8
    )
    story.put("c/a", "1.9", status=507).put("d/a", "1.10", rev=9).get("c/a", "1.8", rev=8)
    story.add("drop", "d", status=204, rev=10).put("d/a", "1.11", status=404)
    story.post("d", {"a": "1.12"}, rev=11).store("1.8", "1.8", rev=None, d="1.12", op="dump")
    story.add("putc", "d", None, {"a": "1.13"}, 200, rev=12, body={"res": {"a": "1.13"}})
    story.delete("c/a", status=504).missing("c/a").put(
        "c/a",
        "1.14",
        status=201,
        rev=14,
        body={"res": {"a": "1.14", "b": "1.8"}, "d": {"a": "1.13"}},
    )
    return story.store("1.14", "1.8", rev=14, d="1.13")


def concurrent():
    """Two writes and two reads at once, in any order that the revisions
    allow."""
    story = Story()
    story.put("c/a", "1.1", rev=4, at=(100, 200)).put("c/a", "1.2", rev=3, at=(100, 200))
    story.get("c/a", "1.2", rev=3, at=(110, 210)).get("c/a", "0.1", rev=1, at=(110, 150))
    return story.store("1.1", rev=4)


def ambiguous():
    """Two writes without an answer, one revision, and nobody saw which."""
    story = Story()
    story.put("c/a", "1.1", status=502, at=(100, 200)).put("c/a", "1.2", status=502, at=(100, 200))
    return story.put("c/a", "1.3", rev=4).store("1.3", rev=4)


GOOD = {
    "good": good,
    "concurrent": concurrent,
    "ambiguous": ambiguous,
    "nothing but the start": Story,
}


def a_write(story=None):
    return (story or Story()).put("c/a", "1.1", rev=3)


def seen_refused(status):
    return Story().put("c/a", "1.1", status=status).get("c/a", "1.1", rev=3)


def vanished_and_unseen():
    """Answered, and then another write got the same revision: the store went
    back."""
    return a_write().put("c/b", "1.2", rev=3).store(b="1.2", rev=3)


def retried():
    """The front sent a PUT twice, the answer is the second's; nothing else was
    under way."""
    return Story().put("c/a", "1.1", rev=4).store("1.1", rev=4)


def duplicate_unanswered():
    return (
        Story()
        .put("c/a", "1.1", status=502, at=(100, 200))
        .put("c/a", "1.2", rev=4, at=(100, 400))
        .get("c/a", "1.1", rev=3, at=(210, 220))
        .get("c/a", "1.1", rev=5)
    )


def duplicate_in_a_crowd():
    """A revision too many, with unanswered writes about, each of which was seen
    not to be it."""
    return (
        Story()
        .put("c/b", "1.1", status=502)
        .get("c/b", "0.1", rev=1)
        .put("c/a", "1.2", rev=4)
        .get("c/b", "0.1", rev=1)
        .store("1.2", rev=4)
    )


def another_store():
    story = Story().get("c/a", "0.1", rev=1)
    story.ops[-1] = story.ops[-1]._replace(etag="00000000-1")
    return story


def torn_unanswered():
    return (
        Story()
        .patch("c", {"a": "1.1", "b": "1.1"}, status=502)
        .collection("c", {"a": "1.1", "b": "0.1"}, rev=3)
    )


BAD = {
    "a stale record": ("stale", lambda: a_write().get("c/a", "0.1", rev=1)),
    "a stale collection": (
        "stale",
        lambda: a_write().collection("c", {"a": "0.1", "b": "0.1"}, rev=1),
    ),
    "a stale store": ("stale", lambda: a_write().store(rev=2)),
    "a stale 304": ("stale", lambda: a_write().add("get", "c", "a", status=304, rev=1, cond=1)),
    "a 404 after the answer": ("stale", lambda: Story().missing("c/a")),
    "a record that is there after it was removed": (
        "stale",
        lambda: Story().delete("c/a", rev=3).get("c/a", "0.1", rev=1),
    ),
    "reads that go back, with the write still under way": (
        "stale",
        lambda: (
            Story()
            .put("c/a", "1.1", rev=3, at=(100, 900))
            .get("c/a", "1.1", rev=3, at=(110, 120))
            .get("c/a", "0.1", rev=1, at=(130, 140))
        ),
    ),
    "a 404, then the record again, with the removal still under way": (
        "stale",
        lambda: (
            Story()
            .delete("c/a", rev=3, at=(100, 900))
            .missing("c/a", at=(110, 120))
            .get("c/a", "0.1", rev=1, at=(130, 140))
        ),
    ),
    "an acknowledged write that is gone": ("lost", lambda: a_write().store(rev=3)),
    "an acknowledged write that is gone with its revision": (
        "lost",
        lambda: a_write().store(rev=2),
    ),
    "an acknowledged removal that is gone": (
        "lost",
        lambda: Story().delete("c/a", rev=3).store(rev=3),
    ),
    "a revision given again": ("twice", vanished_and_unseen),
    **{
        f"a write refused with {status}, seen": (
            "phantom",
            lambda status=status: seen_refused(status),
        )
        for status in (404, 409, 412, 503, 507)
    },
    "a write that was never sent, seen": ("phantom", lambda: seen_refused(-1)),
    "a refused write in the final state": (
        "phantom",
        lambda: Story().put("c/a", "1.1", status=507).store("1.1", rev=2),
    ),
    "a value nobody wrote": ("made-up", lambda: Story().get("c/a", "9.9", rev=1)),
    "a value of another record": ("made-up", lambda: a_write().get("c/b", "1.1", rev=3)),
    "half a value": (
        "made-up",
        lambda: Story().put("c/a", "1.1", rev=3).get("c/a", "1.1:9:xxx", rev=3),
    ),
    "a collection with half a patch": (
        "torn",
        lambda: (
            Story()
            .patch("c", {"a": "1.1", "b": "1.1"}, rev=3)
            .collection("c", {"a": "1.1", "b": "0.1"}, rev=3)
        ),
    ),
    "a store with half a patch": (
        "torn",
        lambda: (
            Story()
            .patch("c", {"a": "1.1", "b": "1.1"}, rev=3)
            .store("0.1", "1.1", rev=3)
            .store("1.1", "1.1", rev=3)
        ),
    ),
    "half a patch without an answer": ("torn", torn_unanswered),
    "half a patch in a dump": (
        "torn",
        lambda: (
            Story()
            .patch("c", {"a": "1.1", "b": "1.1"}, rev=3)
            .store("0.1", "1.1", rev=None, op="dump")
            .store("1.1", "1.1", rev=3)
        ),
    ),
    "a dump from before": (
        "torn",
        lambda: a_write().store(rev=None, op="dump").store("1.1", rev=3),
    ),
    "two collections of different times": (
        "torn",
        lambda: (
            a_write().put("d/a", "1.2", rev=4).store(rev=4, d="1.2").store("1.1", rev=4, d="1.2")
        ),
    ),
    "an answer's body of before its write": (
        "torn",
        lambda: (
            Story()
            .put(
                "c/a",
                "1.1",
                status=200,
                rev=3,
                body={"res": {"a": "0.1", "b": "0.1"}, "d": {"a": "0.2"}},
            )
            .store("1.1", rev=3)
        ),
    ),
    "a revision that did not touch what names it": (
        "torn",
        lambda: a_write().collection("d", {"a": "0.2"}, rev=3),
    ),
    "a write applied twice, answered once": ("nobody", retried),
    "a write applied twice, with others unanswered": ("nobody", duplicate_in_a_crowd),
    "a write without an answer applied twice": ("duplicate", duplicate_unanswered),
    "an acknowledged write under two revisions": (
        "duplicate",
        lambda: a_write().get("c/a", "1.1", rev=4),
    ),
    "revisions against real time": (
        "order",
        lambda: Story().put("c/a", "1.1", rev=4).put("c/b", "1.2", rev=3),
    ),
    "a write that kept its answer's time, applied after it broke off": (
        "order",
        lambda: (
            Story().put("c/a", "1.1", status=502).put("c/b", "1.2", rev=3).get("c/a", "1.1", rev=4)
        ),
    ),
    "a read from the future": (
        "future",
        lambda: (
            Story().get("c/a", "1.1", rev=3, at=(100, 110)).put("c/a", "1.1", rev=3, at=(120, 130))
        ),
    ),
    "a lost update": (
        "condition",
        lambda: Story().put("c/a", "1.1", rev=3, cond=1).put("c/a", "1.2", rev=4, cond=1),
    ),
    "412 where the condition held": (
        "condition",
        lambda: Story().put("c/a", "1.1", status=412, cond=1),
    ),
    "409 where there is no collection": (
        "condition",
        lambda: Story().post("e", {"a": "1.1"}, status=409),
    ),
    "201 where it was there": (
        "condition",
        lambda: Story().put(
            "c/a",
            "1.1",
            status=201,
            rev=3,
            body={"res": {"a": "1.1", "b": "0.1"}, "d": {"a": "0.2"}},
        ),
    ),
    "a removal of nothing": (
        "condition",
        lambda: Story().delete("c/a", rev=3).delete("c/a", rev=4),
    ),
    "another store": ("answer", another_store),
    "a status of no contract": ("answer", lambda: Story().put("c/a", "1.1", status=500)),
}


def check(kind, story):
    found = Checker(story.ops).run()
    if kind is None:
        assert not found.wrong, found.wrong
    else:
        assert kind in found.counts, f"not {kind}: {found.wrong}"


def padding():
    text = json.dumps({"a": padded("1.1", 5), "b": "1.2:5:xxxx", "c": "1.3"})
    assert json.loads(without_padding(text)) == {"a": "1.1", "b": "1.2:5:xxxx", "c": "1.3"}


def undecided():
    assert Checker(ambiguous().ops).run().gaps == 1
    assert Checker(good().ops).run().undecided == 0


tests = [
    (f"{name}: nothing is found", lambda make=make: check(None, make()))
    for name, make in GOOD.items()
]
tests += [
    (f"{name} is {kind}", lambda kind=kind, make=make: check(kind, make()))
    for name, (kind, make) in BAD.items()
]
tests += [
    ("padding that is whole is taken away", padding),
    ("what cannot be decided is counted", undecided),
]

failed = 0
print(f"1..{len(tests)}")
for number, (sentence, test) in enumerate(tests, 1):
    try:
        test()
        print(f"ok {number} - checker: {sentence}")
    except Exception:
        failed += 1
        print(f"not ok {number} - checker: {sentence}")
        print("# " + traceback.format_exc(limit=3).strip().replace("\n", "\n# "))
sys.exit(failed > 0)
