#!/usr/bin/env python3
"""One client asks for as many password hashes as it can: do others' logins get through?

    tests/attacks/hashing_queue.py build/release/babilu [--rate 1500] [--backend-option=--passwords-address-rate=0]

Starts a proxy and one backend on loopback and free ports. The clients' addresses are made up, in
PROXY headers: three others with an account each, and one attacker that logs in with unknown names.
Prints one line: how many of 30 logins of the others were answered with a token, without the attacker
and with it, and how long they took. Takes some ten seconds. Python's standard library alone.
"""

import argparse
import base64
import os
import pathlib
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

HELLO, REQUEST, REPLY, PING, PONG = 0, 1, 3, 6, 7
END, RETRYABLE = 1, 2
SIGN_UP, LOGIN = 0x0201, 0x0301
OK = 0


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    """A Protobuf field: a number or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


class Client:
    """A session with the proxy, which takes it for one from `address`. See docs/protocol.md."""

    def __init__(self, port, address):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        source = socket.inet_aton(address) + socket.inet_aton("127.0.0.1")
        ends = source + struct.pack(">HH", 1, port)
        signature = b"\r\n\r\n\0\r\nQUIT\n"
        self.socket.sendall(signature + struct.pack(">BBH", 0x21, 0x11, len(ends)) + ends)
        self.socket.sendall(self.frame(HELLO, message=field(1, 1) + field(2, 1)))
        self.stream = -1
        while self.next_frame()[0] != HELLO:
            pass

    @staticmethod
    def frame(kind, flags=0, method=0, stream=0, value=0, meta=b"", message=b""):
        size = len(meta) + len(message)
        header = struct.pack("<IBBHIIIHH", size, kind, flags, method, stream, value, 0, len(meta), 0)
        return header + meta + message

    def exactly(self, size):
        out = b""
        while len(out) < size:
            got = self.socket.recv(size - len(out))
            if not got:
                raise ConnectionError("the proxy ended the session")
            out += got
        return out

    def next_frame(self):
        """Kind and value of the next frame; answers pings."""
        size, kind, _, _, _, value, _, _, _ = struct.unpack("<IBBHIIIHH", self.exactly(24))
        self.exactly(size)
        if kind == PING:
            self.socket.sendall(self.frame(PONG, value=value))
        return kind, value

    def send(self, method, name, password, milliseconds):
        self.stream += 2
        message = field(1, name.encode()) + field(2, password.encode())
        self.socket.sendall(self.frame(REQUEST, END | RETRYABLE, method, self.stream, milliseconds,
                                       field(2, os.urandom(32)), message))

    def ask(self, method, name, password):
        """The status of the reply."""
        self.send(method, name, password, 5000)
        while True:
            kind, value = self.next_frame()
            if kind == REPLY:
                return value


class Attacker:
    """Logs in with unknown names, so many times a second, from one address, and reads the replies."""

    SESSIONS = 4

    def __init__(self, port, rate):
        self.rate = rate
        self.sent = 0
        self.over = threading.Event()
        self.sessions = [Client(port, "198.51.100.1") for _ in range(self.SESSIONS)]
        self.threads = [threading.Thread(target=self.read, args=(one,)) for one in self.sessions]
        self.threads.append(threading.Thread(target=self.attack))
        for thread in self.threads:
            thread.start()

    def attack(self):
        began = time.monotonic()
        try:
            while not self.over.is_set():
                due = int((time.monotonic() - began) * self.rate)
                while self.sent < due:
                    session = self.sessions[self.sent % self.SESSIONS]
                    session.send(LOGIN, f"nobody-{self.sent}", "a wrong password", 5000)
                    self.sent += 1
                self.over.wait(0.005)
        except OSError:
            pass

    def read(self, session):
        try:
            while not self.over.is_set():
                session.next_frame()
        except OSError:
            pass

    def end(self):
        self.over.set()
        for session in self.sessions:
            try:
                session.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join()


class Stack:
    """A proxy and a backend, ended with the block that they are used in."""

    def __init__(self, program, backend_options):
        self.program = program
        self.backend_options = backend_options
        self.processes = []

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory()
        root = pathlib.Path(self.directory.name)
        key = root / "master.key"
        key.touch(0o600)
        key.write_bytes(base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"="))
        link, self.port, *admins = free_ports(4)
        self.start("backend", admins[0], "--listen", f"127.0.0.1:{link}", "--database",
                   str(root / "b.db"), "--master-key-file", str(key), "--plaintext-links",
                   *self.backend_options)
        self.start("proxy", admins[1], "--listen", f"127.0.0.1:{self.port}", "--backends",
                   f"127.0.0.1:{link}", "--balancers", "127.0.0.0/8", "--plaintext-links",
                   "--plaintext-sessions")
        for admin in admins:
            wait_until_ready(admin)
        return self

    def start(self, role, admin, *options):
        self.processes.append(subprocess.Popen(
            [self.program, role, "--admin-listen", f"127.0.0.1:{admin}", "--log-level", "error",
             *options]))

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        self.directory.cleanup()


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_until_ready(admin):
    give_up = time.monotonic() + 5
    while time.monotonic() < give_up:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{admin}/readyz", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    sys.exit("the stack is not ready after 5 s")


def logins(others, count=30, pause=0.1):
    """How many came through, and how long each of all took, in ms."""
    through, times = 0, []
    for i in range(count):
        began = time.monotonic()
        through += others[i % len(others)].ask(LOGIN, f"other-{i % len(others)}", "correct horse") == OK
        times.append(1000 * (time.monotonic() - began))
        time.sleep(max(0, pause - times[-1] / 1000))
    return through, times


def describe(result):
    through, times = result
    return f"{through} of {len(times)} (median {statistics.median(times):.0f} ms, longest {max(times):.0f} ms)"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--rate", type=int, default=1500, help="logins a second of the attacker")
    parser.add_argument("--backend-option", action="append", default=[], help="such as --passwords-queue=1")
    options = parser.parse_args()
    with Stack(options.program, options.backend_option) as stack:
        others = [Client(stack.port, f"192.0.2.{i + 1}") for i in range(3)]
        for i, other in enumerate(others):
            if other.ask(SIGN_UP, f"other-{i}", "correct horse") != OK:
                sys.exit("nobody could sign up")
        without = logins(others)
        attacker = Attacker(stack.port, options.rate)
        began = time.monotonic()
        time.sleep(0.5)
        with_it = logins(others)
        rate = attacker.sent / (time.monotonic() - began)
        attacker.end()
        print(f"others' logins that got through: without the attacker {describe(without)}; "
              f"with {rate:.0f} logins a second from one address {describe(with_it)}")


if __name__ == "__main__":
    main()
