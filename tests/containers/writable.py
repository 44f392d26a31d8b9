#!/usr/bin/env python3
"""Where a process could write that has broken into a container.

    writable.py PID UID      enters the namespaces of PID, becomes UID without any capability, and
                             tries to create a file in each directory and to
                             open each file for writing

Prints each directory in which that worked, and each file outside of them.  Only
root can run it.
"""

import ctypes
import os
import stat
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 38, 24
PROBE = ".markbook-probe"


def must(result):
    if result != 0:
        error = ctypes.get_errno()
        sys.exit(os.strerror(error))


def enter(pid, uid):
    names = [
        os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY) for name in ("ipc", "uts", "net", "mnt")
    ]
    for descriptor in names:
        must(LIBC.setns(descriptor, 0))
    os.chdir("/")
    for capability in range(64):
        LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    must(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    # Leaving uid 0 takes them already; who stays 0 has them taken here
    # (capset(2), version 3).
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    must(LIBC.capset(header, (ctypes.c_uint32 * 6)()))


def can_create(directory):
    path = os.path.join(directory, PROBE)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:
        return False
    os.unlink(path)
    return True


def can_open(path):
    try:
        kind = os.lstat(path).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISBLK(kind)):
            return False
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def writable(top):
    tried = 0
    for directory, children, files in os.walk(top):
        # A process may write to itself; what is everybody's there is below sys.
        if directory == "/proc":
            children[:] = ["sys"]
        tried += 1
        if can_create(directory):
            print(directory)
            children.clear()
            continue
        for name in files:
            path = os.path.join(directory, name)
            tried += 1
            if can_open(path):
                print(path)
    return tried


if len(sys.argv) != 3:
    sys.exit(__doc__)
enter(int(sys.argv[1]), int(sys.argv[2]))
if writable("/") < 100:
    sys.exit("that is not all of a container's files")
