"""Processor time that a run takes, and who takes it."""

import os
import time

from measure import machine
from peers.processes import Failure

SETTLE_SECONDS = 10
# Several ticks of the kernel's accounting.
SETTLE_STEP = 0.1


def cpu_of(services):
    return sum(service.cpu() for service in services)


def account(load_it, **groups):
    """Runs load_it while services in named groups answer.

    Returns what load_it tells, seconds of processor time by group and of
    `load`, which is the generator, and the share of the machine that went to
    anything else.
    """
    begun, busy, load = time.monotonic(), machine.busy_seconds(), machine.children_seconds()
    before = {name: cpu_of(services) for name, services in groups.items()}
    told = load_it()
    used = {name: cpu_of(services) - before[name] for name, services in groups.items()}
    used["load"] = machine.children_seconds() - load
    busy = machine.busy_seconds() - busy
    available = (time.monotonic() - begun) * os.cpu_count()
    return told, used, max(busy - sum(used.values()), 0) / available


def settle(service):
    """Waits until nothing works for a client that has left any more."""
    deadline, before = time.monotonic() + SETTLE_SECONDS, -1.0
    while time.monotonic() < deadline:
        now = cpu_of(service.services())
        if now == before:
            return
        before = now
        time.sleep(SETTLE_STEP)


def measure(service, load_it, answer_bytes=None):
    """One run: requests/s, bytes/s, processor time, and what went elsewhere.

    A run with few and long answers counts parts of them: answer_bytes is the
    length of one.
    """
    told, used, elsewhere = account(load_it, service=service.services())
    if told["errors"]:
        raise Failure(f"{service.label}: {told['errors']} requests failed")
    requests = told["bytes"] / answer_bytes if answer_bytes else told["requests"]
    if answer_bytes:
        settle(service)
    return {
        "requests_per_s": requests / told["seconds"],
        "bytes_per_s": told["bytes"] / told["seconds"],
        "cpu_us": used["service"] * 1e6 / max(requests, 1e-3),
        "elsewhere": elsewhere,
    }
