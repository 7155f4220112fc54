#!/usr/bin/env python3
"""A client written from docs/protocol.md, which tries what the page says against the program.

Usage: run.py PATH_OF_BABILU [WORDS OF THE NAME OF A CHECK]

Fails where a check fails, where the words that a check quotes stand in the page no longer, and where
the page has a sentence that no check quotes and that untried.py does not excuse."""

import concurrent.futures
import os
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True  # the tree stays as it is

import connection_checks  # noqa: F401
import request_checks  # noqa: F401
import stream_checks  # noqa: F401
from checks import ALL
from page import Page
from stack import Site
from untried import UNTRIED

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "protocol.md")


def look_at_page(page):
    """What is wrong between page and checks, in lines."""
    quotes = [(check.name, quote) for check in ALL for quote in check.quotes]
    quotes += [("untried.py", quote) for quote in UNTRIED]
    lost = [f"{where} quotes what the page does not say any more: {quote}"
            for where, quote in quotes if not page.has(quote)]
    return lost + [f"no check quotes this of section {section}: {sentence}"
                   for section, sentence in page.untried([quote for _, quote in quotes])]


def attempt(check, site):
    """Nothing, or what went wrong."""
    try:
        check.function(site)
    except Exception as problem:  # pylint: disable=broad-exception-caught
        line = next(frame.lineno for frame in reversed(traceback.extract_tb(problem.__traceback__))
                    if frame.filename.endswith("_checks.py"))
        return f"{type(problem).__name__}: {problem} (line {line})"
    return None


def tell(check, problem):
    print(f"{'FAILED' if problem else 'ok'}  {check.name}", flush=True)
    for quote in check.quotes:
        print(f"      \"{quote}\"")
    if problem:
        print(f"    ! {problem}", flush=True)


def run(program, wanted):
    page = Page(PAGE)
    problems = look_at_page(page) if not wanted else []
    checks = [check for check in ALL if wanted in check.name]
    failed = []
    with tempfile.TemporaryDirectory(prefix="babilu-interop-") as directory, \
            Site(program, directory, page) as site, \
            concurrent.futures.ThreadPoolExecutor() as pool:
        beside = {check: pool.submit(attempt, check, site) for check in checks if check.beside}
        for check in checks:
            if check not in beside:
                problem = attempt(check, site)
                tell(check, problem)
                failed += [check] if problem else []
        for check, result in beside.items():
            tell(check, result.result())
            failed += [check] if result.result() else []
    for problem in problems:
        print(f"! {problem}")
    print(f"{len(checks)} checks of {len(page.normative())} sentences, {len(UNTRIED)} of which cannot "
          f"be tried here; failed: {', '.join(check.name for check in failed) or 'none'}; the page: "
          f"{f'{len(problems)} problems, above' if problems else 'no problem'}")
    return 1 if failed or problems else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(run(os.path.abspath(sys.argv[1]), " ".join(sys.argv[2:])))
