"""The machine that a run takes place on, and its processor time."""

import datetime
import os
import platform
import re
import resource
import subprocess
from pathlib import Path

from peers.processes import TICK


def busy_seconds():
    """Processor seconds of all work since boot, stolen ones included."""
    user, nice, system, _idle, _wait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) * TICK


def children_seconds():
    """Processor seconds of children that have ended: runs of the generator."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _output(*argv, **environment):
    """What a program prints on either output; empty if it cannot run."""
    try:
        done = subprocess.run(
            list(map(str, argv)),
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return (done.stdout + done.stderr).strip()


def _version(*argv, **environment):
    found = re.search(r"\d+\.\d+[\w.+~-]*", _output(*argv, **environment))
    return found.group() if found else None


def _field(file, name):
    found = re.search(rf'^{name}\s*[:=]\s*"?(.*?)"?$', Path(file).read_text(), re.MULTILINE)
    return found.group(1) if found else None


def _packages(venv):
    asked = (
        "from importlib.metadata import version as v;print(v('flask'), v('gunicorn'), v('pyuwsgi'))"
    )
    return _output(venv / "bin/python", "-c", asked).split()


def describe(places, top):
    flask, gunicorn, uwsgi = _packages(places.venv)
    commit = _output("git", "-C", top, "rev-parse", "HEAD")
    changed = _output("git", "-C", top, "status", "--porcelain", "--", "fcgi", "conf", "Makefile")
    unpacked = places.library_path()
    return {
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": commit if re.fullmatch("[0-9a-f]{40}", commit) else None,
        "commit_is_all": not changed,
        "machine": {
            "processor": _field("/proc/cpuinfo", "model name") or platform.machine(),
            "processors": os.cpu_count(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "kernel": platform.release(),
            "system": _field("/etc/os-release", "PRETTY_NAME"),
            "load_before": os.getloadavg()[0],
        },
        "versions": {
            "markbook": _version(places.markbook, "version"),
            "nginx": _version("nginx", "-v"),
            "wrk": _version("wrk", "-v", **unpacked),
            "python": platform.python_version(),
            "flask": flask,
            "gunicorn": gunicorn,
            "uwsgi": uwsgi,
            "redis": _version("redis-server", "--version", **unpacked),
            "node": _version("node", "--version", **unpacked),
            "go": _version("go", "version"),
        },
    }
