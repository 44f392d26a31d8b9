"""What Fargate asks of a task definition and a service, and what Markbook's own
images and store do.

Both are as the API has them (camelCase, functions carried out).  The bounds are
those of the ECS API reference (HealthCheck, ContainerRestartPolicy,
LinuxParameters, ContainerDefinition) and, for the sizes, of "Task size" in the
ECS developer guide.  cfn-lint knows few of them.
"""

MEMORY_OF_CPU = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}
NOT_IN_A_TASK = ("ipcMode", "placementConstraints", "inferenceAccelerators")
NOT_IN_A_CONTAINER = ("dockerSecurityOptions", "links", "hostname", "extraHosts", "dnsServers",
                      "dnsSearchDomains", "disableNetworking")
NOT_LINUX_PARAMETERS = ("sharedMemorySize", "devices", "maxSwap", "swappiness")
LOG_DRIVERS = ("awslogs", "splunk", "awsfirelens")
LOG_OPTIONS = ("awslogs-group", "awslogs-region", "awslogs-stream-prefix")
CONDITIONS = ("START", "COMPLETE", "SUCCESS", "HEALTHY")
HEALTH_CHECK = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10),
                "startPeriod": (0, 300)}


def task_faults(task):
    """The faults of a task definition, one line each."""
    containers = task.get("containerDefinitions", [])
    names = [c.get("name") for c in containers]
    if "FARGATE" not in task.get("requiresCompatibilities", []):
        yield "requiresCompatibilities lacks FARGATE"
    if task.get("networkMode") != "awsvpc":
        yield "networkMode is not awsvpc"
    if task.get("pidMode", "task") != "task":
        yield f"pidMode is {task['pidMode']}, not task"
    for name in NOT_IN_A_TASK:
        if task.get(name):
            yield f"{name} is not for Fargate"
    yield from _size_faults(task, containers)
    yield from _volume_faults(task.get("volumes", []))
    if not 1 <= len(containers) <= 10:
        yield f"{len(containers)} containers, not 1 to 10"
    if not any(c.get("essential", True) for c in containers):
        yield "no container is essential"
    for name in {n for n in names if names.count(n) > 1}:
        yield f"two containers are called {name}"
    ports = [p.get("containerPort") for c in containers for p in c.get("portMappings", [])]
    for port in {p for p in ports if ports.count(p) > 1}:
        yield f"two containers of one network have port {port}"
    for container in containers:
        for fault in _container_faults(container, task):
            yield f"{container.get('name')}: {fault}"
    yield from _order_faults({c.get("name"): c for c in containers})


def _size_faults(task, containers):
    cpu, memory = str(task.get("cpu", "")), str(task.get("memory", ""))
    if not (cpu.isdigit() and memory.isdigit()):
        yield "cpu and memory of the task must be given, in units and MiB"
        return
    if int(memory) not in MEMORY_OF_CPU.get(int(cpu), ()):
        yield f"no task has {cpu} CPU units and {memory} MiB"
    wanted = sum(int(c.get("memory", c.get("memoryReservation", 0))) for c in containers)
    if wanted > int(memory):
        yield f"the containers' memory, {wanted} MiB, is more than the task's {memory}"
    wanted = sum(int(c.get("cpu", 0)) for c in containers)
    if wanted > int(cpu):
        yield f"the containers' cpu, {wanted} units, is more than the task's {cpu}"


def _volume_faults(volumes):
    names = [v.get("name") for v in volumes]
    for name in {n for n in names if names.count(n) > 1}:
        yield f"two volumes are called {name}"
    for volume in volumes:
        if (volume.get("host") or {}).get("sourcePath"):
            yield f"volume {volume['name']} has a path of the host"
        if "dockerVolumeConfiguration" in volume:
            yield f"volume {volume['name']} has a dockerVolumeConfiguration"


def _container_faults(container, task):
    if container.get("privileged"):
        yield "privileged"
    for name in NOT_IN_A_CONTAINER:
        if container.get(name):
            yield f"{name} is not for Fargate"
    yield from _linux_faults(container.get("linuxParameters", {}))
    yield from _bound_faults(container, "stopTimeout", 2, 120)
    yield from _health_faults(container.get("healthCheck", {}))
    policy = container.get("restartPolicy", {})
    yield from _bound_faults(policy, "restartAttemptPeriod", 60, 1800)
    for mapping in container.get("portMappings", []):
        port = mapping.get("containerPort")
        if mapping.get("hostPort", port) != port:
            yield f"hostPort {mapping['hostPort']} is not containerPort {port}"
    volumes = [v.get("name") for v in task.get("volumes", [])]
    for mount in container.get("mountPoints", []):
        if mount.get("sourceVolume") not in volumes:
            yield f"no volume is called {mount.get('sourceVolume')}"
        if not str(mount.get("containerPath", "")).startswith("/"):
            yield f"mount at {mount.get('containerPath')}, not an absolute path"
    yield from _log_faults(container.get("logConfiguration", {}), task)
    # Markbook's own: what the images are made for.
    user, _, group = str(container.get("user", "")).partition(":")
    if not (user.isdigit() and group.isdigit() and int(user) and int(group)):
        yield "user is not an unprivileged UID:GID"
    if not container.get("readonlyRootFilesystem"):
        yield "readonlyRootFilesystem is not true"


def _linux_faults(linux):
    for name in NOT_LINUX_PARAMETERS:
        if name in linux:
            yield f"{name} is not for Fargate"
    capabilities = linux.get("capabilities", {})
    if capabilities.get("add"):
        yield "adds capabilities: " + ", ".join(capabilities["add"])
    if capabilities.get("drop") != ["ALL"]:
        yield "does not drop ALL capabilities"
    for tmpfs in linux.get("tmpfs", []):
        if not str(tmpfs.get("containerPath", "")).startswith("/"):
            yield f"tmpfs at {tmpfs.get('containerPath')}, not an absolute path"
        if int(tmpfs.get("size", 0)) < 1:
            yield f"tmpfs {tmpfs.get('containerPath')} has no size"


def _bound_faults(of, name, least, most):
    if name in of and not least <= int(of[name]) <= most:
        yield f"{name} is {of[name]}, not {least} to {most}"


def _health_faults(check):
    if not check:
        yield "no healthCheck; the one of the image is ignored"
        return
    command = check.get("command", [])
    if command[:1] == ["CMD-SHELL"]:
        yield "healthCheck wants a shell, which the images do not have"
    elif command[:1] != ["CMD"] or len(command) < 2:
        yield "healthCheck is not [CMD, program, ...]"
    for name, (least, most) in HEALTH_CHECK.items():
        for fault in _bound_faults(check, name, least, most):
            yield "healthCheck: " + fault


def _log_faults(log, task):
    driver = log.get("logDriver")
    if driver not in LOG_DRIVERS:
        yield f"logDriver is {driver}, not one of " + ", ".join(LOG_DRIVERS)
    if driver == "awslogs":
        for option in LOG_OPTIONS:
            if not log.get("options", {}).get(option):
                yield f"awslogs lacks {option}"
        if not task.get("executionRoleArn"):
            yield "awslogs without an executionRoleArn of the task"


def _order_faults(containers):
    """dependsOn: of containers that are there, in a condition they can reach,
    in no circle."""
    for name, container in containers.items():
        for dependency in container.get("dependsOn", []):
            other, condition = dependency.get("containerName"), dependency.get("condition")
            if other not in containers:
                yield f"{name}: depends on {other}, which is no container"
                continue
            if condition not in CONDITIONS:
                yield f"{name}: no condition is called {condition}"
            if condition == "HEALTHY" and not containers[other].get("healthCheck"):
                yield f"{name}: waits for {other} to be HEALTHY, which has no healthCheck"
            if condition in ("COMPLETE", "SUCCESS") and containers[other].get("essential", True):
                yield f"{name}: waits for the end of {other}, which is essential"
            if _reaches(containers, other, name, set()):
                yield f"{name}: depends on itself, by {other}"


def _reaches(containers, start, goal, seen):
    if start == goal:
        return True
    if start in seen or start not in containers:
        return False
    seen.add(start)
    after = [d.get("containerName") for d in containers[start].get("dependsOn", [])]
    return any(_reaches(containers, name, goal, seen) for name in after)


def service_faults(service, task):
    """The faults of a service that runs this task definition, one line each."""
    network = service.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    for name in ("subnets", "securityGroups"):
        if not network.get(name):
            yield f"service: no {name}"
    ports = {(c.get("name"), p.get("containerPort"))
             for c in task.get("containerDefinitions", []) for p in c.get("portMappings", [])}
    for balancer in service.get("loadBalancers", []):
        if (balancer.get("containerName"), balancer.get("containerPort")) not in ports:
            yield (f"service: balances {balancer.get('containerName')}, port "
                   f"{balancer.get('containerPort')}, which the task does not have")
    deployment = service.get("deploymentConfiguration", {})
    breaker = deployment.get("deploymentCircuitBreaker", {})
    if not (breaker.get("enable") and breaker.get("rollback")):
        yield "service: no circuit breaker that rolls back"
    # Markbook's own: each task has a store of its own.
    if int(service.get("desiredCount", 1)) > 1:
        yield f"service: {service['desiredCount']} tasks, while the store is local to one"
    if int(deployment.get("maximumPercent", 200)) > 100:
        yield "service: a deployment would run two tasks for a while (maximumPercent)"
    if service.get("availabilityZoneRebalancing") != "DISABLED":
        yield "service: availabilityZoneRebalancing must be DISABLED with a maximumPercent of 100"
