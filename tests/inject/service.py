"""What run.py drives: the control of build/inject.so, a service, and what its
store should hold."""

import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tools"))
import fcgi  # noqa: E402  (found by the path above)

# In the order of enum kind in preload/control.h.
KINDS = (
    "alloc read recv pread write send pwrite map sync fork open socket epoll option files wait "
    "stdio random remove"
).split()
FOREVER = 1 << 62
SHORT = 0
# Seconds, and more than any machine needs.
PATIENCE = 60.0


class Control(ctypes.Structure):
    """As struct control in preload/control.h."""

    _fields_ = [
        ("pid", ctypes.c_int32),
        ("depth", ctypes.c_int32),
        ("kinds", ctypes.c_uint32),
        ("error", ctypes.c_int32),
        ("at", ctypes.c_uint64),
        ("row", ctypes.c_uint64),
        ("count", ctypes.c_uint64),
        ("failed", ctypes.c_uint64),
        ("spare", ctypes.c_uint32),
        ("idle", ctypes.c_uint32),
        ("live", ctypes.c_int64),
        ("overdrawn", ctypes.c_uint64),
        ("clock_add", ctypes.c_int64),
        ("where", ctypes.c_char * 64),
    ]

    def point(self, kind, at, row, error):
        """Names the failure of a call, or of a row of calls from it on."""
        what = errno.errorcode.get(error, "short")
        return f"{kind} {at}{'...' if row > 1 else ''} {what} at {self.where.decode()}"


def new_control(path):
    with open(path, "w+b") as f:
        f.truncate(ctypes.sizeof(Control))
        control = Control.from_buffer(mmap.mmap(f.fileno(), 0))
    control.depth = -2
    control.spare = 1
    return control


def arm(control, kind, error, at, row):
    control.at = 0
    control.kinds = 0
    control.count = control.failed = 0
    control.where = b""
    control.error = error
    control.row = row
    control.at = at
    control.kinds = 1 << KINDS.index(kind)


def disarm(control):
    control.kinds = 0
    control.at = 0


def environment(control_path=None, preload=None):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MARKBOOK_")}
    if control_path:
        env["INJECT_CONTROL"] = control_path
        env["LD_PRELOAD"] = preload
        # The sanitizer wants to be the first one.
        env["ASAN_OPTIONS"] = (
            env.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:allocator_may_return_null=1"
        )
    return env


def wait_until(what, seconds=PATIENCE):
    """Polls; the first waits are short, since most things are there at once."""
    deadline = time.monotonic() + seconds
    pause = 0.00005
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.005)
    return True


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Service:
    """A supervisor with one worker, whose calls can be made to fail."""

    def __init__(self, program, preload, area, name, options=()):
        self.socket = f"{area}/{name}.sock"
        self.store = f"{area}/{name}.store"
        self.log = f"{area}/{name}.log"
        self.program = program
        control = f"{area}/{name}.control"
        self.control = new_control(control)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [
                    program,
                    "serve",
                    "--socket",
                    self.socket,
                    "--store",
                    self.store,
                    "--workers",
                    "1",
                    *options,
                ],
                stdin=subprocess.DEVNULL,
                stderr=log,
                env=environment(control, preload),
            )
        self.log_at = 0
        if not wait_until(lambda: self.worker() and os.path.exists(self.socket)):
            raise RuntimeError("the service does not start")
        self.ask("GET", "/healthz")
        self.adopt_worker()

    def worker(self):
        now = [p for p in children(self.process.pid) if alive(p)]
        return now[0] if len(now) == 1 else 0

    def adopt_worker(self):
        """The one there is now is the one whose calls fail."""
        self.control.pid = self.pid = self.worker()

    def ask(self, method, path, body=b"", **more):
        client = fcgi.Client(self.socket)
        try:
            return client(method, path, body, **more)
        finally:
            client.close()

    def new_lines(self):
        with open(self.log, "rb") as f:
            f.seek(self.log_at)
            text = f.read()
        whole = text[: text.rfind(b"\n") + 1]
        self.log_at += len(whole)
        lines = []
        for line in whole.splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                lines.append(
                    {"level": "error", "event": "text", "message": line.decode("utf-8", "replace")}
                )
        return lines

    def descriptors(self):
        try:
            return len(os.listdir(f"/proc/{self.pid}/fd"))
        except OSError:
            return -1

    def settled(self, fds):
        return self.descriptors() <= fds and self.control.idle == 1

    def verify(self):
        done = subprocess.run(
            [self.program, "verify", "--store", self.store],
            capture_output=True,
            text=True,
            env=environment(),
            check=False,
        )
        return "" if done.returncode == 0 and "sound" in done.stdout else done.stderr + done.stdout

    def stop(self):
        """Its exit status."""
        disarm(self.control)
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return -1


class Lost(Exception):
    """No answer: the connection was closed before it was whole."""


class Late(Exception):
    """No answer at all."""


class Exchange:
    """One connection with one request, of which the answer is read in spite of
    what fails meanwhile."""

    def __init__(self, address, data):
        self.data = b""
        self.peer = socket.socket(socket.AF_UNIX)
        self.peer.settimeout(PATIENCE)
        self.peer.connect(address)
        self.send(data)

    def send(self, data):
        try:
            self.peer.settimeout(PATIENCE)
            self.peer.sendall(data)
        except OSError:
            pass  # reading tells

    def _more(self, seconds):
        self.peer.settimeout(seconds)
        return self.peer.recv(1 << 20)

    def read(self, on_late, seconds=0.2, patience=PATIENCE):
        """The answer; `on_late` is called once where there is none for a
        while."""
        out, at, late = b"", 0, False
        while True:
            while len(self.data) - at >= 8:
                _, kind, _, length, padding = fcgi.HEADER.unpack_from(self.data, at)
                if len(self.data) - at < 8 + length + padding:
                    break
                content = self.data[at + 8 : at + 8 + length]
                at += 8 + length + padding
                if kind == fcgi.STDOUT:
                    out += content
                elif kind == fcgi.END:
                    self.data = self.data[at:]
                    return fcgi.Answer(out)
                else:
                    raise ValueError(f"a record of type {kind}")
            try:
                more = self._more(patience if late else seconds)
            except TimeoutError:
                if late:
                    raise Late from None
                late = True
                on_late()
                continue
            except OSError as e:
                raise Lost(errno.errorcode[e.errno]) from None
            if not more:
                raise Lost("end")
            self.data += more

    def again(self, data, on_late):
        """A second request on the same connection."""
        self.send(data)
        return self.read(on_late)

    def close(self):
        self.peer.close()
