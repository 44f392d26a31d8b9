"""A FastCGI client and server side in plain Python, as much as the tests need.

The protocol: FastCGI Specification 1.0, sections 3 and 8.
"""

import socket
import struct

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA, GET_VALUES, GET_VALUES_RESULT, UNKNOWN = (
    range(1, 12)
)
RESPONDER = 1
# Seconds; a peer that is not answered at all is told of then, and no machine is
# so slow.
PATIENCE = 60
KEEP_CONN = 1
HEADER = struct.Struct("!BBHHBx")


def record(kind, content=b"", request_id=1, version=1):
    return HEADER.pack(version, kind, request_id, len(content), 0) + content


def stream(kind, content, request_id=1):
    """All of a stream's records and the empty one that ends it."""
    parts = [
        record(kind, content[i : i + 65535], request_id) for i in range(0, len(content), 65535)
    ]
    return b"".join(parts) + record(kind, b"", request_id)


def begin(request_id=1, role=RESPONDER, flags=KEEP_CONN):
    return record(BEGIN, struct.pack("!HB5x", role, flags), request_id)


def pair(name, value):
    def length(n):
        return struct.pack("!B", n) if n < 128 else struct.pack("!I", n | 0x80000000)

    name, value = (
        x.encode("utf-8", "surrogateescape") if isinstance(x, str) else x for x in (name, value)
    )
    return length(len(name)) + length(len(value)) + name + value


def params(method, path, body=b"", query="", extra=()):
    """As the front sends them; `extra` is (name, value) pairs, an extra one
    replaces its like."""
    values = [("REQUEST_METHOD", method), ("PATH_INFO", path), ("HTTP_X_REQUEST_ID", "direct")]
    if query:
        values.append(("QUERY_STRING", query))
    if body:
        values += [("CONTENT_TYPE", "application/json"), ("CONTENT_LENGTH", str(len(body)))]
    named = {name for name, _ in extra}
    values = [v for v in values if v[0] not in named] + list(extra)
    return b"".join(pair(name, value) for name, value in values if value is not None)


def request(method, path, body=b"", query="", extra=(), flags=KEEP_CONN, request_id=1):
    return (
        begin(request_id, flags=flags)
        + stream(PARAMS, params(method, path, body, query, extra), request_id)
        + stream(STDIN, body, request_id)
    )


def connect(address, timeout=PATIENCE):
    if address.startswith("/"):
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(timeout)
        peer.connect(address)
        return peer
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout)


def read_exactly(peer, count):
    data = b""
    while len(data) < count:
        more = peer.recv(count - len(data))
        if not more:
            raise ConnectionError("closed" + (" in the middle" if data else ""))
        data += more
    return data


def read_record(peer):
    version, kind, request_id, length, padding = HEADER.unpack(read_exactly(peer, 8))
    if version != 1:
        raise ValueError(f"version {version}")
    content = read_exactly(peer, length + padding)[:length]
    return kind, request_id, content


class Answer:
    def __init__(self, text):
        head, _, self.body = text.partition(b"\r\n\r\n")
        self.head = head.decode("utf-8", "replace")
        self.fields = {}
        for line in self.head.split("\r\n"):
            name, _, value = line.partition(":")
            self.fields[name.lower()] = value.strip()
        self.status = int(self.fields.get("status", "200").split()[0])


def read_answer(peer):
    out = b""
    while True:
        kind, _, content = read_record(peer)
        if kind == STDOUT:
            out += content
        elif kind == END:
            if content[4] != 0:
                raise ConnectionError(f"refused with protocol status {content[4]}")
            return Answer(out)


class Client:
    """One kept-alive connection."""

    def __init__(self, address, timeout=PATIENCE):
        self.peer = connect(address, timeout)

    def __call__(self, method, path, body=b"", **more):
        self.peer.sendall(request(method, path, body, **more))
        return read_answer(self.peer)

    def close(self):
        self.peer.close()
