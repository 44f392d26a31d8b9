#!/usr/bin/env python3
"""Sees that the files for ecs-cli say what it takes, and nothing that it
refuses or passes over.

    check.py compose FILE...        each against compose schema 3.0, Fargate's rules, ECS's bounds
    check.py params FILE COMPOSE    ecs-params.yml, which goes with that compose file

One line for each fault, and exit status 1 where there is one.
"""

import re
import sys

import yaml

DURATION = re.compile(r"(\d+)s")
MEMORY = re.compile(r"(\d+)([mg])b?", re.I)
# ecs-cli hands these on to the task definition ...
CONVERTED = {
    "image",
    "command",
    "entrypoint",
    "environment",
    "env_file",
    "ports",
    "volumes",
    "user",
    "read_only",
    "cap_drop",
    "tmpfs",
    "ulimits",
    "healthcheck",
    "logging",
    "labels",
    "stop_grace_period",
    "working_dir",
}
# ... and passes these over, which do their work elsewhere.
PASSED_OVER = {"build", "depends_on", "restart"}
# AWS: task CPU units and the memory that goes with them, in MiB.
TASK_MEMORY = {256: [512, 1024, 2048], 512: range(1024, 4097, 1024), 1024: range(2048, 8193, 1024)}


class Strict(yaml.SafeLoader):
    """A name that stands twice in a mapping is an error, not the last of the
    two."""

    def construct_mapping(self, node, deep=False):
        names = [key.value for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise yaml.YAMLError(f"'{name}' stands twice at {node.start_mark}")
        return super().construct_mapping(node, deep)


class Faults(list):
    def add(self, where, text):
        self.append(f"{where}: {text}")

    def keys(self, where, value, known):
        """value is a mapping and has only these keys; those that may be looked
        at."""
        if not isinstance(value, dict):
            self.add(where, "is no mapping")
            return {}
        for key in value:
            if key not in known:
                self.add(f"{where}.{key}", "is not taken")
        return {key: value[key] for key in value if key in known}

    def is_a(self, where, value, kind, what):
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return True
        self.add(where, f"is no {what}")
        return False

    def strings(self, where, value, pattern=r".+", what="string"):
        """The items of a list of strings, matched."""
        if not self.is_a(where, value, list, "list"):
            return []
        found = []
        for item in value:
            match = isinstance(item, str) and re.fullmatch(pattern, item)
            if match:
                found.append(match)
            else:
                self.add(where, f"{item!r} is no {what}")
        return found

    def seconds(self, where, value, low, high):
        match = isinstance(value, str) and DURATION.fullmatch(value)
        if not match or not low <= int(match[1]) <= high:
            self.add(where, f"{value!r} is not within {low}s and {high}s")


def defaults(value):
    """What stands after ":-" in a variable, in all of the strings."""
    if isinstance(value, dict):
        return {key: defaults(item) for key, item in value.items()}
    if isinstance(value, list):
        return [defaults(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", value)
    return value


# --- docker-compose.yml -------------------------------------------------------


def healthcheck(faults, where, value):
    value = faults.keys(where, value, {"test", "interval", "timeout", "retries"})
    test = [match[0] for match in faults.strings(f"{where}.test", value.get("test"))]
    if len(test) < 2 or test[0] != "CMD":
        faults.add(f"{where}.test", "needs the form CMD, since there is no shell")
    faults.seconds(f"{where}.interval", value.get("interval", "30s"), 5, 300)
    faults.seconds(f"{where}.timeout", value.get("timeout", "5s"), 2, 60)
    if value.get("retries", 3) not in range(1, 11):
        faults.add(f"{where}.retries", "is not within 1 and 10")


def logging(faults, where, value):
    value = faults.keys(where, value, {"driver", "options"})
    if value.get("driver") not in ("awslogs", "awsfirelens", "splunk"):
        faults.add(f"{where}.driver", f"{value.get('driver')!r} is not known to Fargate")
    faults.is_a(f"{where}.options", value.get("options", {}), dict, "mapping")


def ports(faults, where, value):
    for match in faults.strings(where, value, r"(?:[\d.]+:)?(\d+):(\d+)", "port as N:N"):
        if match[1] != match[2]:
            faults.add(where, f"{match[0]!r}: awsvpc needs the same number twice")


def ulimits(faults, where, value):
    for name, limit in faults.keys(where, value, value).items():
        if not isinstance(limit, int):
            limit = faults.keys(f"{where}.{name}", limit, {"soft", "hard"})
            if not all(isinstance(limit.get(key), int) for key in ("soft", "hard")):
                faults.add(f"{where}.{name}", "needs both soft and hard")


def text_or_list(faults, where, value):
    if not isinstance(value, str):
        faults.strings(where, value)


def text(faults, where, value):
    faults.is_a(where, value, str, "string")


def mapping_of_text(faults, where, value):
    for key, item in faults.keys(where, value, value).items():
        faults.is_a(f"{where}.{key}", item, str, "string")


def build(faults, where, value):
    value = faults.keys(where, value, {"context", "dockerfile", "args"})
    text(faults, f"{where}.context", value.get("context"))
    mapping_of_text(faults, f"{where}.args", value.get("args", {}))


CHECKS = {
    "image": text,
    "user": text,
    "working_dir": text,
    "restart": text,
    "command": text_or_list,
    "entrypoint": text_or_list,
    "env_file": text_or_list,
    "environment": mapping_of_text,
    "labels": mapping_of_text,
    "build": build,
    "healthcheck": healthcheck,
    "logging": logging,
    "ports": ports,
    "ulimits": ulimits,
    "read_only": lambda f, where, value: f.is_a(where, value, bool, "boolean"),
    "cap_drop": lambda f, where, value: f.strings(where, value),
    "tmpfs": lambda f, where, value: f.strings(
        where, value, r"/[^:]+:size=\d+[mg]", "tmpfs as PATH:size=Nm"
    ),
    "stop_grace_period": lambda f, where, value: f.seconds(where, value, 2, 120),
}


def service(faults, where, value, document):
    value = faults.keys(where, value, CONVERTED | PASSED_OVER)
    for key in value:
        if key in CHECKS:
            CHECKS[key](faults, f"{where}.{key}", value[key])
    for name in faults.strings(f"{where}.depends_on", value.get("depends_on", [])):
        if name[0] not in document["services"]:
            faults.add(f"{where}.depends_on", f"{name[0]!r} is no service")
    pattern = r"([a-z][a-z0-9_-]*):(/[^:]+)(?::ro)?"
    for match in faults.strings(
        f"{where}.volumes", value.get("volumes", []), pattern, "named volume as NAME:PATH"
    ):
        if match[1] not in (document.get("volumes") or {}):
            faults.add(f"{where}.volumes", f"{match[1]!r} is not declared")


def compose(faults, document):
    document = faults.keys("file", document, {"version", "services", "volumes"})
    if document.get("version") != "3":
        faults.add("version", 'is not "3"')
    for name, value in faults.keys(
        "volumes", document.get("volumes", {}), document.get("volumes", {})
    ).items():
        if value != {}:
            faults.add(f"volumes.{name}", "is not empty")
    services = faults.keys("services", document.get("services"), document.get("services") or {})
    for name, value in services.items():
        service(faults, f"services.{name}", value, document)


# --- ecs-params.yml -----------------------------------------------------------


def memory(faults, where, value):
    match = isinstance(value, str) and MEMORY.fullmatch(value)
    if not match:
        faults.add(where, f"{value!r} is no amount with its unit, such as 256m")
        return 0
    return int(match[1]) * (1024 if match[2].lower() == "g" else 1)


def container(faults, where, value, names):
    value = faults.keys(where, value, {"essential", "cpu_shares", "mem_limit", "depends_on"})
    faults.is_a(f"{where}.essential", value.get("essential", True), bool, "boolean")
    if faults.is_a(f"{where}.depends_on", value.get("depends_on", []), list, "list"):
        for item in value.get("depends_on", []):
            item = faults.keys(f"{where}.depends_on", item, {"container_name", "condition"})
            if item.get("container_name") not in names:
                faults.add(f"{where}.depends_on", f"{item.get('container_name')!r} is no service")
            if item.get("condition") not in ("START", "COMPLETE", "SUCCESS", "HEALTHY"):
                faults.add(f"{where}.depends_on", f"{item.get('condition')!r} is no condition")
    cpu = value.get("cpu_shares")
    faults.is_a(f"{where}.cpu_shares", cpu, int, "number")
    return cpu if isinstance(cpu, int) else 0, memory(
        faults, f"{where}.mem_limit", value.get("mem_limit")
    )


def task(faults, value, names):
    where = "task_definition"
    value = faults.keys(
        where,
        value,
        {"ecs_network_mode", "task_role_arn", "task_execution_role", "task_size", "services"},
    )
    if value.get("ecs_network_mode") != "awsvpc":
        faults.add(f"{where}.ecs_network_mode", "is not awsvpc, the only one of Fargate")
    text(faults, f"{where}.task_execution_role", value.get("task_execution_role"))
    text(faults, f"{where}.task_role_arn", value.get("task_role_arn", ""))
    size = faults.keys(f"{where}.task_size", value.get("task_size"), {"cpu_limit", "mem_limit"})
    cpu, mib = (
        int(n) if isinstance(n, str) and n.isdigit() else 0
        for n in (size.get("cpu_limit"), size.get("mem_limit"))
    )
    if mib not in TASK_MEMORY.get(cpu, []):
        faults.add(f"{where}.task_size", f"is no size of Fargate: {size}")
    services = faults.keys(f"{where}.services", value.get("services"), names)
    for name in names:
        if name not in services:
            faults.add(f"{where}.services", f"{name!r} is missing")
    used = [
        container(faults, f"{where}.services.{name}", services[name], names) for name in services
    ]
    if sum(u[0] for u in used) > cpu or sum(u[1] for u in used) > mib:
        faults.add(f"{where}.services", "are together larger than the task")


def params(faults, document, names):
    document = faults.keys("file", document, {"version", "task_definition", "run_params"})
    if document.get("version") != 1:
        faults.add("version", "is not 1")
    task(faults, document.get("task_definition"), names)
    where, network = "run_params", document.get("run_params")
    for key in ("network_configuration", "awsvpc_configuration"):
        network = faults.keys(where, network, {key}).get(key)
        where += f".{key}"
    network = faults.keys(where, network, {"subnets", "security_groups", "assign_public_ip"})
    variable = r"\$\{[A-Z_]+\}|(?:subnet|sg)-[0-9a-f]+"
    if not faults.strings(f"{where}.subnets", network.get("subnets"), variable, "subnet"):
        faults.add(f"{where}.subnets", "needs one at least")
    faults.strings(
        f"{where}.security_groups", network.get("security_groups"), variable, "security group"
    )
    if network.get("assign_public_ip") not in ("ENABLED", "DISABLED"):
        faults.add(f"{where}.assign_public_ip", "is neither ENABLED nor DISABLED")


def load(name):
    with open(name, encoding="utf-8") as file:
        return yaml.load(file, Strict)


def main(mode, *files):
    faults = Faults()
    try:
        if mode == "compose":
            for name in files:
                compose(faults, defaults(load(name)))
        else:
            params(faults, load(files[0]), list(load(files[1])["services"]))
    except yaml.YAMLError as error:
        faults.add("file", str(error).replace("\n", " "))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    if (
        len(sys.argv) < 3
        or sys.argv[1] not in ("compose", "params")
        or (sys.argv[1] == "params" and len(sys.argv) != 4)
    ):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
