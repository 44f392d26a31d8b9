"""What the commands share: options, time, places and results."""

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from measure import machine
from peers.contender import Places
from peers.processes import Failure

BENCH = Path(__file__).resolve().parents[1]


class Run:
    """One run: its kind (full or quick), its places, and when it has to end."""

    def __init__(self, name, options, budget):
        self.name = name
        self.kind = "quick" if options.quick else "full"
        self.deadline = float("inf")
        if budget:
            self.deadline = time.monotonic() + budget[self.kind] - options.spent
        self.places = Places(options.build)
        # A quick run is for a look: it leaves no record.
        self.directory = self.places.bench / "quick" if options.quick else BENCH / "results"

    def say(self, text):
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)

    def about(self):
        """The head of its results: kind, machine, versions and commit."""
        return {"kind": self.kind, **machine.describe(self.places, BENCH.parent)}

    def write(self, stem, **texts):
        """Writes a text to the file of this stem for each ending."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for ending, text in texts.items():
            (self.directory / f"{stem}.{ending}").write_text(text)

    def plot(self, module):
        """Draws the results that write() has written."""
        command = [self.places.venv / "bin/python", "-m", module, self.directory]
        subprocess.run(command, cwd=BENCH, check=True)

    def say_where(self, files):
        self.say(f"{files} are in {os.path.relpath(self.directory)}")


def _leave(signo, _frame):
    """Unwinds, so that everything that was started ends."""
    sys.exit(128 + signo)


def main(name, description, benchmark, publish, budget=None):
    """Calls benchmark(run), and then publish(run, its results).

    budget has the seconds that a full and a quick run may take, set-up
    included; None: any time.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--spent", type=int, default=0, help="seconds that the set-up took")
    parser.add_argument("--quick", action="store_true", help="fewer points, fewer rounds")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    if not shutil.which("setpriv"):
        sys.exit(f"{name}: setpriv (util-linux) is missing")
    # wrk has a descriptor for each of its connections.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    run = Run(name, options, budget)
    try:
        results = benchmark(run)
    except Failure as failure:
        sys.exit(f"{name}: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        run.places.remove()
    publish(run, results)
