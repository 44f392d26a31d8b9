"""An HTTP client that sends bytes as they are and checks the answers."""

import collections
import json
import socket
import struct

Answer = collections.namedtuple("Answer", "status fields body")
PROBLEM = "application/problem+json"
port = 0


class Broken(Exception):
    pass


def aim(at):
    """Say where the front listens, before anything is asked of it."""
    global port
    port = at


def connect(timeout=60, receive_buffer=None):
    peer = socket.socket()
    if receive_buffer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    peer.settimeout(timeout)
    peer.connect(("127.0.0.1", port))
    return peer


def read_all(peer):
    """What comes until the peer closes; a reset ends it, too."""
    data = b""
    while True:
        try:
            part = peer.recv(1 << 16)
        except ConnectionError:
            return data
        if not part:
            return data
        data += part


def unchunk(data):
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        size = int(size, 16)
        body, data = body + data[:size], data[size + 2 :]
        if size == 0:
            return body, data


def answers(data, heads=()):
    """The answers in these bytes; those whose number is in `heads` are to
    HEAD."""
    found = []
    while data:
        # To what is taken for HTTP/0.9.
        if data.startswith(b'{"type"'):
            return [*found, Answer(json.loads(data)["status"], {"content-type": PROBLEM}, data)]
        head, end, data = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        version, _, rest = lines[0].partition(b" ")
        if not end or not version.startswith(b"HTTP/1."):
            raise Broken(f"no answer: {lines[0][:60]!r}")
        fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(b": ")
            fields[name.decode().lower()] = value.decode("latin-1")
        status = int(rest[:3])
        body = b""
        if len(found) in heads or status in (204, 304) or status < 200:
            pass
        elif "transfer-encoding" in fields:
            body, data = unchunk(data)
        else:
            size = int(fields["content-length"])
            body, data = data[:size], data[size:]
            if len(body) < size:
                raise Broken("an answer cut short")
        if status >= 200:
            found.append(Answer(status, fields, body))
    return found


def check_error(answer):
    """An error says so in the shape of RFC 9457, and under its own status."""
    if answer.status < 400 or not answer.body:
        return
    if answer.fields.get("content-type") != PROBLEM:
        raise Broken(f"{answer.status} as {answer.fields.get('content-type')}")
    if json.loads(answer.body)["status"] != answer.status:
        raise Broken(f"{answer.status} says {answer.body[:80]!r}")


def request(method, path, body=None, *lines):
    head = [f"{method} {path} HTTP/1.1".encode(), b"Host: x", *lines]
    if body is not None:
        head += [b"Content-Type: application/json", b"Content-Length: %d" % len(body)]
    return b"\r\n".join(head) + b"\r\n\r\n" + (body or b"")


def ask(method, path, body=None, timeout=60):
    with connect(timeout) as peer:
        peer.sendall(request(method, path, body, b"Connection: close"))
        found = answers(read_all(peer), (0,) if method == "HEAD" else ())
    if len(found) != 1:
        raise Broken(f"{method} {path}: {len(found)} answers")
    return found[0]


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
