"""Who takes part: how each is started, filled, asked and checked."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from peers import dataset
from peers.processes import Failure, Service, poll

HERE = Path(__file__).resolve().parent
PEERS = HERE
READY_SECONDS = 10
WORKERS = 2
# The best of 1 to 64 here; see README.md.
GUNICORN_THREADS = 8


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def leave_on_signals():
    """So that what was started is ended, too."""

    def leave(signo, _frame):
        sys.exit(128 + signo)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)


class Places:
    """Where things are: what was built, what was unpacked, and a run's own directory."""

    def __init__(self, build):
        self.bench = build / "bench"
        self.debian = self.bench / "debian"
        self.venv = self.bench / "venv"
        # Short, as a socket's path must be (unix(7): 107 bytes).
        self.run = Path(tempfile.mkdtemp(prefix="markbook-bench."))
        shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.stores = Path(tempfile.mkdtemp(prefix="markbook-bench.", dir=shared))
        # A copy, whose memory no other Markbook on this machine shares.
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
        """A file of one of Debian's packages, installed or unpacked."""
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
        """Adds to the front's configuration."""

    def body(self, value):
        """Of a PUT of one record."""
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
            [HERE.parents[1] / "conf/render.sh", prefix, f"127.0.0.1:{self.port}", self.socket],
            check=True,
        )
        conf = prefix / "conf"
        (conf / "log.conf").write_text("access_log off;\n")
        self.prepare_front(conf)
        argv = ["nginx", "-p", prefix, "-c", "conf/nginx.conf", "-g", "daemon off;"]
        self.front = Service("nginx", argv, self.directory, environment)

    def start(self):
        """Starts all, fills the store, and sees that each operation does what it should."""
        self.start_behind()
        self.start_front()
        poll(READY_SECONDS, self.answers, self.services())
        self.idle_pss = self.pss()
        self.fill()
        self.check(dataset.BEFORE)

    def pss(self):
        """Of what stands behind the front, in bytes; None where that is nothing or not told."""
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
            raise Failure(f"answers {method} {path} with what is not JSON") from error

    def answers(self):
        try:
            return self.request("GET", self.requests(self.operations[-1])[0][1])[0] < 500
        except (OSError, http.client.HTTPException):
            return False

    def check(self, expected):
        """Failure where what it serves is not this store."""
        collection, record, value = dataset.records(expected)[0]
        try:
            right = (
                self.store(self.ask("GET", "/json")) == expected
                and self.value(self.ask("GET", dataset.path(collection, record))) == value
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Failure("answers in another shape than it should") from error
        if not right:
            raise Failure("serves other values than it should")

    def requests(self, operation):
        return dataset.requests(operation, self.body)


class FastCGI(Contender):
    """Behind Markbook's own front."""

    def program_path(self):
        raise NotImplementedError

    def start_behind(self):
        self.launch(
            self.program_path(), "serve", "--socket", self.socket,
            "--store", str(self.places.stores / self.name),
            "--workers", str(WORKERS), "--log-level", "warn",
        )  # fmt: skip


class Markbook(FastCGI):
    name, label = "markbook", "**Markbook**"

    def program_path(self):
        return self.places.markbook


class Hello(FastCGI):
    name, label = "hello", "limit: hello on Markbook's event loop"
    operations = ("get",)

    def program_path(self):
        return self.places.hello

    def fill(self):
        pass

    def check(self, expected):
        self.ask("GET", "/json/assignments/1")


class Nginx(Contender):
    name, label = "nginx", "limit: nginx `return 200`"
    operations = ("get",)

    def prepare_front(self, conf):
        # This prefix is longer, and so comes before that of Markbook.
        with (conf / "listen.conf").open("a") as listen:
            listen.write(
                "location ^~ /json/ {\n\tdefault_type application/json;\n"
                """\treturn 200 '{"res":"50.0%"}';\n}\n"""
            )

    def fill(self):
        pass

    def check(self, expected):
        self.ask("GET", "/json/assignments/1")


class Peer(Contender):
    """Behind the front that all peers share, with files of its own."""

    files = ("proxy.conf",)

    def prepare_front(self, conf):
        shutil.copy(PEERS / "nginx.conf", conf)
        for file in self.files:
            name = "locations.conf" if file == "proxy.conf" else Path(file).name
            shutil.copy(PEERS / file, conf / name)


class Gunicorn(Peer):
    name, label = "gunicorn", "Flask, gunicorn"

    def start_behind(self):
        # More workers would each have marks of their own.
        self.launch(
            self.places.venv / "bin/gunicorn", "--bind", f"unix:{self.socket}",
            "--workers", "1", "--threads", str(GUNICORN_THREADS), "--keep-alive", "75",
            "--chdir", str(PEERS / "flask"), "app:app",
        )  # fmt: skip


class Uwsgi(Peer):
    name, label = "uwsgi", "Flask, uWSGI"
    files = ("uwsgi/locations.conf",)

    def start_behind(self):
        self.launch(
            self.places.venv / "bin/uwsgi", "--socket", self.socket, "--master", "--die-on-term",
            "--processes", "1", "--disable-logging",
            "--venv", str(self.places.venv), "--chdir", str(PEERS / "flask"), "--module", "app:app",
        )  # fmt: skip


class Webdis(Peer):
    name, label = "webdis", "Redis, Webdis"
    files = ("webdis/locations.conf",)

    def start_behind(self):
        redis_port, port = free_port(), free_port()
        self.socket = f"127.0.0.1:{port}"
        self.launch(
            "redis-server", "--bind", "127.0.0.1", "--port", str(redis_port),
            "--save", "", "--appendonly", "no",
        )  # fmt: skip
        settings = {
            "redis_host": "127.0.0.1",
            "redis_port": redis_port,
            "http_host": "127.0.0.1",
            "http_port": port,
            "threads": 2,
            "pool_size": 8,
            "daemonize": False,
            "websockets": False,
            "database": 0,
            "acl": [],
            "verbosity": 0,
            "logfile": "webdis.errors",
        }
        (self.directory / "webdis.json").write_text(json.dumps(settings))
        self.launch("webdis", "webdis.json")

    def body(self, value):
        return value

    def fill(self):
        for collection, record, value in dataset.records(dataset.BEFORE):
            self.ask("PUT", dataset.path(collection, record), value)

    def value(self, answer):
        return answer["HGET"]

    def store(self, answer):
        store = {}
        for field, value in answer["HGETALL"].items():
            collection, record = field.split(":", 1)
            store.setdefault(collection, {})[record] = value
        return store


class Node(Peer):
    name, label = "node", "Node `http`"

    def start_behind(self):
        self.launch("node", str(PEERS / "node/server.js"), self.socket, NODE_ENV="production")


class Go(Peer):
    name, label = "go", "Go `net/http`"

    def start_behind(self):
        self.launch(self.places.bench / "go-peer", self.socket)


class Lua(Peer):
    name, label = "lua", "nginx with Lua, no hop"
    files = ("lua/modules.conf", "lua/http.conf", "lua/locations.conf", "lua/store.lua")

    def start_front(self, environment=None):
        super().start_front(self.places.library_path())

    def prepare_front(self, conf):
        super().prepare_front(conf)
        root, _ = self.places.first("usr/lib/nginx/modules/ngx_http_lua_module.so")
        _, cjson = self.places.first("usr/lib/*/lua/5.1/cjson.so")
        (conf.parent / "debian").symlink_to(root)
        (conf.parent / "lua_c").symlink_to(cjson.parent)


# Those of a quick run first.  Markbook and hello stand together, as they are compared most closely,
# and Markbook before it: hello would share its libraries when their memory is measured.
QUICK = (Markbook, Hello, Nginx, Gunicorn)
ALL = (*QUICK, Uwsgi, Webdis, Node, Go, Lua)
# Without these the run says nothing.
REQUIRED = ("markbook", "nginx", "hello", "gunicorn")
