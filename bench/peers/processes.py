"""Processes: started, accounted for and ended by their id."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 5


class Failure(Exception):
    """A contender cannot take part; the text says why."""


def _stat(pid):
    """The fields of /proc/PID/stat after the name; None if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


class Service:
    """One program and its children, which share the session that it begins."""

    def __init__(self, name, argv, directory, environment=None):
        self.log = directory / f"{name}.log"
        # It ends even if this script is killed.
        argv = ["setpriv", "--pdeathsig", "TERM", *map(str, argv)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                argv,
                cwd=directory,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def check(self):
        """Raises Failure if it has ended."""
        if self.process.poll() is not None:
            last = self.log.read_text(errors="replace").strip().splitlines()[-1:]
            raise Failure(f"ended with status {self.process.returncode}: {''.join(last)}")

    def pids(self):
        found = []
        for entry in os.listdir("/proc"):
            fields = _stat(entry) if entry.isdigit() else None
            if fields and int(fields[3]) == self.process.pid:
                found.append(int(entry))
        return found

    def cpu(self):
        """Seconds of processor time so far, with those of ended children."""
        ticks = 0
        for pid in self.pids():
            fields = _stat(pid)
            if fields:
                ticks += sum(map(int, fields[11:15]))
        return ticks * TICK

    def pss(self):
        """Proportional set size in bytes; None if the kernel has none."""
        total = 0
        for pid in self.pids():
            try:
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                return None
            total += sum(
                int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")
            )
        return total * 1024

    def ask_to_stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def stop(self):
        """Ends it and what is left of its session."""
        self.ask_to_stop()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def poll(seconds, attempt, services):
    """The first true result of attempt(); raises Failure after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        for service in services:
            service.check()
        result = attempt()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Failure(f"does not answer within {seconds} s")
        time.sleep(0.02)
