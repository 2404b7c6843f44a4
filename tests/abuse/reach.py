"""Others: the worker, the host, the neighbour, the network."""
import re

from attempt import Attempt
from place import own_address

PROC = "process namespace"


def targets(site, names):
    return "./probe reach " + " ".join(f"{name.replace(' ', '-')} {site.canaries.where(name)}" for name in names)


def lines(*pairs):
    return "".join(f"{name}: {error}\n" for name, error in pairs)


def both(name, error):
    """TCP and UDP. A datagram to a loopback where nobody listens is sent, and lost."""
    return lines((f"{name} tcp", error), (f"{name} udp", "done" if error == "ECONNREFUSED" else error))


def egress(name, stopped_by, words, log, **more):
    return Attempt(name, stopped_by, words, log=log, spec={"network": "egress"}, needs="egress", **more)


ATTEMPTS = [
    Attempt("pid 1: ptrace, its memory, descriptors, environment, root", "not dumpable, no capabilities", "./probe init",
            log=lines(*((what, "EPERM") for what in ("attach", "seize", "read memory", "write memory", "take descriptor")),
                      *((f"/proc/1/{name}", "EACCES") for name in ("environ", "mem", "maps", "root", "cwd", "fd", "exe")))),
    Attempt("pid 1: kill, stop, and a forged signal from the kernel", "init of a process namespace", "./probe stop-init",
            log="forge: EPERM\nstill here\n"),
    Attempt("signals to every process number there is", PROC, "./probe everybody", log="others: 0\ngroup 1: ESRCH\n"),
    Attempt("signals to the worker, the canary, and the neighbour by their numbers outside", PROC,
            lambda site: f"for p in {site.worker.pid} {site.canaries.process.pid} {site.host['launcher']}; do "
                         "[ ! -e /proc/$p ] && ! kill -9 $p 2>/dev/null && echo nobody; done", log="nobody\nnobody\nnobody\n"),
    Attempt("the worker's environment, token and memory, in all of /proc and every file there is", "namespaces; pid 1 is wiped",
            lambda site: f"""a={site.token[:9]}; b={site.token[9:]}; c={site.secret[:9]}; d={site.secret[9:]}
cat /proc/*/environ /proc/*/cmdline /proc/*/stat* /proc/*/mountinfo 2>/dev/null > all || true
grep -aoF -e "$a$b" -e "$c$d" all || true
grep -rlsF -e "$a$b" -e "$c$d" /etc /dev/shm /tmp /run /var /home /workspace /opt /mnt || true
env | grep -c WORKER || true""", log="0\n"),
    Attempt("inherited descriptors, and reading the log's pipe", "all closed; a pipe that only lets write",
            "exec ./probe descriptors-given", log="0 null\n1 pipe\n2 pipe\nread back: EACCES\n"),
    Attempt("spoiling the log's pipe for the next job: non-blocking, small, with a signal, without permissions",
            "a pipe for each job", "./probe spoil-output; echo after", log="before\nafter\n"),
    Attempt("daemons that outlive the step: sessions, ignored signals, held output", "the end of the process namespace",
            ["""for i in 1 2 3 4 5; do setsid sh -c 'trap "" TERM HUP INT; while :; do sleep 600; done' & done
setsid nohup sh -c '(sleep 600; echo late) &' >/dev/null 2>&1; echo started""",
             "ps -eo args | grep -c '[s]leep' || true; echo second"],
            log="started\n0\nsecond\n"),
    Attempt("daemons that hold the output open after the step", "the end of the process namespace",
            ["(sleep 600; echo late) & echo first", "echo second"], log="first\nsecond\n"),
    Attempt("host: loopback, abstract and named sockets", "network and mount namespaces",
            lambda site: targets(site, ["loopback", "abstract", "path"]),
            log=both("loopback", "ECONNREFUSED") + lines(("abstract", "ECONNREFUSED"), ("path", "ENOENT"))),
    Attempt("network none: the host's address, the server, metadata, anything", "network namespace",
            lambda site: f"./probe reach own {own_address() or '192.0.2.1'} 22 server {site.server_address} 443 "
                         "metadata 169.254.169.254 80 world 192.0.2.1 80 world6 2001:db8::1 80",
            log=both("own", "ENETUNREACH") + both("server", "ENETUNREACH") + both("metadata", "ENETUNREACH") +
            both("world", "ENETUNREACH") + both("world6", "ENETUNREACH")),
    egress("egress: the host's loopback and own addresses", "unreachable routes, slirp4netns without host loopback",
           lambda site: targets(site, ["loopback"] + ["address"] * ("address" in site.canaries.sockets)) +
           f" gateway 198.18.77.2 {site.canaries.sockets['loopback'].getsockname()[1]}",
           lambda site: both("loopback", "ECONNREFUSED") + both("address", "EHOSTUNREACH") * ("address" in site.canaries.sockets) +
           lines(("gateway tcp", "ENETUNREACH"), ("gateway udp", "done"))),
    egress("egress: the server's address, as IPv4 and as IPv4 in IPv6", "unreachable routes",
           lambda site: f"./probe reach server {site.server_address} 443 mapped ::ffff:{site.server_address} 443",
           both("server", "EHOSTUNREACH") + both("mapped", "EHOSTUNREACH")),
    egress("egress: the metadata address, also as IPv4 in IPv6; link-local, multicast, broadcast", "unreachable routes",
           "./probe reach metadata 169.254.169.254 80 mapped ::ffff:169.254.169.254 80 link 169.254.1.1 80 "
           "multicast 224.0.0.251 5353",
           both("metadata", "EHOSTUNREACH") + both("mapped", "EHOSTUNREACH") + both("link", "EHOSTUNREACH") +
           lines(("multicast tcp", "EHOSTUNREACH"), ("multicast udp", "EHOSTUNREACH"))),
    egress("egress: any IPv6 at all: the host, link-local, the metadata services, the world", "no IPv6 but ::1",
           "./probe reach metadata fd00:ec2::254 80 gateway fd00::2 80 world 2001:db8::1 80 mapped64 64:ff9b::a9fe:a9fe 80; "
           "awk '{print $1, $6}' /proc/net/if_inet6",
           both("metadata", "ENETUNREACH") + both("gateway", "ENETUNREACH") + both("world", "ENETUNREACH") +
           both("mapped64", "ENETUNREACH") + "00000000000000000000000000000001 lo\n"),
    egress("egress: changing routes and interfaces, raw and odd sockets", "no capabilities, seccomp", "./probe odd-sockets",
           None, check=lambda site, got: odd_sockets_differ(got)),
    Attempt("raw and odd sockets: packet, vsock, alg, raw, CAN, Bluetooth; routes", "no capabilities, seccomp", "./probe odd-sockets",
            log=None, check=lambda site, got: odd_sockets_differ(got)),
    Attempt("the neighbour: its sockets, shared memory, files, processes", "namespaces, a slot each",
            "./probe reach tcp 127.0.0.1 7777 abstract @neighbour 0; ./probe foreign-memory; ps -eo args | grep -c 'probe neighbou[r]' || true",
            log="tcp tcp: ECONNREFUSED\ntcp udp: done\nabstract: ECONNREFUSED\nshared memory of the neighbour: ENOENT\n0\n"),
    Attempt("the launcher's socket and the worker's descriptors", "all closed", "ls -l /proc/*/fd 2>/dev/null | grep -c socket || true",
            log="0\n"),
]


def odd_sockets_differ(got):
    refused = {"packet": "EAFNOSUPPORT", "vsock": "EAFNOSUPPORT", "alg": "EAFNOSUPPORT", "raw ip": "EPERM", "raw ip6": "EPERM",
               "can": "EAFNOSUPPORT", "bluetooth": "EAFNOSUPPORT", "key": "EAFNOSUPPORT", "xdp": "EAFNOSUPPORT",
               "tipc": "EAFNOSUPPORT", "rds": "EAFNOSUPPORT", "delete route": "EPERM", "add route": "EPERM",
               "take loopback down": "EPERM", "promiscuous": "EPERM", "mark": "EPERM", "transparent": "EPERM"}
    expected = lines(*refused.items()).encode()
    return [] if got.log == expected else [f"log {got.log!r} instead of {expected!r}"]
