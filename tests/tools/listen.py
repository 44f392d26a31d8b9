#!/usr/bin/env python3
"""Listens and hands the socket over to a program, as systemd or spawn-fcgi do.

    listen.py systemd|fd0 PATH|HOST:PORT PROGRAM [ARGUMENT...]

With port 0 the one taken is written to standard output.
"""
import os
import socket
import sys

how, address, program = sys.argv[1], sys.argv[2], sys.argv[3:]
if address.startswith("/"):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
else:
    host, _, port = address.rpartition(":")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, int(port)))
    print(listener.getsockname()[1], flush=True)
listener.listen(128)

fd = 3 if how == "systemd" else 0
if listener.fileno() == fd:
    os.set_inheritable(fd, True)
else:
    os.dup2(listener.fileno(), fd, inheritable=True)
if how == "systemd":
    os.environ["LISTEN_FDS"] = "1"
    os.environ["LISTEN_PID"] = str(os.getpid())
os.execvp(program[0], program)
