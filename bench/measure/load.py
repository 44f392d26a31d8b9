"""The load generators, wrk and pace, which take requests from a file."""

import json
import os
import subprocess
from pathlib import Path

from peers.processes import Failure

HERE = Path(__file__).resolve().parent
LOAD_THREADS = 2
# Seconds to wait for an answer: one of 100 MB may take long on a busy machine.
TIMEOUT = 20


class Load:
    """wrk at full load, and pace at a fixed rate."""

    def __init__(self, places):
        self.places = places
        self.wrk_program, needed = places.program("wrk")
        self.environment = {**os.environ, **needed}

    def file(self, name, requests):
        """A file of (method, path, body), written on the first call only."""
        file = self.places.run / f"{name}.requests"
        if not file.exists():
            file.write_text("".join("\t".join(request) + "\n" for request in requests))
        return file

    def _told(self, argv, seconds):
        done = subprocess.run(
            list(map(str, argv)), env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=seconds + 60, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise Failure(f"{Path(argv[0]).name}: {done.stderr.strip()}")
        return json.loads(done.stdout.splitlines()[-1])

    def _wrk(self, port, file, threads, connections, seconds):
        return [
            self.wrk_program, "-t", str(threads), "-c", str(connections), "-d", f"{seconds}s",
            "--timeout", f"{TIMEOUT}s", "-s", HERE / "wrk.lua",
            f"http://127.0.0.1:{port}", "--", file,
        ]  # fmt: skip

    def wrk(self, port, file, connections, seconds):
        """One run; returns what wrk.lua tells of it."""
        threads = min(LOAD_THREADS, connections)
        return self._told(self._wrk(port, file, threads, connections, seconds), seconds)

    def start_wrk(self, port, file, connections, seconds):
        """A run with one thread, whose figures nobody reads."""
        return subprocess.Popen(
            self._wrk(port, file, 1, connections, seconds), env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def pace(self, port, file, connections, rate, seconds):
        """One run at a fixed rate; returns what pace.c tells of it."""
        program = self.places.bench / "pace"
        return self._told(
            [program, "-c", connections, "-r", rate, "-d", seconds, port, file], seconds
        )
