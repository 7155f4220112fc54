#!/usr/bin/env python3
"""Whether one client can have a backend of its choice left out. Prints a line: how often that
backend was ejected by deadlines that are too short for anyone, and by slow requests that a route
steers to it."""

import os
import sys
import time

from small_stack import Client, Stack, field, program_of

ECHO, LOGIN = 0x0101, 0x0301
SECONDS = 5


def login(client, **how):
    metadata = field(2, os.urandom(32))
    message = field(1, b"nobody") + field(2, b"a password of no account")
    return client.ask(LOGIN, message, metadata=metadata, **how)


def routes(stack, client):
    """A route to each backend."""
    found = {}
    for route in range(1, 200):
        before = {one["name"]: one["requests"] for one in stack.proxy.stats()["backends"]}
        client.call(ECHO, field(1, b"x"), route=route)
        for one in stack.proxy.stats()["backends"]:
            if one["requests"] > before[one["name"]]:
                found.setdefault(one["name"], route)
        if len(found) == len(before):
            return found
    raise RuntimeError(f"routes to {list(found)} only")


def hurry(client, route):
    """Logins that no backend can answer in their time, one after another."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        stream = login(client, milliseconds=5, route=route)
        while stream not in (answered for answered, _ in client.replies()):
            pass


def burden(client, chosen, others):
    """Many logins at a time at one backend, one after another at the others."""
    loads = [(chosen, 40)] + [(route, 1) for route in others]
    under_way = {route: set() for route, _ in loads}
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for route, most in loads:
            while len(under_way[route]) < most:
                under_way[route].add(login(client, milliseconds=10_000, route=route))
        answered = {stream for stream, _ in client.replies()}
        for streams in under_way.values():
            streams -= answered


def main():
    with Stack(program_of(sys.argv), up=3) as stack:
        client = Client(stack.proxy.address)
        by_name = routes(stack, client)
        (first, route), (second, other), (_, third) = by_name.items()
        hurry(client, route)
        by_deadlines = stack.figures("ejections", first)
        before = stack.figures("ejections", second)
        burden(client, other, [route, third])
        by_slowness = stack.figures("ejections", second) - before
    print(f"backend_of_choice: ejected {by_deadlines} times by short deadlines, "
          f"{by_slowness} times by slow requests, in {SECONDS} s each")


if __name__ == "__main__":
    main()
