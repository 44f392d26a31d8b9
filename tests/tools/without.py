#!/usr/bin/env python3
"""Runs a program on a kernel that seems to lack something:

    without.py CALL[,CALL...] PROGRAM [ARGUMENT...]

A filter answers these system calls (seccomp, landlock) with "function not
implemented".
"""
import ctypes
import os
import platform
import struct
import sys

NUMBERS = {
    "seccomp": {"x86_64": [317], "aarch64": [277]}.get(platform.machine(), []),
    "landlock": [444, 445, 446],
}
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
ALLOW, ENOSYS = 0x7FFF0000, 0x00050000 | 38
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2


def program(calls):
    code = [struct.pack("HBBI", LOAD, 0, 0, 0)]
    for call in calls:
        code.append(struct.pack("HBBI", EQUAL, 0, 1, call))
        code.append(struct.pack("HBBI", RETURN, 0, 0, ENOSYS))
    code.append(struct.pack("HBBI", RETURN, 0, 0, ALLOW))
    return b"".join(code), len(code)


def main():
    calls = [n for name in sys.argv[1].split(",") for n in NUMBERS[name]]
    code, length = program(calls)
    text = ctypes.create_string_buffer(code, len(code))
    fprog = struct.pack("HxxxxxxP", length, ctypes.addressof(text))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        sys.exit("no_new_privs: " + os.strerror(ctypes.get_errno()))
    if libc.prctl(PR_SET_SECCOMP, FILTER, fprog, 0, 0) != 0:
        sys.exit("seccomp: " + os.strerror(ctypes.get_errno()))
    os.execvp(sys.argv[2], sys.argv[2:])


main()
