#!/usr/bin/env python3
"""Makes each call fail in turn, and looks at what comes of it: TAP on standard
output.

    run.py --program build/markbook --preload build/inject.so [--quick]
           [--phase NAME] [--kind NAME] [--step WORDS]

README.md of tests/ tells what is tried; worker.py and programs.py what is asked
of each failure.
"""

import argparse
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import programs  # noqa: E402  (after what keeps the tree clean)
import steps  # noqa: E402
import worker  # noqa: E402
from service import Service  # noqa: E402

SHOWN = 20
# With --quick, one point of so many is tried.
STRIDES = {"requests": 4, "streams": 40, "commands": 8, "starts": 80}


def serve(options, area, report, name, make, restore, more):
    """A worker that serves."""
    failures = [f for f in worker.FAILURES if options.kind in (None, f[0])]
    service = Service(options.program, options.preload, area, name, more)
    try:
        bench = worker.Bench(service, make(service), restore, report)
        for step in bench.steps:
            if options.step is None or options.step in step.name:
                bench.run_points(step, failures, options.stride * step.weight)
        bench.run_all_clean()
    finally:
        status = service.stop()
    if status != 0:
        report(f"the service ended with status {status}")
    unsound = service.verify()
    if unsound:
        report(unsound)
    return bench.points, bench.answers


def run_programs(options, area, report, which):
    p = programs.Programs(options.program, options.preload, area, report)
    failures = [f for f in programs.FAILURES if options.kind in (None, f[0])]
    if which == "commands":
        p.run_commands(failures, options.stride)
    else:
        p.run_starts(failures, options.stride)
    return p.points, p.ends


PHASES = {
    "requests": (
        "a worker answers right, refuses or closes, and goes on",
        lambda o, a, r: serve(
            o, a, r, "requests", steps.small, steps.restore_small, ["--durability", "commit"]
        ),
    ),
    "streams": (
        "so it does with long answers and slow peers",
        lambda o, a, r: serve(o, a, r, "streams", steps.long, None, []),
    ),
    "commands": (
        "dump, verify, backup, load and health end with a result or with one line",
        lambda o, a, r: run_programs(o, a, r, "commands"),
    ),
    "starts": (
        "serve serves or ends with one line, and the next start succeeds",
        lambda o, a, r: run_programs(o, a, r, "starts"),
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--preload", required=True)
    parser.add_argument("--quick", action="store_true", help="some of the points")
    parser.add_argument("--phase", choices=PHASES, help="only this one")
    parser.add_argument("--kind", help="only calls of this kind")
    parser.add_argument("--step", help="only requests with these words in their names")
    options = parser.parse_args()
    names = [options.phase] if options.phase else list(PHASES)
    bad = 0
    print(f"1..{len(names)}")
    for i, name in enumerate(names, 1):
        title, run = PHASES[name]
        options.stride = STRIDES[name] if options.quick else 1
        problems = []
        area = tempfile.mkdtemp(prefix="markbook-inject.", dir="/dev/shm")
        began = time.monotonic()
        try:
            points, ends = run(options, area, problems.append)
        except Exception as e:  # told as a failure, with what was found before
            problems.append(f"{type(e).__name__}: {e}")
            points, ends = {}, {}
        shutil.rmtree(area)
        bad += bool(problems)
        for problem in problems[:SHOWN]:
            print("#", problem[:400].replace("\n", " "))
        if len(problems) > SHOWN:
            print(f"# and {len(problems) - SHOWN} more")
        print(f"{'not ' if problems else ''}ok {i} - {name}: {title}")
        total = ", ".join(f"{k} {n}" for k, n in points.items())
        print(
            f"# {sum(points.values())} points ({total}) in {time.monotonic() - began:.0f} s; "
            f"ends: {', '.join(f'{k} {n}' for k, n in ends.items())}",
            flush=True,
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
