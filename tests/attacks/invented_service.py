#!/usr/bin/env python3
"""How much one client that asks for a service that does not exist slows down another, while a
backend is down. Prints a line: echoes a second of the other, alone and beside it."""

import contextlib
import multiprocessing
import sys
import time

from small_stack import Client, Stack, field, program_of, request

ECHO, INVENTED = 0x0101, 0x0901
SECONDS = 4
WINDOW = 256
SESSIONS, EACH = 4, 1000
TURNS_A_SECOND = 50


def echoes_per_second(address):
    client = Client(address)
    message = field(1, b"x" * 32)
    asked = answered = 0
    end = time.monotonic() + SECONDS
    while (now := time.monotonic()) < end or answered < asked:
        if now < end and asked - answered < WINDOW:
            room = WINDOW - (asked - answered)
            client.socket.sendall(b"".join(request(client.next_stream(), ECHO, message)
                                           for _ in range(room)))
            asked += room
        statuses = client.replies()
        if any(status != 0 for _, status in statuses):
            raise RuntimeError(f"an echo ended with {statuses}")
        answered += len(statuses)
    return answered / SECONDS


def attack(address, ready):
    """Has as many requests unanswered as may wait, and asks no faster than they end by themselves:
    each waits a second."""
    sessions = [(Client(address), set()) for _ in range(SESSIONS)]
    for client, _ in sessions:
        client.socket.setblocking(False)
    turns = 0
    while True:
        began = time.monotonic()
        for client, waiting in sessions:
            with contextlib.suppress(BlockingIOError):
                waiting.difference_update(stream for stream, _ in client.replies())
            for _ in range(min(EACH - len(waiting), EACH // TURNS_A_SECOND)):
                waiting.add(client.ask(INVENTED, b"", milliseconds=60_000))
        turns += 1
        if turns == TURNS_A_SECOND:
            ready.set()
        time.sleep(max(0, began + 1 / TURNS_A_SECOND - time.monotonic()))


def main():
    with Stack(program_of(sys.argv), up=1, down=1) as stack:
        alone = echoes_per_second(stack.proxy.address)
        ready = multiprocessing.Event()
        attacker = multiprocessing.Process(target=attack, args=(stack.proxy.address, ready),
                                           daemon=True)
        attacker.start()
        ready.wait(5)
        beside = echoes_per_second(stack.proxy.address)
        if not attacker.is_alive():
            raise RuntimeError("the attacker has failed")
        attacker.terminate()
        attacker.join()
    print(f"invented_service: {alone:.0f} echoes a second alone, {beside:.0f} beside the attacker: "
          f"{alone / beside:.2f} times as slow")


if __name__ == "__main__":
    main()
