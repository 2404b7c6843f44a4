"""The counts, in memory and in one JSON file."""

import json
import os
import re
import threading

NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


class Counts:
    """Named counters. Each change is in the file before add() returns, so a restart loses nothing."""

    def __init__(self, path):
        self._path = path
        self._lock = threading.Lock()
        try:
            with open(path, encoding="utf-8") as file:
                self._counts = json.load(file)
        except FileNotFoundError:
            self._counts = {}

    def all(self):
        with self._lock:
            return dict(sorted(self._counts.items()))

    def get(self, name):
        with self._lock:
            return self._counts.get(name, 0)

    def add(self, name, amount=1):
        """The new count. A name is lower-case letters, digits and dashes, and begins with a letter."""
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a count")
        with self._lock:
            changed = {**self._counts, name: self._counts.get(name, 0) + amount}
            self._write(changed)
            self._counts = changed
            return changed[name]

    def _write(self, counts):
        # Written beside and renamed over: a reader sees the old file or the new one, never half of one.
        beside = f"{self._path}.new"
        with open(beside, "w", encoding="utf-8") as file:
            json.dump(counts, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self._path)
