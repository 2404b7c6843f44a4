import os
import tempfile
import unittest

from tally.counts import Counts


class CountsTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "counts.json")

    def test_counts_up(self):
        counts = Counts(self.path)
        self.assertEqual([counts.add("a"), counts.add("a", 3), counts.get("a")], [1, 4, 4])

    def test_unknown_count_is_zero(self):
        self.assertEqual(Counts(self.path).get("nothing"), 0)

    def test_survives_a_restart(self):
        Counts(self.path).add("a", 7)
        self.assertEqual(Counts(self.path).all(), {"a": 7})

    def test_bad_names_change_nothing(self):
        counts = Counts(self.path)
        for name in ("", "A", "1st", "a b", "../etc", "x" * 64):
            with self.subTest(name), self.assertRaises(ValueError):
                counts.add(name)
        self.assertEqual(counts.all(), {})

    def test_a_failed_write_keeps_the_old_count(self):
        counts = Counts(self.path)
        counts.add("a")
        os.mkdir(f"{self.path}.new")
        with self.assertRaises(OSError):
            counts.add("a")
        self.assertEqual(counts.get("a"), 1)
