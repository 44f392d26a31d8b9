"""One responder and one front of a run's own, in a directory of its own in
shared memory."""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORKERS = 2


class Failed(Exception):
    pass


def wait_until(seconds, what, condition):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(0.01)
    return found


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def children(pid):
    """The living ones."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
            return [int(child) for child in file.read().split() if alive(child)]
    except OSError:
        return []


def send(pid, signo):
    """A process that has just gone is no fault of the sender's."""
    try:
        os.kill(pid, signo)
        return True
    except ProcessLookupError:
        return False


class Service:
    def __init__(self, changes=(), options=()):
        """`changes`: (file of the front's configuration, text, text in its
        place)."""
        self.program = os.environ.get("MARKBOOK", os.path.join(TREE, "build", "markbook"))
        self.nginx = os.environ.get("NGINX", "nginx")
        self.changes, self.options = changes, options
        self.area = tempfile.mkdtemp(prefix="markbook-torture.", dir="/dev/shm")
        self.socket, self.store = self.path("m.sock"), self.path("store")
        self.log = self.path("responder.log")
        self.supervisor = self.front = None

    def path(self, name):
        return os.path.join(self.area, name)

    def run(self, *args):
        """A subcommand of the program: (exit status, output)."""
        done = subprocess.run(
            [self.program, *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            env={"PATH": os.environ["PATH"]},
            check=False,
        )
        return (
            done.returncode,
            done.stdout.decode() if done.returncode == 0 else done.stderr.decode(),
        )

    # --- the responder --------------------------------------------------------

    def ready(self):
        return self.run("health", "--socket", self.socket, "--timeout", "1")[0] == 0

    def spawn(self):
        with open(self.log, "ab") as log:
            self.supervisor = subprocess.Popen(
                [
                    self.program,
                    "serve",
                    "--socket",
                    self.socket,
                    "--store",
                    self.store,
                    "--workers",
                    str(WORKERS),
                    *self.options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"]},
            )

    def start_responder(self, seconds=60):
        """As a service manager would: again where it ends, which it does while
        the workers of one that was killed still hold the store."""

        def started():
            if self.supervisor is None or self.supervisor.poll() is not None:
                self.spawn()
            return self.ready() and self.supervisor.poll() is None

        wait_until(seconds, "the responder is ready", started)

    def workers(self):
        return children(self.supervisor.pid)

    def end_responder(self, signo, seconds=60):
        send(self.supervisor.pid, signo)
        try:
            self.supervisor.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise Failed(
                f"the supervisor does not end after {signal.Signals(signo).name}"
            ) from error

    # --- the front ------------------------------------------------------------

    def front_up(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def render(self):
        self.port = random.SystemRandom().randrange(20000, 32000)
        self.base = f"http://127.0.0.1:{self.port}"
        prefix = self.path("front")
        shutil.rmtree(prefix, ignore_errors=True)
        subprocess.run(
            [
                os.path.join(TREE, "conf", "render.sh"),
                prefix,
                f"127.0.0.1:{self.port}",
                self.socket,
            ],
            check=True,
        )
        for file, old, new in self.changes:
            path = os.path.join(prefix, "conf", file)
            with open(path, encoding="utf-8") as conf:
                text = conf.read()
            if old not in text:
                raise Failed(f"{file} has no '{old}'")
            with open(path, "w", encoding="utf-8") as conf:
                conf.write(text.replace(old, new))

    def start_front(self):
        """On a port that is free; once it has one, on that."""
        again = self.front is not None
        for _ in range(20):
            if not again:
                self.render()
                if self.front_up():
                    continue
            # nginx takes a variable NGINX for a list of sockets that it
            # inherits.
            with open(self.path("front.out"), "ab") as out:
                self.front = subprocess.Popen(
                    [
                        self.nginx,
                        "-p",
                        self.path("front"),
                        "-c",
                        "conf/nginx.conf",
                        "-g",
                        "daemon off;",
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    env={"PATH": os.environ["PATH"]},
                )
            wait_until(
                60, "the front is up", lambda: self.front_up() or self.front.poll() is not None
            )
            if self.front.poll() is None:
                return
        raise Failed("the front does not start")

    def end_front(self, signo):
        send(self.front.pid, signo)
        try:
            self.front.wait(30)
        except subprocess.TimeoutExpired as error:
            raise Failed("the front does not end") from error

    # --- the end --------------------------------------------------------------

    def stop(self, logs=None):
        """Ends everything, and keeps the logs in that directory; returns what
        did not end as it should."""
        left = []
        mine = set()
        for process in (self.front, self.supervisor):
            if process is not None:
                mine |= {process.pid, *children(process.pid)}
        for end, process in ((self.end_front, self.front), (self.end_responder, self.supervisor)):
            try:
                if process is not None:
                    end(signal.SIGTERM)
            except Failed as error:
                left.append(str(error))
        try:
            wait_until(60, "all processes are gone", lambda: not any(alive(pid) for pid in mine))
        except Failed:
            for pid in filter(alive, mine):
                left.append(f"process {pid} did not end")
                send(pid, signal.SIGKILL)
        if logs:
            shutil.rmtree(logs, ignore_errors=True)
            shutil.copytree(self.path("front/logs"), logs)
            shutil.copy(self.log, logs)
        shutil.rmtree(self.area, ignore_errors=True)
        return left
