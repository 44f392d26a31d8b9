#!/usr/bin/env python3
"""Runs the steps of a job of .github/workflows/ci.yml in a container, as
GitHub's runner does.

    run.py TARGET...    the job "test" for these values of its matrix, in the order given

The container is created with the options that GitHub's runner gives it, and
each `run` step is a script that `docker exec` starts in it, as root, with a
home directory of GitHub's, in a checkout that belongs to somebody else.  Steps
that do not depend on the matrix run once.  Needs an engine that has the job's
image (tests/workflow/run.sh sees to both).  The last line is `N passed, N
failed`: a step that ends well counts as one, and so does each test that a step
counts.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

TREE = Path(__file__).resolve().parent.parent.parent
JOB = "test"
# The runner's own user and group on GitHub's machines; no step is run by them.
OWNER = (1001, 121)
COUNTED = re.compile(r"^(\d+) passed, (\d+) failed$", re.MULTILINE)


class Container:
    def __init__(self, image, name):
        self.files = Path(tempfile.mkdtemp(prefix="markbook-workflow.", dir="/var/tmp"))
        self.workspace = f"/__w/{name}/{name}"
        self.name = self.files.name
        self.scripts = 0
        for directory in (
            "_temp/_github_home",
            "_temp/_github_workflow",
            f"{name}/{name}",
            "externals",
        ):
            (self.files / directory).mkdir(parents=True)
        # An engine of our own has no bridge to make a network of.
        network = ["--network", "host"] if os.environ.get("OWN_ENGINE") else []
        socket = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix(
            "unix://"
        )
        self.docker(
            "create",
            "--name",
            self.name,
            "--workdir",
            self.workspace,
            *network,
            "-e",
            "HOME=/github/home",
            "-e",
            "GITHUB_ACTIONS=true",
            "-e",
            "CI=true",
            "-v",
            f"{socket}:/var/run/docker.sock",
            "-v",
            f"{self.files}:/__w",
            "-v",
            f"{self.files}/externals:/__e:ro",
            "-v",
            f"{self.files}/_temp:/__w/_temp",
            "-v",
            f"{self.files}/_temp/_github_home:/github/home",
            "-v",
            f"{self.files}/_temp/_github_workflow:/github/workflow",
            "--entrypoint",
            "tail",
            image,
            "-f",
            "/dev/null",
        )
        self.docker("start", self.name)

    @staticmethod
    def docker(*words):
        subprocess.run(["docker", *words], check=True, stdout=subprocess.DEVNULL)

    def check_out(self):
        """What actions/checkout leaves: one commit, without its trust in a
        directory of another user."""
        directory = self.files / self.workspace.removeprefix("/__w/")
        subprocess.run(
            ["git", "clone", "--quiet", "--depth", "1", TREE.as_uri(), directory], check=True
        )
        for path, names, files in os.walk(self.files):
            for entry in (".", *names, *files):
                os.lchown(os.path.join(path, entry), *OWNER)

    def run(self, script, env):
        """Its exit status and what it counted."""
        self.scripts += 1
        (self.files / f"_temp/{self.scripts}.sh").write_text(script)
        words = [word for name, value in env.items() for word in ("-e", f"{name}={value}")]
        step = subprocess.Popen(
            [
                "docker",
                "exec",
                "-i",
                "--workdir",
                self.workspace,
                *words,
                self.name,
                "bash",
                "--noprofile",
                "--norc",
                "-e",
                "-o",
                "pipefail",
                f"/__w/_temp/{self.scripts}.sh",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        said = []
        for line in step.stdout:
            said.append(line)
            # Tests count through the last line of all; the container's own one
            # is not that.
            print(f"  {line}", end="", flush=True)
        counted = COUNTED.findall("".join(said))
        return step.wait(), [int(n) for n in counted[-1]] if counted else [0, 0]

    def remove(self):
        subprocess.run(
            ["docker", "rm", "--force", "--volumes", self.name],
            stdout=subprocess.DEVNULL,
            check=False,
        )
        shutil.rmtree(self.files, ignore_errors=True)


def expand(text, target):
    text = re.sub(r"\$\{\{\s*matrix\.target\s*\}\}", target, text)
    if "${{" in text:
        sys.exit(f"run.py: this cannot be told here: {text}")
    return text


def main():
    job = yaml.safe_load((TREE / ".github/workflows/ci.yml").read_text())["jobs"][JOB]
    targets = sys.argv[1:] or job["strategy"]["matrix"]["target"]
    unknown = set(targets) - set(job["strategy"]["matrix"]["target"])
    if unknown or job["defaults"]["run"]["shell"] != "bash":
        sys.exit(f"run.py: the job does not have this: {unknown or job['defaults']}")
    passed = failed = 0
    container = Container(job["container"], "markbook")
    try:
        for number, target in enumerate(targets):
            for step in job["steps"]:
                depends = "matrix." in str(step)
                if number > 0 and not depends:
                    continue
                what = step.get("name") or step.get("uses") or expand(step["run"], target)
                print(f"# {what}", flush=True)
                if "uses" in step:
                    if not step["uses"].startswith("actions/checkout@"):
                        sys.exit(f"run.py: {step['uses']} cannot be run here")
                    container.check_out()
                    status, counted = 0, [0, 0]
                else:
                    env = {
                        name: expand(str(value), target)
                        for name, value in step.get("env", {}).items()
                    }
                    status, counted = container.run(expand(step["run"], target), env)
                good = status == 0 and counted[1] == 0
                print(f"{'ok' if good else 'not ok'} - {what.splitlines()[0]}", flush=True)
                passed += counted[0] + good
                failed += counted[1] + (status != 0 and counted[1] == 0)
                if not good and not depends:
                    break
    finally:
        container.remove()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
