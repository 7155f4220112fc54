"""A proxy and backends as processes on free ports of the loopback, and a client that speaks
docs/protocol.md without TLS: what the attacks in this folder are made of."""

import base64
import contextlib
import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HELLO, REQUEST, ITEM, REPLY, CANCEL, CREDIT, PING, PONG, GOAWAY = range(9)
HEADER = struct.Struct("<IBBHIIIHH")
END, RETRYABLE = 1, 2


def field(number, value):
    """A Protobuf field: bytes, or a small number."""
    if isinstance(value, int):
        return bytes([number << 3]) + varint(value)
    return bytes([number << 3 | 2]) + varint(len(value)) + value


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def request(stream, method, message, milliseconds=0, route=0, metadata=b""):
    size = len(metadata) + len(message)
    head = HEADER.pack(size, REQUEST, END, method, stream, milliseconds, route, len(metadata), 0)
    return head + metadata + message


class Client:
    """One session. Frames are read with replies(); the hello is exchanged at once."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        hello = field(1, 1) + field(2, 1)
        self.socket.sendall(HEADER.pack(len(hello), HELLO, 0, 0, 0, 0, 0, 0, 0) + hello)
        self.pending = b""
        self.stream = -1
        self.greeted = False
        while not self.greeted:
            self.replies()

    def next_stream(self):
        self.stream += 2
        return self.stream

    def ask(self, method, message, **how):
        stream = self.next_stream()
        self.socket.sendall(request(stream, method, message, **how))
        return stream

    def replies(self):
        """Reads once; the (stream, status) of each reply that is complete."""
        got = self.socket.recv(1 << 18)
        if not got:
            raise ConnectionError("the proxy closed the session")
        data = self.pending + got
        at, found = 0, []
        while len(data) - at >= HEADER.size:
            size, kind, _, _, stream, value, _, _, _ = HEADER.unpack_from(data, at)
            if len(data) - at < HEADER.size + size:
                break
            at += HEADER.size + size
            if kind == REPLY:
                found.append((stream, value))
            elif kind == HELLO:
                self.greeted = True
            elif kind == PING:
                self.socket.sendall(HEADER.pack(0, PONG, 0, 0, 0, value, 0, 0, 0))
        self.pending = data[at:]
        return found

    def call(self, method, message, **how):
        """The status of the reply to one request, with no others under way."""
        stream = self.ask(method, message, **how)
        while True:
            for answered, status in self.replies():
                if answered == stream:
                    return status


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()


class Process:
    def __init__(self, program, role, directory, arguments):
        self.admin = free_address()
        log = os.path.join(directory, f"{role}-{time.monotonic_ns()}.log")
        key = base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")
        with open(log, "wb") as out:
            self.child = subprocess.Popen(
                [program, role, "--listen", "127.0.0.1:0", "--admin-listen", "%s:%d" % self.admin,
                 "--log-format", "json", *arguments],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env={**os.environ, "BABILU_MASTER_KEY": key}, cwd=directory)
        self.log = log
        self.address = self.address_in(f"{role} listens")

    def address_in(self, message):
        end = time.monotonic() + 5
        while time.monotonic() < end and self.child.poll() is None:
            with open(self.log, encoding="utf-8") as lines:
                for line in lines:
                    if f'"{message}"' in line and "address" in line:
                        host, _, port = json.loads(line)["address"].rpartition(":")
                        return host, int(port)
            time.sleep(0.02)
        with open(self.log, encoding="utf-8") as lines:
            raise RuntimeError(f"no \"{message}\" in:\n{lines.read()}")

    def stats(self):
        connection = http.client.HTTPConnection(*self.admin, timeout=5)
        connection.request("GET", "/stats")
        return json.loads(connection.getresponse().read())["sections"]

    def stop(self):
        self.child.kill()
        self.child.wait()


class Stack(contextlib.ExitStack):
    """A proxy, `up` backends that share a database, and `down` addresses where nobody listens."""

    def __init__(self, program, up, down=0):
        super().__init__()
        directory = self.enter_context(tempfile.TemporaryDirectory())
        self.backends = []
        for _ in range(up):
            self.backends.append(self.start(program, "backend", directory, "--plaintext-links"))
        names = ["%s:%d" % backend.address for backend in self.backends]
        for _ in range(down):
            held = self.enter_context(socket.socket())
            held.bind(("127.0.0.1", 0))  # nobody else gets the port
            names.append("%s:%d" % held.getsockname())
        self.proxy = self.start(program, "proxy", directory, "--plaintext-links",
                                "--plaintext-sessions", "--backends", ",".join(names))
        until(lambda: self.figures("links_up") >= up, "links are up")

    def start(self, program, role, directory, *arguments):
        process = Process(program, role, directory, arguments)
        self.callback(process.stop)
        return process

    def figures(self, name, backend=None):
        return sum(one[name] for one in self.proxy.stats()["backends"]
                   if backend in (None, one["name"]))


def until(holds, what):
    end = time.monotonic() + 5
    while not holds():
        if time.monotonic() > end:
            raise RuntimeError("in vain: " + what)
        time.sleep(0.02)


def program_of(arguments):
    """The built program; the attack ends after 20 s, whatever happens."""
    if len(arguments) != 2:
        sys.exit(f"usage: {arguments[0]} PATH_OF_BABILU")
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("it took too long"))
    signal.alarm(20)
    return os.path.abspath(arguments[1])
