"""What a benchmark found: rows of a figure, its unit, its budget, and whether that is met. Printed as a table or as JSON."""

import json


class Row:
    """budget: a number, None where there is none; `at_least`: the figure is to be that much or more, otherwise that much or less."""

    def __init__(self, what, value, unit, budget=None, at_least=False):
        self.what, self.value, self.unit, self.budget, self.at_least = what, value, unit, budget, at_least

    def is_missed(self):
        if self.budget is None:
            return False
        return self.value < self.budget if self.at_least else not self.value <= self.budget

    def verdict(self):
        return None if self.budget is None else "missed" if self.is_missed() else "met"

    def as_json(self):
        bound = None if self.budget is None else ">=" if self.at_least else "<="
        return {"what": self.what, "value": self.value, "unit": self.unit, "bound": bound, "budget": self.budget, "verdict": self.verdict()}

    def line(self, width):
        text = f"{self.what:<{width}}  {self.value:10.2f} {self.unit:<7}"
        if self.budget is None:
            return text.rstrip()
        return f"{text} {'>=' if self.at_least else '<='} {self.budget:<6g} {self.verdict()}"


def show(rows, as_json):
    """Prints them; the status of a program that did: 1 when a budget is missed."""
    if as_json:
        print(json.dumps([row.as_json() for row in rows], indent=1))
    else:
        width = max(len(row.what) for row in rows)
        for row in rows:
            print(row.line(width))
    return 1 if any(row.is_missed() for row in rows) else 0


def compare(pairs, own_name, peer_name, as_json):
    """Prints what two programs need for the same; ratio: how many times better the first one is."""
    more_is_better = ("jobs/s", "MB/s")
    lines = [(own, peer, own.value / peer.value if own.unit in more_is_better else peer.value / own.value) for own, peer in pairs]
    if as_json:
        print(json.dumps([{"what": own.what, "unit": own.unit, own_name.lower(): own.value, peer_name.lower(): peer.value, "ratio": ratio}
                          for own, peer, ratio in lines], indent=1))
        return 0
    width = max(len(own.what) for own, _, _ in lines)
    print(f"{'':<{width}}  {own_name:>10} {peer_name:>10}          ratio")
    for own, peer, ratio in lines:
        print(f"{own.what:<{width}}  {own.value:10.2f} {peer.value:10.2f} {own.unit:<7} {ratio:7.1f}")
    return 0


def rank(values, share):
    """The value that this share of them does not exceed; the worst one when they are few."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
