#!/usr/bin/env python3
"""Sees that the task is the same in docker-compose.yml with ecs-params.yml, and
in the task definition (JSON) that comes out of the template.  One line for each
difference, exit 1 if any.

    agree.py TASK.json COMPOSE.yml... ECS-PARAMS.yml
"""

import json
import re
import sys

import yaml


def merged(paths):
    """Compose files laid over each other, as far as these are: a mapping's
    members add up."""
    def lay(under, over):
        if not (isinstance(under, dict) and isinstance(over, dict)):
            return over
        return {k: lay(under[k], over[k]) if k in under and k in over else over.get(k, under.get(k))
                for k in under | over}

    result = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            result = lay(result, yaml.safe_load(file))
    return result


def seconds(text):
    return int(re.fullmatch(r"(\d+)s", str(text))[1])


def mebibytes(text):
    return int(re.fullmatch(r"(\d+)m", str(text))[1])


def plain(text):
    """${NAME:-default} as it is where NAME is not set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def of_compose(name, service, params):
    check = service["healthcheck"]
    limits = params["task_definition"]["services"][name]
    tmpfs = [service["tmpfs"]] if isinstance(service["tmpfs"], str) else service["tmpfs"]
    return {
        "image": plain(service["image"]),
        "command": service.get("command", []),
        "environment": service.get("environment", {}),
        "user": service["user"],
        "read-only root": service["read_only"],
        "capabilities dropped": service["cap_drop"],
        "ports": [int(plain(p).split(":")[-1]) for p in service.get("ports", [])],
        "volumes": [v.split(":")[:2] for v in service["volumes"]],
        "tmpfs": [[t.split(":")[0], mebibytes(t.split("size=")[1])] for t in tmpfs],
        "health check": [check["test"], seconds(check["interval"]), seconds(check["timeout"]),
                         check["retries"]],
        "stop": seconds(service["stop_grace_period"]),
        "essential": limits["essential"],
        "cpu": limits.get("cpu_shares"),
        "memory": mebibytes(limits["mem_limit"]),
        "order": [[d["container_name"], d["condition"]] for d in limits.get("depends_on", [])],
    }


def of_task(container):
    check, linux = container["healthCheck"], container["linuxParameters"]
    return {
        "image": container["image"],
        "command": container.get("command", []),
        "environment": {e["name"]: e["value"] for e in container.get("environment", [])},
        "user": container["user"],
        "read-only root": container["readonlyRootFilesystem"],
        "capabilities dropped": linux["capabilities"]["drop"],
        "ports": [p["containerPort"] for p in container.get("portMappings", [])],
        "volumes": [[m["sourceVolume"], m["containerPath"]] for m in container["mountPoints"]],
        "tmpfs": [[t["containerPath"], t["size"]] for t in linux["tmpfs"]],
        "health check": [check["command"], check["interval"], check["timeout"], check["retries"]],
        "stop": container["stopTimeout"],
        "essential": container["essential"],
        "cpu": container.get("cpu"),
        "memory": container.get("memory"),
        "order": [[d["containerName"], d["condition"]] for d in container.get("dependsOn", [])],
    }


def pairs(task, compose, params):
    """What is compared: (where, here, there)."""
    size = params["task_definition"]["task_size"]
    yield "task: cpu", size["cpu_limit"], task["cpu"]
    yield "task: memory", size["mem_limit"], task["memory"]
    yield "task: network", params["task_definition"]["ecs_network_mode"], task["networkMode"]
    yield ("task: execution role", params["task_definition"]["task_execution_role"],
           task["executionRoleArn"].rpartition("/")[2])
    yield "task: volumes", sorted(compose["volumes"]), sorted(v["name"] for v in task["volumes"])
    containers = {c["name"]: c for c in task["containerDefinitions"]}
    yield "task: containers", sorted(compose["services"]), sorted(containers)
    for name in compose["services"].keys() & containers.keys():
        here = of_compose(name, compose["services"][name], params)
        there = of_task(containers[name])
        for what in here:
            yield f"{name}: {what}", here[what], there[what]


def main(task_path, *compose_paths, params_path):
    with open(task_path, encoding="utf-8") as file:
        task = json.load(file)
    compose, params = merged(compose_paths), merged([params_path])
    status = 0
    for where, here, there in pairs(task, compose, params):
        if here != there:
            print(f"{where}: {here} in compose, {there} in the template")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:-1], params_path=sys.argv[-1]))
