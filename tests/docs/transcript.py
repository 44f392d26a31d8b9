#!/usr/bin/env python3
"""Runs the console blocks of a page against a service of its own, as `make run`
starts it.

    transcript.py PAGE            exit status 1 and the differences where an answer is another one
    transcript.py --write PAGE    puts the answers that differ into the page

A line "$ COMMAND" is run by bash, and so are the lines "> ..." below it that
continue it; the lines below those are its answer, standard error included,
letter for letter.  "..." within a line stands for any text, and a line "..."
for any number of lines.  All commands of a page share one shell, which begins
in a directory that looks like the checkout after `make`, with the service in
./run.

http://127.0.0.1:8080 is that service.  The command `make run VARIABLE=VALUE...`
starts one more, without installing or building anything; its answer is what it
says until it serves, and it serves until the page ends or starts another one on
its port, which is 8081.
"""

import argparse
import os
import re
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pages

SECONDS = 60  # for a command, and for a start


class Failed(Exception):
    pass


def free_port():
    # Outside the range that the kernel takes ports for clients from.
    while True:
        port = 20000 + secrets.randbelow(12000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Command:
    def __init__(self, text, first, answer):
        self.text = text
        self.first = first  # number of the answer's first line
        self.answer = answer  # its lines


def commands(page):
    for block in page.blocks:
        if block.info != "console":
            continue
        command = None
        for number, line in enumerate(block.lines, block.line):
            if line.startswith("$ "):
                if command is not None:
                    yield command
                command = Command(line[2:], number + 1, [])
            elif command is None:
                raise Failed(f"{page.name}:{number}: an answer without a command")
            elif line.startswith("> ") and not command.answer:
                command.text += "\n" + line[2:]
                command.first = number + 1
            else:
                command.answer.append(line)
        if command is not None:
            yield command


def pattern(lines):
    """What an answer may be, given the lines that the page shows."""
    out = ""
    for line in lines:
        out += r"(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*?") + r"\n"
    return re.compile(out)


class Service:
    """What `make run` starts, once all is installed and built."""

    def __init__(self, checkout, variables):
        environment = dict(checkout.environment)
        for word in variables:
            name, _, value = word.partition("=")
            environment[name] = value
        self.port = environment["PORT"]
        self.said = checkout.top / f"said.{secrets.token_hex(4)}"
        with open(self.said, "wb") as said:
            self.process = subprocess.Popen([checkout.top / "conf/run.sh"], cwd=checkout.top,
                                            env=environment, stdin=subprocess.DEVNULL, stdout=said,
                                            stderr=subprocess.STDOUT, start_new_session=True)

    def wait_for(self, done):
        """Until what it said is enough.  Raises where it ends before, or never
        says it."""
        deadline = time.monotonic() + SECONDS
        while True:
            text = self.said.read_text()
            if done(text):
                return text
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"make run: {text}")
            time.sleep(0.02)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(SECONDS)


class Shell:
    def __init__(self, checkout):
        self.end = secrets.token_hex(8)
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"], cwd=checkout.top, env=checkout.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, text):
        script = f"{{ {text}\n}} </dev/null\nprintf '\\n%s\\n' {self.end}\n"
        self.process.stdin.write(script.encode())
        self.process.stdin.flush()
        out = b""
        end = f"\n{self.end}\n".encode()
        deadline = time.monotonic() + SECONDS
        while not out.endswith(end):
            left = max(0, deadline - time.monotonic())
            ready, _, _ = select.select([self.process.stdout], [], [], left)
            piece = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                raise Failed(f"{text}: it did not end, or the shell did\n{out.decode()}")
            out += piece
        return out[:-len(end)].decode()

    def stop(self):
        self.process.kill()
        self.process.wait()


class Checkout:
    """A directory that looks like the checkout after `make`, to be used and
    thrown away."""

    def __init__(self, program):
        self.top = Path(tempfile.mkdtemp(prefix="markbook-docs."))
        for entry in pages.TREE.iterdir():
            if entry.name not in ("build", "run", ".git"):
                (self.top / entry.name).symlink_to(entry)
        (self.top / "build").mkdir()
        for entry in pages.TREE.glob("build/*"):
            if entry.name != "markbook":
                (self.top / "build" / entry.name).symlink_to(entry)
        (self.top / "build/markbook").symlink_to(program)
        self.environment = {
            # Without what bats adds for itself: one of the commands is bats.
            "PATH": ":".join(part for part in os.environ["PATH"].split(":")
                             if "bats" not in part) + ":/usr/sbin:/sbin",
            "HOME": str(self.top), "LC_ALL": "C.UTF-8",
            "no_proxy": "*", "PYTHONDONTWRITEBYTECODE": "1"}
        self.services = []
        self.shell = None

    def begin(self):
        for _ in range(20):
            self.ports = {"8080": str(free_port()), "8081": str(free_port())}
            self.environment["PORT"] = self.ports["8080"]
            try:
                self.start([]).wait_for(lambda text: "until Ctrl-C" in text)
                break
            except Failed as failure:
                if "is taken" not in str(failure):
                    raise
        del self.environment["PORT"]
        self.shell = Shell(self)

    def start(self, variables):
        for other in self.services:
            if f"PORT={other.port}" in variables:
                other.stop()
        service = Service(self, variables)
        self.services.append(service)
        return service

    def to_here(self, text):
        return re.sub(r"\b(8080|8081)\b", lambda m: self.ports[m[1]], text)

    def to_page(self, text):
        for shown, real in self.ports.items():
            text = re.sub(rf"\b{real}\b", shown, text)
        return text

    def answer(self, command):
        text = self.to_here(command.text)
        if re.match(r"make run\b", text):
            service = self.start(text.split()[2:])
            wanted = pattern(command.answer)
            said = service.wait_for(lambda said: "Ctrl-C" in said and (
                not command.answer or wanted.fullmatch(self.to_page(said))))
        else:
            said = self.shell.run(text)
        # A terminal shows no carriage return.
        said = self.to_page(said).replace("\r\n", "\n")
        return said if said.endswith("\n") or not said else said + "\n"

    def remove(self):
        if self.shell is not None:
            self.shell.stop()
        for service in reversed(self.services):
            service.stop()
        shutil.rmtree(self.top)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("page", type=Path)
    arguments = parser.parse_args()
    page = pages.Page(arguments.page.resolve())
    lines = page.path.read_text(encoding="utf-8").splitlines()
    program = os.environ.get("MARKBOOK", pages.TREE / "build/markbook")
    checkout = Checkout(Path(program).resolve())
    count = differ = shift = 0
    try:
        checkout.begin()
        for command in commands(page):
            count += 1
            said = checkout.answer(command)
            if pattern(command.answer).fullmatch(said):
                continue
            differ += 1
            at = command.first - 1 + shift
            if arguments.write:
                new = said.splitlines()
                lines[at:at + len(command.answer)] = new
                shift += len(new) - len(command.answer)
                continue
            print(f"{page.name}:{command.first - 1}: $ {command.text}")
            print(f"the page says:\n{chr(10).join(command.answer)}\nit says:\n{said}")
    finally:
        checkout.remove()
    if arguments.write:
        page.path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{count} commands, {differ} with another answer")
    return 0 if differ == 0 or arguments.write else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failure:
        sys.exit(str(failure))
