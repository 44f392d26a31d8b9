#!/usr/bin/env python3
"""A responder that behaves badly, for tests of the front.

    fake_responder.py SOCKET HOW LOG

Writes one line "METHOD PATH" to LOG for each request that it read.  HOW:
    close    reads a request, closes the connection and answers nothing
    half     sends the beginning of an answer, then closes
    garbage  answers with what is no FastCGI
    second   answers the first request on each connection, reads the second and closes
    answer   answers each request with its parameters, as JSON: [[name, value], ...]
"""

import json
import socketserver
import sys

import fcgi

address, how, log_path = sys.argv[1:]
log = open(log_path, "a", buffering=1)


def read_request(peer):
    params, seen = b"", []
    while True:
        kind, _, content = fcgi.read_record(peer)
        if kind == fcgi.PARAMS:
            params += content
        elif kind == fcgi.STDIN and not content:
            break
    while params:
        lengths = []
        for _ in range(2):
            size = 4 if params[0] & 0x80 else 1
            lengths.append(int.from_bytes(params[:size], "big") & 0x7FFFFFFF)
            params = params[size:]
        name, value = params[: lengths[0]], params[lengths[0] : sum(lengths)]
        seen.append((name.decode(), value.decode("utf-8", "replace")))
        params = params[sum(lengths) :]
    return seen


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        count = 0
        while True:
            try:
                request = read_request(self.request)
            except ConnectionError:
                return
            count += 1
            named = dict(request)
            log.write(f"{named['REQUEST_METHOD']} {named['PATH_INFO']}\n")
            text = b"Status: 200 OK\r\nContent-Type: application/json\r\n"
            text += b"Cache-Control: no-cache\r\n\r\n"
            text += json.dumps(request).encode()
            if how == "answer" or (how == "second" and count == 1):
                self.request.sendall(
                    fcgi.stream(fcgi.STDOUT, text) + fcgi.record(fcgi.END, bytes(8))
                )
                continue
            if how == "half":
                self.request.sendall(fcgi.record(fcgi.STDOUT, text[:30]))
            elif how == "garbage":
                self.request.sendall(b"this is no FastCGI at all\r\n" * 10)
            return


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


with Server(address, Handler) as server:
    server.serve_forever()
