#!/usr/bin/env python3
"""Mixed load at full speed for long, and nothing may grow.

    soak.py [--minutes N] [--seed N] [--json FILE]

Every few seconds: the memory (its own, as PSS counts it) and the descriptors of
each process of responder and front, and the length of the store's file.  The
first minute is for growing; from then on the median of the last third may be
above that of the first third by no more than the tolerance.  The last line is
`N passed, N failed`.
"""

import argparse
import collections
import json
import os
import random
import statistics
import sys
import tempfile
import time

import torture
from service import TREE, WORKERS, Service, children

WARM_UP_S, EVERY_S = 60, 2
# What an allocator may keep more of at one time than at another; an answer
# under way; a page or two of the store's file for each kind of value.
TOLERANCE = {"KB": 256, "descriptors": 4, "bytes": 128 << 10}


def memory_kb(pid):
    """Without what is mapped from files: the store's pages belong to all."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as rollup:
        for line in rollup:
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1])
    raise OSError(f"{pid}: no Pss_Anon")


def sample(service):
    """{(process, measure): value}"""
    found = {("store", "bytes"): os.stat(os.path.join(service.store, "data.mdb")).st_size}
    for name, pids in (
        ("supervisor", [service.supervisor.pid]),
        ("worker", service.workers()),
        ("front", [service.front.pid]),
        ("front's worker", children(service.front.pid)),
    ):
        for number, pid in enumerate(sorted(pids), 1):
            who = f"{name} {number} ({pid})"
            found[who, "KB"] = memory_kb(pid)
            found[who, "descriptors"] = len(os.listdir(f"/proc/{pid}/fd"))
    return found


def watch(minutes, service):
    """The samples after the first minute."""
    start, series = time.monotonic(), collections.defaultdict(list)
    while (passed := time.monotonic() - start) < minutes * 60:
        time.sleep(EVERY_S)
        if passed > WARM_UP_S:
            for key, value in sample(service).items():
                series[key].append(value)
    return series


def growth(values):
    third = max(1, len(values) // 3)
    return statistics.median(values[-third:]) - statistics.median(values[:third])


def load(args, service, until):
    """(the samples, how often there was which status)"""
    client = torture.Setup(torture.address(service), "z", None)
    torture.prepare(client)
    processes = [
        torture.start_clients(service, i, "-", args.seed, until, 0)
        for i in range(torture.PROCESSES)
    ]
    try:
        series = watch(args.minutes, service)
    finally:
        open(until, "w", encoding="utf-8").close()
        statuses = collections.Counter()
        for process in processes:
            for status, n in json.loads(process.communicate(timeout=60)[0] or "{}").items():
                statuses[int(status)] += n
    return series, statuses


def judge(series, statuses, left):
    result = torture.Results()
    for (name, measure), values in sorted(series.items()):
        grown, allowed = growth(values), TOLERANCE[measure]
        result(
            f"{name}: {values[0]} {measure} after a minute, {values[-1]} at the end, "
            f"no more than {max(values)}, {allowed} of growth allowed",
            [f"grew by {grown}"] if grown > allowed else [],
        )
    result(
        "every request was answered",
        [f"{status}: {n} times" for status, n in statuses.items() if not 200 <= status < 500],
    )
    names = {name for name, _ in series}
    due = 3 + WORKERS + len(os.sched_getaffinity(0))
    result(
        "no process was replaced",
        [] if len(names) == due else [f"{due - 1} were due", *sorted(names)],
    )
    result("all processes ended", left)
    return result


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--json", default=os.path.join(TREE, "build", "soak.json"))
    args = parser.parse_args()
    if args.minutes * 60 < WARM_UP_S + 10 * EVERY_S:
        parser.error("the first minute does not count: --minutes has to be 1.5 or more")
    print(f"soak: {args.minutes:g} minutes, --seed {args.seed}", flush=True)
    # A log of each request would fill the memory that it lies in.
    service = Service(
        changes=[("log.conf", "logs/access.log", "/dev/null")], options=["--log-level", "warn"]
    )
    with tempfile.TemporaryDirectory(prefix="markbook-soak.") as work:
        try:
            service.start_responder()
            service.start_front()
            series, statuses = load(args, service, os.path.join(work, "until"))
        finally:
            left = service.stop(args.json + ".logs")
    print(f"requests: {sum(statuses.values())}, by status: {json.dumps(statuses, sort_keys=True)}")
    result = judge(series, statuses, left)
    with open(args.json, "w", encoding="utf-8") as out:
        json.dump(
            {
                "minutes": args.minutes,
                "seed": args.seed,
                "requests": sum(statuses.values()),
                "statuses": statuses,
                "samples": {
                    f"{name}, {measure}": values for (name, measure), values in series.items()
                },
                "passed": result.passed,
                "failed": result.failed,
            },
            out,
        )
    print(f"{result.passed} passed, {result.failed} failed")
    sys.exit(result.failed > 0)


if __name__ == "__main__":
    main()
