"""Instructions that a worker takes for each kind of request.

    instructions.py check MARKBOOK     fails if a kind takes over 5 % more
    instructions.py record MARKBOOK    writes results/instructions.json

The worker runs under callgrind and gets its requests over one FastCGI
connection, without nginx.  Each kind is sent FEW times in one run and MANY
times in another: the difference has neither the start nor the end in it.
Counts depend on the compiler and the libraries, not on the load of the machine;
if these differ from the recorded ones, nothing is compared.
"""

import concurrent.futures
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure.fastcgi import Client

RECORD = Path(__file__).resolve().parent / "results/instructions.json"
FEW, MANY = 20, 420
MARGIN = 0.05
RECORDS = 100
READY_SECONDS = 30
PACKAGES = ("gcc", "libc6", "libfcgi0ldbl", "libjson-c5", "liblmdb0", "libseccomp2", "valgrind")
MINIMAL = ("HTTP_PREFER", "return=minimal")
# The C library picks string functions by processor; any x86-64 runs these.
BASELINE = (
    "glibc.cpu.hwcaps=-AVX,-AVX_Fast_Unaligned_Load,-AVX2,-AVX512F,-BMI1,-BMI2,-ERMS,-FSRM,-SSE4_2"
)


def put(value):
    return json.dumps({"new": value}).encode()


def get_of(path, status=200, **more):
    def ask(client, _):
        expect(client("GET", path, **more), status)

    return ask


def put_minimal(client, i):
    expect(client("PUT", "/json/marks/mark-050", put(f"{i:05}%"), extra=[MINIMAL]), 204)


def put_full(client, i):
    expect(client("PUT", "/json/marks/mark-050", put(f"{i:05}%")), 200)


def patch(client, i):
    body = json.dumps({"mark-010": f"{i:05}%", "mark-090": f"{i:05}%"}).encode()
    expect(client("PATCH", "/json/marks", body, extra=[MINIMAL]), 204)


def post_delete(client, _):
    body = json.dumps({f"mark-{i:03}": "00000%" for i in range(3)}).encode()
    expect(client("POST", "/json/exams", body), 201)
    expect(client("DELETE", "/json/exams", extra=[MINIMAL]), 204)


def not_modified(client, _):
    if not hasattr(client, "etag"):
        client.etag = client("GET", "/json/marks/mark-050").fields["etag"]
    expect(client("GET", "/json/marks/mark-050", extra=[("HTTP_IF_NONE_MATCH", client.etag)]), 304)


KINDS = {
    "GET a record": get_of("/json/marks/mark-050"),
    "GET a record, not modified: 304": not_modified,
    "GET a record that is not there: 404": get_of("/json/marks/none", 404),
    f"GET a collection of {RECORDS} records": get_of("/json/marks"),
    f"GET the store of {RECORDS} records": get_of("/json"),
    "PUT a record, return=minimal": put_minimal,
    "PUT a record": put_full,
    "PATCH two records, return=minimal": patch,
    "POST a collection of 3 records, and DELETE it": post_delete,
}


class Failure(Exception):
    pass


def expect(answer, status):
    if answer.status != status:
        raise Failure(f"answered with {answer.status} instead of {status}: {answer.body[:200]!r}")


def connect(socket, process):
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return Client(socket, timeout=READY_SECONDS)
        except OSError:
            time.sleep(0.01)
    raise Failure("the responder does not start under valgrind")


def serve(markbook, directory):
    # The size of the environment moves the stack, so it is not the caller's.
    environment = {"PATH": os.environ["PATH"], "GLIBC_TUNABLES": BASELINE}
    return subprocess.Popen(
        [
            "valgrind", "--tool=callgrind", "--vgdb=no", "--quiet",
            f"--callgrind-out-file={directory}/callgrind.%p",
            markbook, "serve", "--socket", f"{directory}/socket", "--store", f"{directory}/store",
            "--workers", "1", "--log-level", "error",
        ],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def worker_of(process):
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    if len(children) != 1:
        raise Failure(f"the supervisor has {len(children)} workers")
    return int(children[0])


def leave(worker):
    """Ends the worker alone: its loop then waits for no supervisor."""
    deadline = time.monotonic() + READY_SECONDS
    os.kill(worker, signal.SIGTERM)
    while Path(f"/proc/{worker}").exists():
        if time.monotonic() > deadline:
            raise Failure("the worker does not leave")
        time.sleep(0.01)


def total_of(directory, worker):
    text = (directory / f"callgrind.{worker}").read_text()
    return int(re.search(r"^totals: (\d+)", text, re.MULTILINE)[1])


def count(markbook, ask, times):
    """Instructions in the life of a worker with `times` requests of a kind."""
    directory = Path(tempfile.mkdtemp(prefix="markbook-count."))
    marks = {f"mark-{i:03}": "00000%" for i in range(RECORDS)}
    # The hashes of json-c differ from process to process, so another process
    # reads the many names.
    subprocess.run(
        [markbook, "load", "--store", f"{directory}/store", "-"],
        input=json.dumps({"marks": marks}).encode(), check=True, capture_output=True,
    )  # fmt: skip
    process = serve(markbook, directory)
    try:
        client = connect(f"{directory}/socket", process)
        for i in range(times):
            ask(client, i)
        client.close()
        worker = worker_of(process)
        leave(worker)
        return total_of(directory, worker)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        shutil.rmtree(directory, ignore_errors=True)


def count_all(markbook):
    """Instructions for one request of each kind."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {
            kind: [pool.submit(count, markbook, ask, times) for times in (FEW, MANY)]
            for kind, ask in KINDS.items()
        }
        return {
            kind: round((many.result() - few.result()) / (MANY - FEW))
            for kind, (few, many) in runs.items()
        }


def made_with(markbook):
    """What the counts depend on besides the sources."""
    listed = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *PACKAGES],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    versions = dict(line.split() for line in listed.stdout.splitlines() if " " in line)
    # The build leaves its command beside the program.
    command = Path(markbook).parent / ".command"
    text = command.read_text().splitlines()[0] if command.exists() else ""
    flags = [f for f in text.split() if not f.startswith(("-DMARKBOOK_VERSION", "-W"))]
    return {"machine": platform.machine(), **versions, "compiled": " ".join(flags)}


def skip_reason(recorded, here):
    names = sorted({*recorded, *here})
    different = [name for name in names if recorded.get(name) != here.get(name)]
    return "; ".join(
        f"{name}: recorded with {recorded.get(name)}, here {here.get(name)}" for name in different
    )


def compare(recorded, found):
    """Prints a line for each kind; returns how many pass and fail."""
    passed = failed = 0
    for kind in KINDS:
        if kind not in recorded:
            failed += 1
            print(f"not ok - {kind}: {found[kind]:,} instructions, and none recorded")
            continue
        growth = found[kind] / recorded[kind] - 1
        text = f"{kind}: {found[kind]:,} instructions, {growth:+.1%} of {recorded[kind]:,}"
        if growth > MARGIN:
            failed += 1
            print(f"not ok - {text}")
        else:
            passed += 1
            print(f"ok - {text}")
            if growth < -MARGIN:
                print("# fewer: 'make record-instructions' keeps it so")
    if failed:
        print("# if that is intended: 'make record-instructions', and say why in the commit")
    return passed, failed


def check(markbook):
    recorded, here = json.loads(RECORD.read_text()), made_with(markbook)
    different = skip_reason(recorded["made_with"], here)
    if different:
        print(f"ok - instructions are not compared # skip {different}")
        passed, failed = 1, 0
    else:
        passed, failed = compare(recorded["instructions"], count_all(markbook))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def record(markbook):
    found = {"made_with": made_with(markbook), "instructions": count_all(markbook)}
    RECORD.write_text(json.dumps(found, indent=2) + "\n")
    for kind, instructions in found["instructions"].items():
        print(f"{instructions:10,}  {kind}")
    return 0


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("check", "record"):
        sys.exit(f"usage: {sys.argv[0]} check|record MARKBOOK")
    try:
        return {"check": check, "record": record}[sys.argv[1]](sys.argv[2])
    except (Failure, OSError, ValueError) as failure:
        print(f"not ok - instructions: {failure}\n0 passed, 1 failed")
        return 1


if __name__ == "__main__":
    sys.exit(main())
