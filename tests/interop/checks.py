"""What a check is: a function of the Site, and the words of the page that it tries."""

from wire import Wrong

ALL = []


class Check:
    def __init__(self, function, quotes, beside):
        self.function, self.quotes, self.beside = function, quotes, beside
        self.name = function.__name__.replace("_", " ")


def check(*quotes, beside=False):
    """`beside` runs it beside the others: it waits for a limit of time."""
    def keep(function):
        ALL.append(Check(function, quotes, beside))
        return function
    return keep


def same(found, wanted, what=""):
    if found != wanted:
        raise Wrong(f"{what + ': ' if what else ''}{found!r}, where {wanted!r} should be")


def holds(condition, what):
    if not condition:
        raise Wrong(what)
