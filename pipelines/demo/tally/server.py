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
            name = self._name()
            if self.path == "/healthz":
                self._answer(200, {"status": "ok", "version": __version__})
            elif self.path == "/counts":
                self._answer(200, counts.all())
            elif name:
                self._answer(200, {"name": name, "count": counts.get(name)})
            else:
                self._answer(404, {"error": f"nothing is at {self.path}"})

        def do_POST(self):
            name = self._name()
            if not name:
                self._answer(404, {"error": f"nothing is at {self.path}"})
                return
            try:
                self._answer(200, {"name": name, "count": counts.add(name)})
            except ValueError as error:
                self._answer(400, {"error": str(error)})

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

    return http.server.ThreadingHTTPServer((address, port), Handler)
