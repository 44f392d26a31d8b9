#!/usr/bin/env python3
"""Hands requests on to BASE, and gives wrong answers.

    wrong.py BASE status|body

Each answer has another status, or a body in which one letter differs.  Prints
the port that it listens on; ends when stdin does.
"""

import http.client
import http.server
import sys
import threading
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    def hand_on(self):
        fields = {
            name: value for name, value in self.headers.items() if name.lower() != "connection"
        }
        link = http.client.HTTPConnection(self.server.target)
        link.request(
            self.command,
            self.path,
            self.rfile.read(int(self.headers.get("Content-Length", 0))),
            fields,
        )
        answer = link.getresponse()
        status, data = answer.status, answer.read()
        if self.server.kind == "status":
            status = 500
        else:
            data = data.replace(b"e", b"E", 1)
        self.send_response_only(status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = hand_on

    def log_message(self, *_):
        pass


def main(base, kind):
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    server.target, server.kind = urllib.parse.urlsplit(base).netloc, kind
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
