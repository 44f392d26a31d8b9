"""Who takes part: Markbook, its limits and its peers."""

import json
import shutil
from pathlib import Path

from peers import dataset
from peers.contender import Contender, free_port

PEERS = Path(__file__).resolve().parent
WORKERS = 2
# The best of 1 to 64 threads; see bench/README.md.
GUNICORN_THREADS = 8


class FastCGI(Contender):
    """A responder behind Markbook's own front."""

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
        # nginx prefers the longest prefix, so this one wins over Markbook's.
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
    """A peer behind the front that all peers share, with files of its own."""

    files = ("proxy.conf",)

    def prepare_front(self, conf):
        shutil.copy(PEERS / "nginx.conf", conf)
        for file in self.files:
            name = "locations.conf" if file == "proxy.conf" else Path(file).name
            shutil.copy(PEERS / file, conf / name)


class Gunicorn(Peer):
    name, label = "gunicorn", "Flask, gunicorn"

    def start_behind(self):
        # Each further worker would have marks of its own.
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


# Those of a quick run come first.  Markbook and hello run one after the other
# because they are compared most closely.  Markbook starts before hello, whose
# libraries it would otherwise share when its memory is measured.
QUICK = (Markbook, Hello, Nginx, Gunicorn)
ALL = (*QUICK, Uwsgi, Webdis, Node, Go, Lua)
# A run without one of these says nothing.
REQUIRED = ("markbook", "nginx", "hello", "gunicorn")
