#!/usr/bin/env python3
"""Clients write and read through the front while everything is killed, and
nothing may be lost.

    torture.py [--seconds N] [--seed N] [--json FILE]

The same seed gives the same schedule of faults and requests; what meets what is
left to chance.  The figures are printed and go to FILE as JSON; the last line
is `N passed, N failed`, of what README.md says.  Where something failed, the
history is kept beside FILE.
"""

import argparse
import bisect
import collections
import json
import os
import random
import subprocess
import sys
import tempfile
import time

import history
from checker import KINDS, Checker
from client import OWN, RECORDS, SHARED, Client
from nemesis import DOWN, NOTHING, STOPPED, WRITES, Nemesis
from service import TREE, Service

PROCESSES, CLIENTS = 4, 4
# So that five minutes can be remembered and checked: in between they are as
# fast as they can.
REST_S = 0.06
FRONT_TIMEOUT_S = 4
# What a fault leaves behind is over by then: connections closed, requests sent
# again.
GRACE_NS = 1_000_000_000
LOST_KINDS = ("lost", "twice", "order")


class Setup(Client):
    """The client of the run itself: knows its last answer."""

    last = None

    def __call__(self, *args, **kwargs):
        self.last = super().__call__(*args, **kwargs)
        return self.last


def address(service):
    return "127.0.0.1", service.port


def start_clients(service, number, out, seed, until, rest):
    """A process of them, as client.py has it."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "client.py")
    return subprocess.Popen(
        [
            sys.executable,
            "-B",
            script,
            service.base,
            out,
            "abcdefgh"[number],
            str(seed),
            str(CLIENTS),
            until,
            str(rest),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )


def prepare(client):
    for name in SHARED:
        client("post", name, None, dict.fromkeys(RECORDS, client.token()))
    for name in OWN:
        client("post", name, None, {})
    if client.last.status not in (201, 204):
        raise SystemExit(f"torture: the service does not work to begin with: {client.last}")


def look_at_all(client, service):
    """The end, with everybody gone: what there is, in each way of asking."""
    store = json.loads(client("gets").body or "{}")
    for name, records in store.items():
        client("getc", name)
        for record in records:
            client("get", name, record)
    start = time.monotonic_ns()
    status, text = service.run("dump", "--store", service.store)
    end = time.monotonic_ns()
    dump = history.Op(client.name, start, end, "dump", None, None, None, None, 200, None, text)
    client("gets")
    return status == 0, dump


class Harm:
    """Which requests met which kind of fault."""

    def __init__(self, faults):
        self.spans = {
            harms: sorted((f.start, f.end + GRACE_NS) for f in faults if f.harms == harms)
            for harms in (WRITES, STOPPED, DOWN)
        }

    def met(self, op, harms):
        spans = self.spans[harms]
        # They come one after the other, and overlap by the grace alone.
        i = bisect.bisect_right(spans, (op.end, float("inf"))) - 1
        return i >= 0 and spans[i][1] >= op.start

    def worst(self, op):
        for harms in (DOWN, STOPPED, WRITES):
            if self.met(op, harms):
                return harms
        return NOTHING


def failed(op):
    return op.status in (history.NOT_SENT, 0, 500, 502, 503, 504)


def tally(ops, faults):
    """Requests by what they met; reads and writes that failed, likewise."""
    harm = Harm(faults)
    counts = collections.defaultdict(collections.Counter)
    examples = []
    for op in ops:
        kind = "reads" if op.op in history.READS else "writes" if op.op in history.WRITES else None
        if kind is None:
            continue
        worst = harm.worst(op)
        counts[kind][worst] += 1
        # Only a worker that dies can cut an answer off.
        if failed(op) or op.status == history.CUT and worst == NOTHING:
            counts[kind + " failed"][worst] += 1
            if worst == NOTHING or worst == WRITES and kind == "reads":
                examples.append(
                    f"{op.op} {op.collection}/{op.record}: {op.status} at {op.start}, "
                    f"{(op.end - op.start) / 1e6:.1f} ms"
                )
    return counts, examples


def figures_of(args, ops, nemesis, checker, counts):
    writes = [op for op in ops if op.op in history.WRITES]
    wrong = collections.Counter({k: n for k, n in checker.counts.items() if k not in LOST_KINDS})
    return {
        "seconds": args.seconds,
        "seed": args.seed,
        "requests": sum(op.op != "dump" for op in ops),
        "reads answered": sum(op.op in history.READS and not failed(op) for op in ops),
        "writes acknowledged": sum(200 <= op.status < 300 for op in writes),
        "writes refused": sum(400 <= op.status < 500 or op.status in (503, 507) for op in writes),
        "writes refused with 507": sum(op.status == 507 for op in writes),
        "writes without an answer": sum(op.status in history.UNANSWERED for op in writes),
        "of these, known to have happened": sum(
            not w.acked and w.rev is not None for w in checker.writes
        ),
        "revisions that no answer named": checker.gaps,
        "collections and stores compared as a whole": len(checker.snapshots),
        "backups and dumps compared": len(nemesis.copies) + 1,
        "times full and emptied": nemesis.full,
        "signals": dict(sorted(nemesis.signals.items())),
        "faults": len(nemesis.faults),
        "slowest to recover": slowest(nemesis.faults),
        "acknowledged writes lost": sum(checker.counts[k] for k in LOST_KINDS),
        "answers wrong": sum(wrong.values()),
        "undecided for lack of an answer": checker.undecided,
        "reads while only workers were killed": counts["reads"][WRITES],
        "reads failed while only workers were killed": counts["reads failed"][WRITES],
        "reads cut off in an answer of more than 100 KB": sum(
            op.status == history.CUT for op in ops
        ),
        "requests failed without a fault to excuse them": counts["reads failed"][NOTHING]
        + counts["writes failed"][NOTHING],
        "reads failed while a worker was stopped for longer than the front waits": counts[
            "reads failed"
        ][STOPPED],
        "reads failed while supervisor or front were down": counts["reads failed"][DOWN],
    }


def slowest(faults):
    worst = {}
    for fault in faults:
        worst[fault.kind] = max(worst.get(fault.kind, 0), round((fault.end - fault.start) / 1e9, 2))
    return worst


class Results:
    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, sentence, problems):
        if problems:
            self.failed += 1
            print(f"not ok - {sentence}")
            for text in problems[:10]:
                print(f"#   {text}"[:300])
        else:
            self.passed += 1
            print(f"ok - {sentence}")


def judge(nemesis, checker, examples, whole, left):
    result = Results()
    said = collections.defaultdict(list)
    for kind, text in checker.wrong:
        said[kind].append(text)
    for kind, sentence in KINDS.items():
        result(f"never: {sentence}", said[kind])
    result("no read failed while only workers were killed, and nothing without a fault", examples)
    result(
        "the service recovered from each fault, and each copy could be made",
        nemesis.failures if whole else [*nemesis.failures, "the last dump failed"],
    )
    result("all processes ended", left)
    return result


def run(args, service, work):
    """The load and the faults: (operations, nemesis, whether the last dump
    could be made)."""
    until, outs = os.path.join(work, "until"), []
    with open(os.path.join(work, "setup"), "w", encoding="utf-8") as out:
        client = Setup(address(service), "z", out)
        prepare(client)
        nemesis = Nemesis(service, client, random.Random(args.seed), FRONT_TIMEOUT_S)
        processes = []
        for i in range(PROCESSES):
            outs.append(os.path.join(work, f"history{i}"))
            processes.append(start_clients(service, i, outs[-1], args.seed, until, REST_S))
        try:
            nemesis.run(args.seconds)
        finally:
            open(until, "w", encoding="utf-8").close()
            for process in processes:
                if process.wait(120):
                    nemesis.failures.append(f"a client ended with {process.returncode}")
        whole, dump = look_at_all(client, service)
        client.flush()
    ops = [op for out in outs for op in history.load(out)]
    return [*ops, *nemesis.copies, dump, *history.load(os.path.join(work, "setup"))], nemesis, whole


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--json", default=os.path.join(TREE, "build", "torture.json"))
    args = parser.parse_args()
    print(f"torture: {args.seconds} s, --seed {args.seed}", flush=True)
    service = Service(
        changes=[
            (
                "fastcgi.conf",
                "fastcgi_read_timeout 30s",
                f"fastcgi_read_timeout {FRONT_TIMEOUT_S}s",
            ),
            (
                "log.conf",
                "access_log",
                "map '$status $upstream_status' $bad { ~^5|, 1; default 0; }\naccess_log",
            ),
            ("log.conf", "flush=1s", "flush=1s if=$bad"),
        ],
        options=["--store-size", "4M", "--log-level", "warn"],
    )
    with tempfile.TemporaryDirectory(prefix="markbook-torture.") as work:
        try:
            service.start_responder()
            service.start_front()
            ops, nemesis, whole = run(args, service, work)
        finally:
            left = service.stop(args.json + ".logs")
    checker = Checker(ops).run()
    counts, examples = tally(ops, nemesis.faults)
    figures = figures_of(args, ops, nemesis, checker, counts)
    for name, value in figures.items():
        print(f"{name}: {json.dumps(value) if isinstance(value, dict) else value}")
    result = judge(nemesis, checker, examples, whole, left)
    with open(args.json, "w", encoding="utf-8") as out:
        json.dump({**figures, "passed": result.passed, "failed": result.failed}, out, indent=1)
    if result.failed:
        with open(args.json + ".history", "w", encoding="utf-8") as out:
            out.writelines(json.dumps(line) + "\n" for line in [*ops, *nemesis.faults])
        print(f"# the history is in {args.json}.history")
    print(f"{result.passed} passed, {result.failed} failed")
    sys.exit(result.failed > 0)


if __name__ == "__main__":
    main()
