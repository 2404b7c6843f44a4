"""One row of the tables: what is tried, and exactly how it must end."""
import dataclasses
import os
import re

SLOWNESS = float(os.environ.get("PENSTOCK_SLOW", "1"))  # of the machine; times are multiplied


@dataclasses.dataclass
class Attempt:
    name: str  # what is tried, as docs/abuse.md prints it
    stopped_by: str  # what stops it
    steps: object = ""  # a script, or a list of scripts; or a function of the site
    reason: str = "exit"
    exit_code: int = 0
    signal: object = 0  # None: either of SIGTERM and SIGKILL may be the one
    message: str = ""  # a part of it
    log: object = ""  # the whole of it; a compiled pattern for all of it; None: not looked at; or a function of the site
    spec: object = dataclasses.field(default_factory=dict)  # changes to the job_spec; or a function of the site
    cancel_at: object = None  # cancels when the log holds this
    seconds: float = 25  # it is over by then: before its time is up, however busy the machine
    check: object = None  # a function of site and attempt: what else is wrong, or nothing
    user: dict = dataclasses.field(default_factory=dict)  # what is different in profile `user`
    needs: str = ""  # "egress": left out, loudly, where the machine has none

    def for_profile(self, profile):
        return dataclasses.replace(self, **self.user) if profile == "user" else self

    def end(self):
        """As people read it."""
        text = f"`{self.reason}`" if self.reason != "exit" or not self.exit_code else f"`exit` {self.exit_code}"
        return text + (f" {self.signal}" if self.signal else "")


def value_of(value, site):
    return value(site) if callable(value) else value


def differences(attempt, site, got, took):
    """What is not as the row says."""
    result, wrong = got.result, []
    for name, wanted, default in (("reason", attempt.reason, ""), ("exit_code", attempt.exit_code, 0),
                                  ("signal", attempt.signal, 0)):
        if wanted is not None and result.get(name, default) != wanted:
            wrong.append(f"{name} {result.get(name, default)!r} instead of {wanted!r} ({result.get('message', '')})")
    if attempt.message and attempt.message not in result.get("message", ""):
        wrong.append(f"message {result.get('message', '')!r} lacks {attempt.message!r}")
    log = value_of(attempt.log, site)
    text = log.encode() if isinstance(log, str) else log
    if isinstance(log, re.Pattern):
        if not log.fullmatch(got.log):
            wrong.append(f"log {got.log[:1500]!r} is not {log.pattern!r}")
    elif log is not None and got.log != text:
        wrong.append(f"log {got.log[:1500]!r} instead of {text[:1500]!r}")
    for secret in (site.token, site.secret, site.canaries.secret):
        if secret.encode() in got.log:
            wrong.append("a secret from outside is in the log")
    if took > attempt.seconds * SLOWNESS:
        wrong.append(f"took {took:.1f} s, more than {attempt.seconds * SLOWNESS}")
    if attempt.check:
        wrong += attempt.check(site, got) or []
    return wrong
