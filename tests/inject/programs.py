"""Failures in whole programs, from their start on: `markbook serve` and the
other commands; for run.py."""

import ctypes
import errno
import filecmp
import json
import os
import shutil
import signal
import subprocess

from service import (
    FOREVER,
    PATIENCE,
    SHORT,
    Service,
    alive,
    arm,
    children,
    disarm,
    environment,
    fcgi,
    new_control,
    wait_until,
)

ONCE = 1
FAILURES = [
    ("alloc", errno.ENOMEM, ONCE),
    ("alloc", errno.ENOMEM, FOREVER),
    ("read", errno.EIO, ONCE),
    ("pread", errno.EIO, ONCE),
    ("write", errno.ENOSPC, ONCE),
    ("pwrite", errno.EIO, ONCE),
    ("pwrite", errno.ENOSPC, ONCE),
    ("pwrite", SHORT, ONCE),
    ("pwrite", errno.ENOSPC, FOREVER),
    ("map", errno.ENOMEM, ONCE),
    ("sync", errno.EIO, ONCE),
    ("sync", errno.ENOSPC, ONCE),
    ("fork", errno.EAGAIN, ONCE),
    ("open", errno.EMFILE, ONCE),
    ("open", errno.EMFILE, FOREVER),
    ("socket", errno.EMFILE, ONCE),
    ("epoll", errno.ENOMEM, ONCE),
    ("option", errno.ENOMEM, ONCE),
    ("files", errno.EIO, ONCE),
    ("remove", errno.EIO, ONCE),
    ("wait", errno.EINTR, ONCE),
    ("stdio", errno.ENOSPC, ONCE),
    ("random", errno.EINTR, ONCE),
]
DATA = {
    "assignments": {f"Assignment {i}": "100%" for i in range(30)},
    "exams": {"exam 1": {"of": [1, 2.50, None]}},
}
MORE = {"seminars": {"s": [1]}, "talks": {"t": "x" * 5000}}
PR_SET_CHILD_SUBREAPER = 36


def whole_store(program, path):
    done = subprocess.run(
        [program, "dump", "--store", path],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr


def orphans():
    """What a program left running; it has become the driver's."""
    return [p for p in children(os.getpid()) if alive(p)]


class Programs:
    def __init__(self, program, preload, area, report):
        self.program, self.preload, self.area, self.report = program, preload, area, report
        self.path = f"{area}/programs.control"
        self.control = new_control(self.path)
        self.store, self.kept = f"{area}/store", f"{area}/kept"
        self.data, self.more = f"{area}/data.json", f"{area}/more.json"
        self.points, self.ends, self.known = {}, {}, set()
        for name, value in ((self.data, DATA), (self.more, MORE)):
            with open(name, "w", encoding="utf-8") as f:
                json.dump(value, f)
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        subprocess.run(
            [program, "load", "--store", self.kept, "--store-size", "2M", self.data],
            env=environment(),
            check=True,
        )

    def copy_store(self):
        shutil.rmtree(self.store, ignore_errors=True)
        shutil.copytree(self.kept, self.store)

    def count(self, kind, end):
        self.points[kind] = self.points.get(kind, 0) + 1
        self.ends[end] = self.ends.get(end, 0) + 1

    def where(self, name, failure, at):
        kind, error, row = failure
        return f"{name}: {self.control.point(kind, at, row, error)}"

    # --- commands ---

    def run_command(self, name, args, failure, at):
        """(whether the point was reached, where, exit status, output)"""
        arm(self.control, *failure[:2], at, failure[2])
        self.control.pid, self.control.depth = 0, -1
        try:
            done = subprocess.run(
                [self.program, *args],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=environment(self.path, self.preload),
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            done = None
        disarm(self.control)
        where = self.where(name, failure, at)
        if done is None:
            self.report(f"{where}: does not end")
            return True, where, -1, ""
        lines = done.stderr.decode("utf-8", "replace").splitlines()
        reached = self.control.failed > 0
        if reached:
            self.count(failure[0], done.returncode)
        if done.returncode not in (0, 1):
            self.report(f"{where}: exit status {done.returncode}")
        if done.returncode == 1 and (len(lines) != 1 or not lines[0].startswith("markbook ")):
            self.report(f"{where}: exit status 1, and says {lines}")
        if done.returncode == 0 and lines:
            self.report(f"{where}: exit status 0, and says {lines}")
        if any("damaged" in line for line in lines):
            self.report(f"{where}: says {lines}")
        if set(orphans()) - self.known:
            self.report(f"{where}: left {orphans()}")
        return reached, where, done.returncode, done.stdout

    def each(self, name, args, before, after, failures, stride):
        for failure in failures:
            at = 1
            while True:
                before()
                reached, where, status, out = self.run_command(name, args, failure, at)
                after(where, status, out)
                if not reached:
                    if status != 0:
                        self.report(f"{where}: exit status {status} where nothing fails")
                    break
                at += stride

    def unchanged(self, where):
        if not filecmp.cmp(f"{self.store}/data.mdb", f"{self.kept}/data.mdb", False):
            self.report(f"{where}: the store is another")

    def run_commands(self, failures, stride=1):
        backup = f"{self.area}/backup.mdb"
        normal = subprocess.run(
            [self.program, "dump", "--store", self.kept],
            capture_output=True,
            env=environment(),
            check=True,
        ).stdout
        self.copy_store()

        def after_dump(where, status, out):
            self.unchanged(where)
            if status == 0 and out != normal:
                self.report(f"{where}: another dump, and exit status 0")

        def after_verify(where, status, out):
            self.unchanged(where)
            if status == 0 and b"sound" not in out:
                self.report(f"{where}: exit status 0 without a word")

        def before_backup():
            for f in os.listdir(self.area):
                if f.startswith("backup.mdb"):
                    os.unlink(f"{self.area}/{f}")

        def after_backup(where, status, out):
            self.unchanged(where)
            found = [f for f in os.listdir(self.area) if f.startswith("backup.mdb")]
            if found not in ([], ["backup.mdb"]) and ": remove" not in where:
                self.report(f"{where}: left {found}")
            if status == 0 and "backup.mdb" not in found:
                self.report(f"{where}: exit status 0 and no file")
            if os.path.exists(backup):
                restored = f"{self.area}/restored"
                os.makedirs(restored, exist_ok=True)
                os.rename(backup, f"{restored}/data.mdb")
                if whole_store(self.program, restored) != DATA:
                    self.report(f"{where}: the backup is not whole")
                shutil.rmtree(restored)

        def after_load(where, status, out):
            now, wanted = (
                whole_store(self.program, self.store),
                {**DATA, **MORE} if status == 0 else DATA,
            )
            if now != wanted:
                self.report(f"{where}: exit status {status}, and the store holds {str(now)[:200]}")

        def after_first_load(where, status, out):
            if status == 0 and whole_store(self.program, self.store) != DATA:
                self.report(f"{where}: exit status 0, and the store holds something else")
            if status != 0:
                done = subprocess.run(
                    [self.program, "load", "--store", self.store, "--store-size", "2M", self.data],
                    env=environment(),
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if done.returncode != 0 or whole_store(self.program, self.store) != DATA:
                    self.report(f"{where}: then the next one: {done.stderr}")

        def nothing():
            pass

        def no_store():
            shutil.rmtree(self.store, ignore_errors=True)

        def after_health(where, status, out):
            pass

        self.each("dump", ["dump", "--store", self.store], nothing, after_dump, failures, stride)
        self.each(
            "verify", ["verify", "--store", self.store], nothing, after_verify, failures, stride
        )
        self.each(
            "backup",
            ["backup", "--store", self.store, backup],
            before_backup,
            after_backup,
            failures,
            stride,
        )
        self.each(
            "load",
            ["load", "--store", self.store, self.more],
            self.copy_store,
            after_load,
            failures,
            stride,
        )
        self.each(
            "first load",
            ["load", "--store", self.store, "--store-size", "2M", self.data],
            no_store,
            after_first_load,
            failures,
            stride,
        )
        service = Service(self.program, self.preload, self.area, "health")
        self.known = set(orphans())
        self.each(
            "health",
            ["health", "--socket", service.socket],
            nothing,
            after_health,
            failures,
            stride,
        )
        service.stop()
        self.known = set()

    # --- serve ---

    def serve(self, depth, failure, at):
        """Start, stop; (reached, started, exit status, lines that are no log,
        log)"""
        control, socket = self.control, f"{self.area}/start.sock"
        arm(control, *failure[:2], at, failure[2])
        control.pid, control.depth = 0, depth
        process = subprocess.Popen(
            [
                self.program,
                "serve",
                "--socket",
                socket,
                "--store",
                self.store,
                "--store-size",
                "2M",
                "--workers",
                "1",
                "--durability",
                "commit",
                "--seed",
                self.data,
            ],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(self.path, self.preload),
        )

        def answers():
            try:
                client = fcgi.Client(socket, 2)
                try:
                    return client(
                        "GET", "/json/exams"
                    ).body == b'{"res":{"exam 1":{"of":[1,2.50,null]}}}'.replace(b"2.50", b"2.5")
                finally:
                    client.close()
            except (OSError, ConnectionError):
                return False

        def ready_or_gone():
            return process.poll() is not None or answers()

        if not wait_until(ready_or_gone, 0.3):
            disarm(control)
            for _ in range(40):
                # What waits for its time, like the next try to start a worker,
                # has not to be waited for.
                control.clock_add += 6 * 10**9
                if process.poll() is None:
                    process.send_signal(signal.SIGUSR1)
                if wait_until(ready_or_gone, 0.1):
                    break
            else:
                # Nothing fails any more: only a busy machine is this late.
                wait_until(ready_or_gone)
        disarm(control)
        started = process.poll() is None
        serves = started and answers()
        if started:
            process.send_signal(signal.SIGTERM)
        try:
            _, text = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            _, text = process.communicate()
        lines = text.decode("utf-8", "replace").splitlines()
        return control.failed > 0, started, serves, process.returncode, lines

    def run_start(self, name, before, depth, failures, stride):
        for failure in failures:
            at = 1
            while True:
                before()
                reached, started, serves, status, lines = self.serve(depth, failure, at)
                where = self.where(
                    f"{name}, {'supervisor' if depth == 0 else 'its children'}", failure, at
                )
                plain = [x for x in lines if not x.startswith("{")]
                if reached:
                    self.count(failure[0], "served" if serves else status)
                if started and not serves:
                    self.report(f"{where}: runs, but does not serve: {lines}")
                elif started and status != 0:
                    self.report(f"{where}: served, then exit status {status}: {lines}")
                elif not started and (status != 1 or len(lines) != 1):
                    self.report(f"{where}: exit status {status}, and says {lines}")
                if any("damaged" in x for x in plain):
                    self.report(f"{where}: says {plain}")
                if any('"signal"' in x for x in lines):
                    self.report(f"{where}: {[x for x in lines if 'signal' in x]}")
                if os.path.exists(f"{self.area}/start.sock") and ": remove" not in where:
                    self.report(f"{where}: left its socket")
                if orphans():
                    self.report(f"{where}: left {orphans()}")
                if not started:
                    again = self.serve(-2, failure, 0)
                    if not again[2] or again[3] != 0:
                        self.report(f"{where}: then the next start: {again}")
                if not reached:
                    if not serves:
                        self.report(f"{where}: does not serve where nothing fails: {lines}")
                    break
                at += stride

    def run_starts(self, failures, stride=1):
        def no_store():
            shutil.rmtree(self.store, ignore_errors=True)

        for depth in (0, 1):
            self.run_start("start with no store", no_store, depth, failures, stride)
            if stride > 1:
                continue
            self.run_start("start with a store", self.copy_store, depth, failures, stride)

            def settled():
                if not os.path.exists(f"{self.store}/settled"):
                    self.serve(-2, failures[0], 0)

            self.run_start("start with a settled store", settled, depth, failures, stride)
