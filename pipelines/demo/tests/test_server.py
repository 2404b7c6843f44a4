import json
import os
import tempfile
import threading
import unittest
import urllib.error
import urllib.request

from tally import __version__
from tally.counts import Counts
from tally.server import make_server


class ServerTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        server = make_server(Counts(os.path.join(directory.name, "counts.json")))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"

    def call(self, method, path):
        request = urllib.request.Request(self.url + path, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def test_health_names_the_version(self):
        self.assertEqual(self.call("GET", "/healthz"), (200, {"status": "ok", "version": __version__}))

    def test_counts_over_http(self):
        self.call("POST", "/counts/deploys")
        self.assertEqual(self.call("POST", "/counts/deploys"), (200, {"name": "deploys", "count": 2}))
        self.assertEqual(self.call("GET", "/counts"), (200, {"deploys": 2}))

    def test_a_bad_name_is_refused(self):
        self.assertEqual(self.call("POST", "/counts/UP")[0], 400)

    def test_unknown_paths_are_not_found(self):
        for method, path in (("GET", "/"), ("GET", "/other/x"), ("POST", "/counts"), ("POST", "/healthz")):
            with self.subTest(path):
                self.assertEqual(self.call(method, path)[0], 404)
