#!/usr/bin/env python3
"""Long answers that are not read as fast as they come, at a responder's socket.

    long_answers.py others SOCKET      while some are read slowly, others are answered
    long_answers.py crowd SOCKET N     N are asked for at once; only then is any of them read
    long_answers.py snapshot SOCKET    writes meanwhile do not show in an answer that was begun
    long_answers.py stall SOCKET       one that is not read is ended
    long_answers.py begun SOCKET       says "begun", and reads the rest once a line comes in
    long_answers.py leave SOCKET N     N are asked for, and their connections closed in the middle

GET /json has to be long.  Exits 1, with a line that says why, where that does
not hold.
"""

import json
import select
import sys

import fcgi

WHOLE = fcgi.request("GET", "/json")
RECORD = fcgi.request("GET", "/json/long/1")


def ask(address, request=WHOLE):
    peer = fcgi.connect(address)
    peer.sendall(request)
    return peer


def begin(address):
    """A connection whose answer has begun, and of which nothing was taken."""
    peer = ask(address)
    if not select.select([peer], [], [], fcgi.PATIENCE)[0]:
        sys.exit("no answer begins")
    return peer


def whole(peer):
    answer = fcgi.read_answer(peer)
    if answer.status != 200 or "content-length" in answer.fields:
        sys.exit(f"{answer.head}")
    return answer


def others(address):
    slow = [begin(address) for _ in range(4)]
    client = fcgi.connect(address)
    for _ in range(100):
        client.sendall(RECORD)
        if fcgi.read_answer(client).status != 200:
            sys.exit("another one is not answered")
    texts = {whole(peer).body for peer in slow}
    if len(texts) != 1 or len(json.loads(texts.pop())["long"]) < 1000:
        sys.exit("a slow reader has another answer")


def crowd(address, count):
    peers = [ask(address) for _ in range(int(count))]
    texts = {whole(peer).body for peer in peers}
    if len(texts) != 1:
        sys.exit(f"{len(texts)} different answers")


def snapshot(address):
    peer = begin(address)
    client = fcgi.connect(address)
    before = None
    for i in range(50):
        patch = json.dumps({str(n): f"written {i}" for n in range(1, 30000, 1000)}).encode()
        client.sendall(
            fcgi.request("PATCH", "/json/long", patch, extra=[("HTTP_PREFER", "return=minimal")])
        )
        answer = fcgi.read_answer(client)
        before = before or answer.fields["etag"]
        if answer.status != 204:
            sys.exit(answer.head)
    answer = whole(peer)
    if answer.fields["etag"] == before or b"written" in answer.body:
        sys.exit("what was written later shows")
    client.sendall(WHOLE)
    if whole(client).body.count(b"written 49") != 30:
        sys.exit("what was written is not there")


def stall(address):
    peer = begin(address)
    # A hang-up is told whatever there is still to read.
    poll = select.poll()
    poll.register(peer, select.POLLHUP)
    if not poll.poll(1000 * fcgi.PATIENCE):
        sys.exit("still open")


def begun(address):
    peer = begin(address)
    print("begun", flush=True)
    sys.stdin.readline()
    json.loads(whole(peer).body)


def leave(address, count):
    for peer in [begin(address) for _ in range(int(count))]:
        peer.close()


if __name__ == "__main__":
    scenarios = (others, crowd, snapshot, stall, begun, leave)
    {f.__name__: f for f in scenarios}[sys.argv[1]](*sys.argv[2:])
