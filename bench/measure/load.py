"""The load generators, and where their requests come from: a file with one a line."""

import json
import os
import subprocess
from pathlib import Path

from peers.processes import Failure

HERE = Path(__file__).resolve().parent
LOAD_THREADS = 2
# For an answer: one of 100 MB may take long where others are at work.
TIMEOUT = 20


class Load:
    """wrk as fast as it goes, and pace at a fixed rate."""

    def __init__(self, places):
        self.places = places
        self.wrk_program, needed = places.program("wrk")
        self.environment = {**os.environ, **needed}

    def file(self, name, requests):
        """A file of (method, path, body), made when it is first asked for."""
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

    def wrk(self, port, file, connections, seconds):
        """One run; what wrk.lua tells of it."""
        threads = min(LOAD_THREADS, connections)
        return self._told(
            [
                self.wrk_program, "-t", threads, "-c", connections, "-d", f"{seconds}s",
                "--timeout", f"{TIMEOUT}s", "-s", HERE / "wrk.lua",
                f"http://127.0.0.1:{port}", "--", file,
            ],
            seconds,
        )  # fmt: skip

    def pace(self, port, file, connections, rate, seconds):
        """One run at a fixed rate; what pace.c tells of it."""
        program = self.places.bench / "pace"
        return self._told(
            [program, "-c", connections, "-r", rate, "-d", seconds, port, file], seconds
        )
