"""Does to a running service what machines, administrators and bad luck do, by a
schedule that a seed gives."""

import os
import signal
import threading
import time
from typing import NamedTuple

from history import Op, padded, without_padding
from service import WORKERS, Failed, alive, children, send, wait_until

# What may fail meanwhile: nothing; writes that a killed worker had taken; what
# a worker holds that was stopped for longer than the front waits; anything.
NOTHING, WRITES, STOPPED, DOWN = "nothing", "writes", "stopped", "down"

RECOVERY_S = 60
# Workers that die younger than a second, one after the other, are replaced
# after longer and longer pauses.
GROWN_UP_S = 1.1
FILL_BYTES = 20000
FILL_MAX = 1000
# Half full: answers are long, so that a worker is often killed between a commit
# and its last answer.
HALF_FULL = (50, 65, 80)


class Fault(NamedTuple):
    kind: str
    start: int
    end: int
    harms: str


class Nemesis:
    def __init__(self, service, client, rnd, front_timeout):
        self.service, self.client, self.rnd, self.front_timeout = (
            service,
            client,
            rnd,
            front_timeout,
        )
        self.faults, self.copies, self.failures = [], [], []
        self.signals = {}
        self.full = 0
        self.born = 0

    def strike(self, signo, what, pid):
        if send(pid, signo):
            name = f"{signal.Signals(signo).name} to {what}"
            self.signals[name] = self.signals.get(name, 0) + 1

    def pick(self):
        """A worker; between a death and a birth there may be none for a
        moment."""
        return self.rnd.choice(
            sorted(wait_until(RECOVERY_S, "there is a worker", self.service.workers))
        )

    def pause(self, low, high):
        time.sleep(self.rnd.uniform(low, high))

    def recovered(self):
        wait_until(
            RECOVERY_S,
            "all workers are back",
            lambda: len(self.service.workers()) == WORKERS and self.service.ready(),
        )

    # --- workers --------------------------------------------------------------

    def kill_worker(self):
        self.strike(signal.SIGKILL, "a worker", self.pick())

    def kill_all_workers(self):
        for pid in self.service.workers():
            self.strike(signal.SIGKILL, "a worker", pid)

    def kill_workers_in_a_row(self):
        for _ in range(3):
            self.strike(signal.SIGKILL, "a worker", self.pick())
            self.pause(0.02, 0.3)

    def stop_worker(self):
        self.stop([self.pick()], 0.1, 1.5)

    def stop_all_workers(self):
        self.stop(self.service.workers(), 0.1, 1)

    def stop_worker_long(self):
        self.stop([self.pick()], self.front_timeout + 1, self.front_timeout + 2)

    def stop(self, pids, low, high):
        for pid in pids:
            self.strike(signal.SIGSTOP, "a worker", pid)
        try:
            self.pause(low, high)
        finally:
            for pid in pids:
                send(pid, signal.SIGCONT)

    def kill_stopped_worker(self):
        pid = self.pick()
        self.strike(signal.SIGSTOP, "a worker", pid)
        self.pause(0.05, 0.5)
        self.strike(signal.SIGKILL, "a worker", pid)

    def roll(self, meanwhile=None):
        before = set(self.service.workers())
        self.strike(signal.SIGHUP, "the supervisor", self.service.supervisor.pid)
        if meanwhile:
            self.pause(0, 0.1)
            meanwhile()
        wait_until(
            RECOVERY_S,
            "all workers are replaced",
            lambda: len(now := self.service.workers()) == WORKERS and not before & set(now),
        )

    def roll_and_kill(self):
        """The roll gives up where its replacement dies: then the old ones
        stay."""
        self.strike(signal.SIGHUP, "the supervisor", self.service.supervisor.pid)
        self.pause(0, 0.1)
        self.kill_worker()

    # --- the supervisor and the front -----------------------------------------

    def kill_supervisor(self):
        self.strike(signal.SIGKILL, "the supervisor", self.service.supervisor.pid)
        self.service.supervisor.wait()
        self.service.start_responder(RECOVERY_S)

    def kill_responder(self):
        """Supervisor and workers in one moment."""
        workers = self.service.workers()
        self.strike(signal.SIGKILL, "the supervisor", self.service.supervisor.pid)
        for pid in workers:
            self.strike(signal.SIGKILL, "a worker", pid)
        self.service.supervisor.wait()
        self.service.start_responder(RECOVERY_S)

    def restart_supervisor(self):
        self.strike(signal.SIGTERM, "the supervisor", self.service.supervisor.pid)
        self.service.end_responder(signal.SIGTERM)
        self.service.start_responder(RECOVERY_S)

    def reload_front(self):
        before = set(children(self.service.front.pid))
        self.strike(signal.SIGHUP, "the front", self.service.front.pid)
        wait_until(
            RECOVERY_S,
            "the front's workers are replaced",
            lambda: (now := set(children(self.service.front.pid))) and not before & now,
        )

    def restart_front(self):
        self.strike(signal.SIGQUIT, "the front", self.service.front.pid)
        self.service.end_front(signal.SIGQUIT)
        self.service.start_front()

    def kill_front_worker(self):
        pid = self.rnd.choice(sorted(children(self.service.front.pid)))
        self.strike(signal.SIGKILL, "a worker of the front", pid)
        wait_until(
            RECOVERY_S,
            "the front has another worker",
            lambda: not alive(pid) and self.service.front_up(),
        )

    # --- the store ------------------------------------------------------------

    def fill(self, meanwhile=None, on_the_way=None):
        """Write until it is refused, and a while on; then make room again."""
        ask, refused = self.client, 0
        for n in range(FILL_MAX):
            if on_the_way and n in HALF_FULL:
                self.pause(0.05, 0.2)
                on_the_way()
            if ask("put", "fill", f"r{n}", padded(ask.token(), FILL_BYTES)).status == 404:
                ask("post", "fill", None, {})
            elif ask.last.status == 507:
                refused += 1
                if meanwhile and refused == 1:
                    meanwhile()
                if refused > 20:
                    break
        if not refused:
            raise Failed("the store does not get full")
        self.full += 1
        for _ in range(100):
            answer = ask("drop", "fill")
            if answer.status in (204, 404):
                return
            if answer.status == 507:
                raise Failed("a full store refuses a removal")
        raise Failed(f"a full store is not emptied: {answer.status}")

    def fill_and_kill(self):
        self.fill(on_the_way=self.kill_worker)

    def fill_and_kill_when_full(self):
        self.fill(self.kill_worker)

    def fill_and_kill_responder(self):
        self.fill(self.kill_responder)

    # --- copies, all the time -------------------------------------------------

    def copy(self, number):
        """A dump, or a backup and the dump of what it restores to, as an
        operation for the checker."""
        start = time.monotonic_ns()
        if number % 2:
            status, text = self.service.run("dump", "--store", self.service.store)
            end = time.monotonic_ns()
        else:
            place = self.service.path(f"backup{number}")
            os.mkdir(place)
            status, text = self.service.run(
                "backup", "--store", self.service.store, os.path.join(place, "data.mdb")
            )
            end = time.monotonic_ns()
            if status == 0:
                status, text = self.service.run("dump", "--store", place)
            for file in os.listdir(place):
                os.unlink(os.path.join(place, file))
            os.rmdir(place)
        if status:
            self.failures.append(f"{'dump' if number % 2 else 'backup'}: {text.strip()}")
            return
        self.copies.append(
            Op(
                "copies",
                start,
                end,
                "dump",
                None,
                None,
                None,
                None,
                200,
                None,
                without_padding(text),
            )
        )

    def copy_all_the_time(self, ended):
        number = 0
        while not ended.wait(0.3):
            number += 1
            try:
                self.copy(number)
            except Exception as error:  # told, not lost with the thread
                self.failures.append(f"copy: {error!r}")

    # --- all of it ------------------------------------------------------------

    DECK = [
        (kill_worker, WRITES),
        (kill_worker, WRITES),
        (kill_worker, WRITES),
        (kill_all_workers, WRITES),
        (kill_workers_in_a_row, WRITES),
        (kill_stopped_worker, WRITES),
        (roll_and_kill, WRITES),
        (roll, NOTHING),
        (stop_worker, NOTHING),
        (stop_all_workers, NOTHING),
        (stop_worker_long, STOPPED),
        (kill_supervisor, DOWN),
        (kill_responder, DOWN),
        (restart_supervisor, DOWN),
        (reload_front, DOWN),
        (restart_front, DOWN),
        (kill_front_worker, DOWN),
        (fill, NOTHING),
        (fill_and_kill, WRITES),
        (fill_and_kill, WRITES),
        (fill_and_kill_when_full, WRITES),
        (fill_and_kill_responder, DOWN),
    ]

    def one(self, fault, harms):
        if harms == WRITES:
            time.sleep(max(0, self.born + GROWN_UP_S - time.monotonic()))
        before, start = set(self.service.workers()), time.monotonic_ns()
        try:
            fault(self)
            self.recovered()
        except Failed as error:
            self.failures.append(f"{fault.__name__}: {error}")
        if before != set(self.service.workers()):
            self.born = time.monotonic()
        self.faults.append(Fault(fault.__name__, start, time.monotonic_ns(), harms))

    def run(self, seconds):
        """Each fault of the deck, in an order of its own each time."""
        deadline = time.monotonic() + seconds
        ended = threading.Event()
        copies = threading.Thread(target=self.copy_all_the_time, args=(ended,))
        copies.start()
        try:
            while time.monotonic() < deadline and len(self.failures) < 10:
                for fault, harms in self.rnd.sample(self.DECK, len(self.DECK)):
                    self.one(fault, harms)
                    self.pause(0.1, 0.5)
                    if time.monotonic() > deadline:
                        break
        finally:
            ended.set()
            copies.join()
