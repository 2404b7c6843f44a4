#!/usr/bin/python3
"""Tells a Buildbot master of changes over one connection: for a line `BRANCH COUNT` on stdin it sends so many changes of that branch,
and prints the time before the first of them in nanoseconds. Usage: buildbot_changes.py PORT. Needs Debian's python3-twisted."""

import sys
import time

from twisted.cred import credentials
from twisted.internet import reactor, stdio
from twisted.protocols.basic import LineReceiver
from twisted.spread import pb


class Commands(LineReceiver):
    delimiter = b"\n"

    def __init__(self, master):
        self.master = master

    def lineReceived(self, line):
        branch, count = line.decode().split()
        print(time.time_ns(), flush=True)
        for number in range(int(count)):
            self.master.callRemote("addChange", {
                "project": "", "repository": "", "who": "bench", "files": ["a"], "comments": "bench", "branch": branch,
                "revision": str(number), "category": None, "when": None, "properties": {}, "revlink": "", "src": None})

    def connectionLost(self, reason=None):
        reactor.stop()


def main(port):
    factory = pb.PBClientFactory()
    login = factory.login(credentials.UsernamePassword(b"bench", b"bench"))
    login.addCallbacks(lambda master: stdio.StandardIO(Commands(master)), lambda fault: (print(fault, file=sys.stderr), reactor.stop()))
    reactor.connectTCP("127.0.0.1", port, factory)
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
