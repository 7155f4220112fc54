#!/usr/bin/env python3
"""Connections that begin and do not go on: what is left for others.

Holds 90 half requests open at a proxy's admin endpoint, and 200 silent connections at the port of a
backend that may open 128 files; whichever is closed is opened again. Meanwhile it asks both admin
endpoints whether the process lives, over a new connection each time. Prints one line of figures;
exits with 1 when a probe was not answered. Takes about 8 seconds.

    tests/attacks/half_requests.py [PROGRAM]      # build/release/babilu, or what BABILU_PROGRAM names
"""
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time

HALVES, SILENT, FILES = 90, 200, 128
SECONDS = 3.0
ROOT = pathlib.Path(__file__).resolve().parents[2]


def free_ports(count):
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in taken]
    for s in taken:
        s.close()
    return ports


class Crowd:
    """Connections that send `beginning` and then nothing; kept at their number."""

    def __init__(self, port, count, beginning):
        self.port, self.count, self.beginning = port, count, beginning
        self.open = []
        self.reopened = -count

    def fill(self):
        still = []
        for connection in self.open:
            try:
                gone = connection.recv(4096) == b""
            except BlockingIOError:
                gone = False
            except OSError:
                gone = True
            connection.close() if gone else still.append(connection)
        self.open = still
        while len(self.open) < self.count:
            connection = socket.create_connection(("127.0.0.1", self.port), 5)
            connection.sendall(self.beginning)
            connection.setblocking(False)
            self.open.append(connection)
            self.reopened += 1

    def close(self):
        for connection in self.open:
            connection.close()


def probe(port):
    """Whether the process answers that it lives, and after how long."""
    began = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.settimeout(1)
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = connection.recv(4096)
    except OSError:
        answer = b""
    return answer.startswith(b"HTTP/1.1 200"), time.monotonic() - began


def under(crowd, admin):
    """Probes while the crowd is there: how many were answered, of how many, and the slowest."""
    crowd.fill()
    answered, asked, slowest = 0, 0, 0.0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        good, took = probe(admin)
        answered, asked, slowest = answered + good, asked + 1, max(slowest, took)
        crowd.fill()
        time.sleep(0.02)
    crowd.close()
    return f"{answered} of {asked} probes answered, slowest {slowest * 1000:.0f} ms", answered == asked


def wait_for(port):
    for _ in range(250):
        if probe(port)[0]:
            return
        time.sleep(0.02)
    sys.exit(f"nothing answers at port {port}")


def main():
    signal.alarm(20)
    program = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BABILU_PROGRAM", ROOT / "build/release/babilu")
    proxy_port, proxy_admin, backend_port, backend_admin = free_ports(4)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BABILU_")}
    processes = []
    with tempfile.TemporaryDirectory() as directory:
        certificates = f"{directory}/certificates"

        def start(*arguments, files=1024):
            limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
            processes.append(subprocess.Popen(
                [program, *arguments, "--certificates", certificates, "--log-level", "error"],
                env=environment, preexec_fn=limit, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

        subprocess.run([program, "certificates", "init", certificates], env=environment, check=True,
                       stdout=subprocess.DEVNULL)
        try:
            start("backend", "--listen", f"127.0.0.1:{backend_port}", "--admin-listen", f"127.0.0.1:{backend_admin}",
                  "--database", f"{directory}/babilu.db", "--master-key-file", f"{certificates}/vault/master.key",
                  files=FILES)
            start("proxy", "--listen", f"127.0.0.1:{proxy_port}", "--admin-listen", f"127.0.0.1:{proxy_admin}",
                  "--backends", f"127.0.0.1:{backend_port}")
            wait_for(backend_admin)
            wait_for(proxy_admin)
            halves, good = under(Crowd(proxy_admin, HALVES, b"GET /"), proxy_admin)
            silent, fine = under(Crowd(backend_port, SILENT, b""), backend_admin)
        finally:
            for process in processes:
                process.kill()
                process.wait()
    print(f"half_requests: {HALVES} half requests at an admin endpoint: {halves}; "
          f"{SILENT} silent connections at a backend with {FILES} files: {silent}")
    return 0 if good and fine else 1


if __name__ == "__main__":
    sys.exit(main())
