"""Failures in a worker that serves, for run.py."""

import errno
import json

from service import FOREVER, SHORT, Late, Lost, arm, disarm, fcgi, wait_until
from steps import Together

# (kind, errno, how many in a row)
ONCE = 1
FAILURES = [
    ("alloc", errno.ENOMEM, ONCE),
    ("alloc", errno.ENOMEM, FOREVER),
    ("read", errno.ECONNRESET, ONCE),
    ("read", SHORT, ONCE),
    ("recv", errno.ECONNRESET, ONCE),
    ("pread", errno.EIO, ONCE),
    ("pread", SHORT, ONCE),
    ("pread", errno.EIO, FOREVER),
    ("write", errno.EIO, ONCE),
    ("write", SHORT, ONCE),
    ("send", errno.EPIPE, ONCE),
    ("send", errno.ENOBUFS, ONCE),
    ("send", errno.EAGAIN, ONCE),
    ("send", SHORT, ONCE),
    ("send", SHORT, FOREVER),
    ("pwrite", errno.EIO, ONCE),
    ("pwrite", errno.ENOSPC, ONCE),
    ("pwrite", SHORT, ONCE),
    ("pwrite", errno.EIO, FOREVER),
    ("pwrite", errno.ENOSPC, FOREVER),
    ("map", errno.ENOMEM, ONCE),
    ("sync", errno.EIO, ONCE),
    ("sync", errno.ENOSPC, ONCE),
    ("sync", errno.EIO, FOREVER),
    ("open", errno.EMFILE, ONCE),
    ("open", errno.EMFILE, FOREVER),
    ("socket", errno.EMFILE, ONCE),
    ("socket", errno.ECONNABORTED, ONCE),
    ("socket", errno.ENFILE, FOREVER),
    ("epoll", errno.ENOMEM, ONCE),
    ("epoll", errno.ENOMEM, FOREVER),
    ("option", errno.ENOMEM, ONCE),
    ("files", errno.EIO, ONCE),
    ("wait", errno.EINTR, ONCE),
]
# What a failure may be answered with.
REFUSALS = {errno.ENOMEM: {503}, errno.ENOSPC: {507, 503, 500}}
OTHER_REFUSALS = {500, 503}


def is_problem(answer):
    try:
        body = (
            json.loads(answer.body)
            if answer.body
            else {"status": answer.status, "error": 1, "detail": 1}
        )
    except ValueError:
        return False
    return (
        answer.fields.get("content-type") == "application/problem+json"
        and body.get("status") == answer.status
        and ({"error", "detail"} <= body.keys())
    )


class Bench:
    """One service, its steps, and what went wrong."""

    def __init__(self, service, steps, restore, report):
        self.service, self.steps, self.restore, self.report = service, steps, restore, report
        self.points = {}
        self.answers = {}
        self.clean = {}
        self.home = self.state()
        for step in steps:
            self.clean[step] = self.run_clean(step)
        self.measure()

    def state(self, where=""):
        try:
            answer = self.service.ask("GET", "/json")
        except ConnectionError as e:
            if not where:
                raise
            self.report(f"{where}: then the store: {e!r}")
            answer = self.service.ask("GET", "/json")
        if answer.status != 200 and where:
            lines = self.service.new_lines()[-2:]
            self.report(f"{where}: then the store gives {answer.status}; log: {lines}")
            wait_until(lambda: self.service.ask("GET", "/json").status == 200)
            answer = self.service.ask("GET", "/json")
        if answer.status != 200:
            raise RuntimeError(f"status {answer.status} where nothing fails")
        return answer.body

    # --- where nothing fails ---

    def run_clean(self, step):
        """The answers, and the state that they leave."""
        self.service.control.clock_add += step.jump * 10**9
        answers = []
        for exchange, answer in step.act(self.service, lambda: None):
            exchange.close()
            if not isinstance(answer, fcgi.Answer):
                raise RuntimeError(f"{step.name}: {answer!r} where nothing fails")
            answers.append(answer)
        after = self.state() if step.writes else self.home
        if step.writes:
            self.put_back(after)
        return answers, after

    def run_all_clean(self):
        """False where an answer is another than at first."""
        good = True
        for step in self.steps:
            answers, after = self.run_clean(step)
            wanted, wanted_after = self.clean[step]
            # Which of several writes in one commit comes first is nobody's
            # promise.
            same = isinstance(step, Together) or all(
                self.same(step, a, b) for a, b in zip(answers, wanted)
            )
            if not same or after != wanted_after:
                self.report(
                    f"{step.name}: where nothing fails any more: "
                    f"{[(a.status, a.body[:80]) for a in answers]}, "
                    f"state as ever: {after == wanted_after}"
                )
                good = False
        return good

    def put_back(self, state):
        if state == self.home:
            return
        self.restore(self.service, json.loads(state))
        now = self.state()
        if now != self.home:
            raise RuntimeError(
                "the store cannot be put back: " + now.decode("utf-8", "replace")[:200]
            )

    def idle(self):
        return wait_until(lambda: self.service.settled(self.fds))

    def measure(self):
        """What an idle worker has, once it has done everything a few times."""
        self.fds = 1000
        for _ in range(4):
            self.run_all_clean()
        fds = []

        def steady():
            fds.append(self.service.descriptors())
            return len(fds) > 20 and len(set(fds[-20:])) == 1 and self.service.control.idle == 1

        wait_until(steady)
        self.fds, self.live = fds[-1], self.service.control.live

    # --- where something does ---

    def same(self, step, got, wanted):
        if got.status != wanted.status or got.fields.keys() != wanted.fields.keys():
            return False
        return step.name == "/metrics" or got.body == wanted.body

    def run(self, step, failure, at):
        """False where so many calls there are not."""
        kind, error, row = failure
        service, control = self.service, self.service.control
        control.clock_add += step.jump * 10**9
        arm(control, kind, error, at, row)
        results = step.act(service, lambda: disarm(control))
        disarm(control)
        reached = control.failed > 0
        where = f"{step.name}: {control.point(kind, at, row, error)}"
        if reached:
            self.points[kind] = self.points.get(kind, 0) + 1
        self.judge(step, where, error, results)
        return reached

    def judge(self, step, where, error, results):
        wanted, wanted_after = self.clean[step]
        answered = []
        for (exchange, answer), normal in zip(results, wanted):
            answered.append(self.judge_answer(step, where, error, answer, normal))
            if isinstance(answer, fcgi.Answer):
                self.judge_connection(exchange, where)
            exchange.close()
        state = self.state(where)
        self.judge_worker(where)
        if isinstance(step, Together):
            happened = step.happened(json.loads(state))
        else:
            if state not in (self.home, wanted_after):
                self.report(
                    f"{where}: the store is neither as before nor as after: {state[:200]!r}"
                )
            happened = [state == wanted_after] * len(answered)
        if step.writes and wanted_after != self.home:
            for said, did in zip(answered, happened):
                if said is not None and said != did:
                    self.report(
                        f"{where}: {'acknowledged' if said else 'refused'}, "
                        f"but it {'did' if did else 'did not'} happen"
                    )
        self.put_back(state)
        self.judge_leaks(where)

    def judge_answer(self, step, where, error, answer, normal):
        """True: it says done; False: refused; None: nothing said."""
        said = None
        if isinstance(answer, fcgi.Answer):
            key = answer.status
            if self.same(step, answer, normal) or (
                isinstance(step, Together) and answer.status == normal.status
            ):
                said = normal.status < 400
            elif answer.status in REFUSALS.get(error, OTHER_REFUSALS) and is_problem(answer):
                said = False
            else:
                self.report(f"{where}: status {answer.status}, {answer.body[:200]!r}")
        else:
            key = "closed"
            if not isinstance(answer, Lost):
                self.report(f"{where}: {'no answer' if isinstance(answer, Late) else repr(answer)}")
        self.answers[key] = self.answers.get(key, 0) + 1
        return said

    def judge_connection(self, exchange, where):
        """What is left open has to go on: with the answer to the next request,
        or with its end."""
        try:
            answer = exchange.again(fcgi.request("GET", "/healthz"), lambda: None)
            if answer.status != 200:
                self.report(f"{where}: then /healthz on this connection: {answer.status}")
        except Lost:
            pass
        except Exception as e:
            self.report(f"{where}: then on this connection: {e!r}")

    def judge_worker(self, where):
        service = self.service
        if wait_until(lambda: service.worker() == service.pid, 0.0005):
            return
        if not wait_until(lambda: service.worker() not in (0, service.pid)):
            raise RuntimeError(f"{where}: the worker was not replaced")
        lines = service.new_lines()
        for line in lines:
            if line.get("message") == "died":
                self.left = getattr(self, "left", 0) + 1
                said = [
                    x for x in lines if x.get("pid") == line["worker"] and x["level"] == "error"
                ]
                if "signal" in line or not said:
                    by = f"signal {line['signal']}" if "signal" in line else "itself, silently"
                    self.report(f"{where}: the worker ended by {by}")
        service.adopt_worker()
        self.measure()

    def judge_leaks(self, where):
        overdrawn, self.service.control.overdrawn = self.service.control.overdrawn, 0
        if overdrawn:
            self.report(f"{where}: a library took {overdrawn} bytes more than was seen to")
        if not self.idle():
            self.report(f"{where}: {self.service.descriptors() - self.fds} descriptors more")
            self.measure()
        elif self.service.control.live > self.live:
            self.run_all_clean()
            self.idle()
            if self.service.control.live > self.live:
                self.report(
                    f"{where}: {self.service.control.live - self.live} blocks of memory more"
                )
                self.measure()

    def run_points(self, step, failures, stride):
        for failure in failures:
            at = 1
            while self.run(step, failure, at):
                at += stride
