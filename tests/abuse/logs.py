"""What is printed, and how steps end or refuse to."""
import base64
import re

from attempt import Attempt
from place import MIB

SECRET = "s3cr3t-of-the-Deploy/key+99"
CUT = b" [line cut after 65536 bytes]\n"
PATIENT = {"grace_ms": 5000}  # of steps that end by SIGTERM: a busy machine may be late to let them
NOTE = "[the log ends here: it reached its limit of 1048576 bytes]\n"


def limited(site, got):
    """The cap holds, what is there is whole, and the last line says what happened."""
    if len(got.log) > MIB + 200 or not got.log.endswith(NOTE.encode()):
        return [f"the log has {len(got.log)} bytes and ends {got.log[-100:]!r}"]


def masked(name, script, log, **more):
    return Attempt("secrets: " + name, "masking", script, log=log,
                   spec={"mask": [SECRET, "short-line-one\nline-two-of-it"], "env": {"KEY": SECRET,
                                                                                    "MULTI": "short-line-one\nline-two-of-it"}}, **more)


def step(script, **more):
    return {"name": "it", "run": script, **more}


def steps_at(*lines):
    def check(site, got):
        found = [got.steps[i]["line"] for i in sorted(got.steps)]
        return [] if found == list(lines) else [f"steps begin at lines {found}, not {list(lines)}"]
    return check


ATTEMPTS = [
    Attempt("an endless line", "cut after 64 KiB", "head -c 5000000 /dev/zero | tr '\\0' x; echo; echo next",
            log=b"x" * 65536 + CUT + b"next\n"),
    Attempt("an endless line without an end", "cut after 64 KiB; the log's cap",
            step("exec tr '\\0' x < /dev/zero", timeout_ms=1000), reason="timeout", signal=15, spec=PATIENT, log=b"x" * 65536 + CUT),
    Attempt("a billion lines", "the log's cap", "yes | head -n 1000000000", reason="log_limit", exit_code=None, signal=None, log=None,
            check=limited, message="printed more than the log may hold (1 MiB)"),
    Attempt("a billion lines that ignore SIGTERM", "the log's cap, SIGKILL", "trap '' TERM; while :; do seq 100000; done",
            reason="log_limit", signal=9, log=None, check=limited),
    Attempt("a billion empty lines from many processes", "the log's cap", "for i in 1 2 3 4; do tr '\\0' '\\n' < /dev/zero & done; wait",
            reason="log_limit", exit_code=None, signal=None, log=None, check=limited),
    Attempt("invalid bytes, zeros, byte order marks", "a log is bytes", r"printf '\377\376\000\200\300\257\355\240\200\357\273\277\n'",
            log=b"\xff\xfe\0\x80\xc0\xaf\xed\xa0\x80\xef\xbb\xbf\n"),
    Attempt("escape sequences: colours, titles, clear, links, answers", "kept; viewers show colours alone",
            r"printf '\033[31mred\033]0;title\007\033[2J\033[6n\033]8;;javascript:x\033\\x\033[?1049h\r\b\n'",
            log=b"\x1b[31mred\x1b]0;title\x07\x1b[2J\x1b[6n\x1b]8;;javascript:x\x1b\\x\x1b[?1049h\r\b\n"),
    Attempt("fake markers of steps, limits and masks", "markers are not text: steps and ends are told apart from the log",
            ["echo '[the log ends here: it reached its limit of 1 bytes]'; echo '***'; echo '::set-output name=x::y'; "
             "echo '##[endgroup]'; echo 'job succeeded'", "false"],
            exit_code=1, log="[the log ends here: it reached its limit of 1 bytes]\n***\n::set-output name=x::y\n##[endgroup]\n"
                             "job succeeded\n", check=steps_at(1, 6)),
    Attempt("frames of the protocol, and of zstd, in the output", "frames hold bytes, not the other way round",
            r"printf '\010\000\000\000L\001\002\003\050\265\057\375\000\000S{}\n'",
            log=b"\x08\0\0\0L\x01\x02\x03\x28\xb5\x2f\xfd\0\0S{}\n"),
    masked("whole, many times, at the end without a newline", 'echo "$KEY $KEY$KEY"; printf "%s" "$KEY"', "*** ******\n***\n"),
    masked("split across writes, one byte at a time", 'echo "$KEY" | fold -w1 | while read -r c; do printf "%s" "$c"; done; echo',
           "***\n"),
    masked("split across writes with pauses, over both outputs",
           'printf "%.9s" "$KEY"; sleep 0.2; printf "%s" "${KEY#?????????}" >&2; sleep 0.1; echo end', "***end\n"),
    masked("split across two steps", ['printf "%.9s" "$KEY"', 'printf "%s" "${KEY#?????????}"'],
           re.compile(rb"s3cr3t-of\n-the-Deploy/key\+99\n")),
    masked("in base64, at every offset", 'for p in "" a ab; do printf "%s" "$p$KEY" | base64 -w0; echo; done',
           re.compile(rb"(?:[A-Za-z0-9+/]{0,4}\*\*\*[A-Za-z0-9+/=]{0,4}\n){3}")),
    masked("in hex, upper and lower", 'printf "%s" "$KEY" | od -An -tx1 | tr -d " \\n"; echo; '
                                      'printf "%s" "$KEY" | od -An -tx1 | tr -d " \\n" | tr a-f A-F; echo', "***\n***\n"),
    masked("percent-encoded", "python3 -c 'import os, urllib.parse as u; print(u.quote(os.environ[\"KEY\"], safe=\"\"))'", "***\n"),
    masked("each line of several", 'echo "$MULTI"; echo "$MULTI" | tail -1; printf "a line-two-of-it b\\n"',
           "***\n***\na *** b\n"),
    masked("where a line is cut", 'head -c 65530 /dev/zero | tr "\\0" x; echo "$KEY"',
           re.compile(rb"x{65530}\*\*\*\n")),
    masked("in the name of a step's program, and in what fails", 'exec "/no/$KEY"',
           re.compile(rb"[^\n]*/no/\*\*\*: not found\n"), exit_code=127),
    Attempt("closed output", "a step need not print", "exec >&- 2>&-; sleep 0.1; exit 3", exit_code=3, log=""),
    Attempt("output handed to a background process that prints on", "the end of the step", "(while :; do echo x; done) & sleep 0.1; exit 4",
            exit_code=4, log=re.compile(rb"(?:x\n)+(?:x?)\n?")),
    Attempt("a step that stops itself", "timeout, SIGKILL", step("echo on; kill -STOP $$; echo never", timeout_ms=1500), reason="timeout",
            signal=9, log="on\n", message="ran into its timeout of 1s500ms"),
    Attempt("a step whose children stop each other", "timeout, SIGKILL",
            step("for i in 1 2 3; do sh -c 'kill -STOP $$' & done; echo on; wait", timeout_ms=1500), reason="timeout", signal=15,
            spec=PATIENT, log="on\n"),
    Attempt("a step that exits well while its timeout stops it", "the reason is that it was stopped",
            step("trap 'exit 0' TERM; echo on; while :; do sleep 0.05; done", timeout_ms=1500), reason="timeout", log=re.compile(rb"on\n(?:.*\n)*"),
            spec=PATIENT, message="ran into its timeout"),
    Attempt("a step that prints and forks on SIGTERM", "grace, SIGKILL",
            step("trap 'echo no; (setsid sleep 600 &)' TERM; echo on; while :; do sleep 0.05 || true; done", timeout_ms=1500), reason="timeout",
            signal=9, log=re.compile(rb"on\n(?:.*\n)*")),
    Attempt("a cancelled step that ignores it, with daemons", "grace, SIGKILL",
            "trap '' TERM INT HUP; setsid sleep 600 & echo on; while :; do sleep 0.05; done", cancel_at=b"on\n", reason="cancelled", log="on\n"),
    Attempt("a step that kills its own process group and all it sees", "pid 1 is out of reach",
            "setsid sleep 600 & kill -KILL -1; kill -KILL 0; echo still", reason="signal", signal=9),
    Attempt("a script of 3 MB, and a program that is none", "it goes in as a file; the end says so",
            [step(": " + "x" * 3000000 + "\necho ran"), {"name": "it", "run": "x", "shell": "/workspace/no-such"}], exit_code=127, message="could not be started", log="ran\n"),
    Attempt("variables that steer the loader and the shell", "the environment is made from nothing; they are the job's own",
            "echo on", spec={"env": {"BASH_ENV": "/workspace/x", "ENV": "/workspace/x", "IFS": "x", "PS4": "$(touch PWNED)", "A=B": "x"}},
            log="on\n"),
]
