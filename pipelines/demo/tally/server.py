"""The HTTP side: which path does what."""

import http.server
import json

from tally import __version__


def make_server(counts, address="127.0.0.1", port=0):
    """A server that is bound and not yet serving; port 0 takes any free one."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = f"tally/{__version__}"

        def do_GET(self):
            self._answer(*self._guard(self._get))

        def do_POST(self):
            self._answer(*self._guard(self._post))

        def _guard(self, act):
            # A fault of ours is one request's trouble: the client hears of it, and the next one is served.
            try:
                return act()
            except Exception as fault:
                self.log_error("%s %s: %r", self.command, self.path, fault)
                return 500, {"error": "this server has a fault"}

        def _get(self):
            name = self._name()
            if self.path == "/healthz":
                return 200, {"status": "ok", "version": __version__}
            if self.path == "/counts":
                return 200, counts.all()
            if name:
                return 200, {"name": name, "count": counts.get(name)}
            return 404, {"error": f"nothing is at {self.path}"}

        def _post(self):
            name = self._name()
            if not name:
                return 404, {"error": f"nothing is at {self.path}"}
            try:
                return 200, {"name": name, "count": counts.add(name)}
            except ValueError as error:
                return 400, {"error": str(error)}

        def _name(self):
            head, _, name = self.path.rpartition("/")
            return name if head == "/counts" else ""

        def _answer(self, status, value):
            body = json.dumps(value).encode() + b"\n"
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *_):
            pass  # faults alone are worth a line

    return http.server.ThreadingHTTPServer((address, port), Handler)
