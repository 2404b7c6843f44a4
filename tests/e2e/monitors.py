"""What is watched in end-to-end tests, and what watches it: a little exporter, and Debian's own Prometheus and Alertmanager."""

import http.server
import json
import os
import signal
import subprocess
import threading
import time

from programs import Client, Program, free_port, wait_until


class Exporter:
    """A service with metrics and a health page, both of which the test sets."""

    def __init__(self):
        self.metrics, self.status, self.text, self.delay = {}, 200, "ready", 0
        self.asked = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/metrics":
                    status, text = 200, "".join(f"{name} {value}\n" for name, value in outer.metrics.items())
                else:
                    outer.asked += 1
                    time.sleep(outer.delay)
                    status, text = outer.status, outer.text
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(text)))
                if status in (301, 302):
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                try:
                    self.wfile.write(text.encode())
                except BrokenPipeError:
                    pass  # whoever asked did not wait

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Monitor(Client):
    """A program of Debian's; wait() before its answers are needed."""

    def __init__(self, folder, port, name, arguments):
        super().__init__(port)
        self.name, self.url = name, f"http://127.0.0.1:{port}"
        self.program = Program([name, f"--web.listen-address=127.0.0.1:{port}", *arguments], folder / f"{name}.log",
                               {**os.environ, "GOMAXPROCS": "1"})

    def wait(self):
        self.program.wait_until(lambda: self.call("GET", "/-/ready").status == 200, f"{self.name} is ready")

    def freeze(self):
        """It answers nobody, until thaw()."""
        self.program.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.program.process.send_signal(signal.SIGCONT)

    def stop(self):
        self.thaw()
        self.program.stop()


class Prometheus(Monitor):
    """Looks at the exporter once a second: an answer that takes longer, on a busy machine, is one that is missing, and ends an alert.
    `rules`: alerts by name with their expression and labels."""

    def __init__(self, folder, exporter, alertmanager_port, rules):
        (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "penstock", "interval": "200ms", "rules": [
            {"alert": name, "expr": expression, "labels": labels} for name, expression, labels in rules]}]}))
        (folder / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "200ms"},
            "rule_files": [str(folder / "rules.yml")],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}]},
            "scrape_configs": [{"job_name": "web", "static_configs": [{"targets": [f"127.0.0.1:{exporter.port}"]}]}]}))
        subprocess.run(["promtool", "check", "config", folder / "prometheus.yml"], check=True, capture_output=True)
        super().__init__(folder, free_port(), "prometheus", [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
                                                "--rules.alert.resend-delay=200ms", "--query.lookback-delta=30s"])

    def wait(self):
        """Until it has looked at the exporter, some five seconds behind its start."""
        super().wait()
        wait_until(lambda: self.value("up") == 1.0, "Prometheus sees the exporter")

    def value(self, query):
        result = self.call("GET", "/api/v1/query", query={"query": query}).json()["data"]["result"]
        return float(result[0]["value"][1]) if result else None


class Alertmanager(Monitor):
    """Tells `url` of everything, with the secret as its token, each second again."""

    def __init__(self, folder, port, url, secret):
        (folder / "alertmanager.yml").write_text(json.dumps({
            "route": {"receiver": "penstock", "group_by": ["alertname"], "group_wait": "100ms", "group_interval": "500ms",
                      "repeat_interval": "1s"},
            "receivers": [{"name": "penstock", "webhook_configs": [
                {"url": url, "http_config": {"authorization": {"credentials": secret}}}]}]}))
        super().__init__(folder, port, "prometheus-alertmanager", [
            f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / 'alertmanager'}", "--cluster.listen-address="])
