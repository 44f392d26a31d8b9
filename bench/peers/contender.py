"""A contender: how a front and what stands behind it start, answer and end."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from peers import dataset
from peers.processes import Failure, Service, poll

TOP = Path(__file__).resolve().parents[2]
READY_SECONDS = 10


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Places:
    """What is built, what is unpacked, and a directory for this run alone."""

    def __init__(self, build):
        self.bench = build / "bench"
        self.debian = self.bench / "debian"
        self.venv = self.bench / "venv"
        # Short: the path of a socket has at most 107 bytes (unix(7)).
        self.run = Path(tempfile.mkdtemp(prefix="markbook-bench."))
        shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.stores = Path(tempfile.mkdtemp(prefix="markbook-bench.", dir=shared))
        # A copy: it shares no memory with another Markbook on this machine.
        self.markbook = Path(shutil.copy2(build / "markbook", self.run / "program"))
        self.hello = self.bench / "hello"

    def remove(self):
        shutil.rmtree(self.run, ignore_errors=True)
        shutil.rmtree(self.stores, ignore_errors=True)

    def program(self, name):
        """The path of a program, and the environment that it needs."""
        found = shutil.which(name)
        if not found:
            raise Failure(f"{Path(name).name} is not there")
        unpacked = Path(found).is_relative_to(self.debian)
        return found, self.library_path() if unpacked else {}

    def library_path(self):
        found = [str(path) for path in self.debian.glob("usr/lib/*-linux-gnu*")]
        return {"LD_LIBRARY_PATH": ":".join(found)} if found else {}

    def first(self, pattern):
        """A file of a Debian package, installed or unpacked."""
        for root in (Path("/"), self.debian):
            for path in root.glob(pattern):
                return root, path
        raise Failure(f"/{pattern} is not there")


class Contender:
    """A front and what stands behind it."""

    name = ""
    label = ""
    operations = tuple(dataset.OPERATIONS)

    def __init__(self, places):
        self.places = places
        self.directory = places.run / self.name
        self.directory.mkdir()
        self.socket = str(self.directory / "socket")
        self.port = free_port()
        self.front = None
        self.behind = []
        self.idle_pss = None

    # --- what differs ---

    def start_behind(self):
        """Starts what stands behind the front."""

    def prepare_front(self, conf):
        """Adds to the configuration of the front."""

    def body(self, value):
        """The body of a PUT of one record."""
        return dataset.json_body(value)

    def fill(self):
        for collection, marks in dataset.BEFORE.items():
            self.ask("POST", f"/json/{collection}", json.dumps(marks))

    def value(self, answer):
        return answer["res"]

    def store(self, answer):
        return answer

    # --- what does not ---

    def launch(self, program, *argv, **environment):
        path, needed = self.places.program(str(program))
        service = Service(Path(path).name, [path, *argv], self.directory, {**needed, **environment})
        self.behind.append(service)
        return service

    def start_front(self, environment=None):
        prefix = self.directory / "front"
        subprocess.run(
            [TOP / "conf/render.sh", prefix, f"127.0.0.1:{self.port}", self.socket],
            check=True,
        )
        conf = prefix / "conf"
        (conf / "log.conf").write_text("access_log off;\n")
        self.prepare_front(conf)
        argv = ["nginx", "-p", prefix, "-c", "conf/nginx.conf", "-g", "daemon off;"]
        self.front = Service("nginx", argv, self.directory, environment)

    def start(self):
        """Starts all of it, fills the store and checks what it serves."""
        self.start_behind()
        self.start_front()
        poll(READY_SECONDS, self.answers, self.services())
        self.idle_pss = self.pss()
        self.fill()
        self.check(dataset.BEFORE)

    def pss(self):
        """Bytes of what stands behind the front; None if there is no figure."""
        sizes = [service.pss() for service in self.behind]
        return None if not sizes or None in sizes else sum(sizes)

    def services(self):
        return [service for service in (self.front, *self.behind) if service]

    def stop(self):
        for service in self.services():
            service.ask_to_stop()
        for service in self.services():
            service.stop()

    def request(self, method, path, body=""):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=READY_SECONDS)
        try:
            headers = {"Content-Type": "application/json"} if body else {}
            connection.request(method, path, body or None, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def ask(self, method, path, body=""):
        try:
            status, answer = self.request(method, path, body)
        except (OSError, http.client.HTTPException) as error:
            raise Failure(f"does not answer {method} {path}: {error}") from error
        if status not in (200, 201, 204):
            raise Failure(f"answers {method} {path} with {status}: {answer[:200]!r}")
        try:
            return json.loads(answer) if answer else None
        except ValueError as error:
            raise Failure(f"answers {method} {path} without JSON") from error

    def answers(self):
        try:
            return self.request("GET", self.requests(self.operations[-1])[0][1])[0] < 500
        except (OSError, http.client.HTTPException):
            return False

    def check(self, expected):
        """Raises Failure unless it serves this store."""
        collection, record, value = dataset.records(expected)[0]
        try:
            right = (
                self.store(self.ask("GET", "/json")) == expected
                and self.value(self.ask("GET", dataset.path(collection, record))) == value
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Failure("answers in an unexpected shape") from error
        if not right:
            raise Failure("serves wrong values")

    def requests(self, operation):
        return dataset.requests(operation, self.body)
