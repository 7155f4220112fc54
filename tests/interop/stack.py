"""The built program as processes on free ports of the loopback, and connections to them."""

import base64
import contextlib
import json
import os
import select
import signal
import socket
import ssl
import subprocess
import threading

from wire import HANG, Connection, Plain, Served, Tls, Wrong

MASTER_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")
CHEAP_PASSWORDS = ("--passwords-memory-kib", "8", "--passwords-passes", "1")


class Process:
    """One of the program's servers. Its log is read line by line; nothing is waited for by time."""

    def __init__(self, program, role, directory, *options):
        self.child = subprocess.Popen(
            [program, role, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
             "--log-format", "json", *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={"PATH": os.environ.get("PATH", ""), "BABILU_MASTER_KEY": MASTER_KEY}, cwd=directory)
        self.lines, self.more = [], threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()
        self.address = address(self.logged(message=f"{role} listens")["address"])

    def read(self):
        for line in self.child.stdout:
            with self.more:
                try:
                    self.lines.append(json.loads(line))
                except ValueError:
                    self.lines.append({"message": line.strip()})
                self.more.notify_all()
        with self.more:
            self.lines.append({"message": "(end of the log)"})
            self.more.notify_all()

    def logged(self, **parts):
        """Waits for a line that has these parts."""
        def found():
            return next((line for line in self.lines
                         if all(line.get(key) == value for key, value in parts.items())), None)

        def over():
            return bool(self.lines) and self.lines[-1]["message"] == "(end of the log)"
        with self.more:
            self.more.wait_for(lambda: found() or over(), timeout=HANG)
            if found() is None:
                raise Wrong(f"no line with {parts} in the log: {self.lines}")
            return found()

    def terminate(self):
        self.child.send_signal(signal.SIGTERM)

    def wait(self):
        return self.child.wait(HANG)

    def stop(self):
        self.child.kill()
        self.child.wait()


def address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


def ready(connections):
    """The first of these that has something to read."""
    sockets = [connection.transport.tcp for connection in connections]
    found = select.select(sockets, [], [], HANG)[0]
    if not found:
        raise Wrong("nothing came to any of them")
    return connections[sockets.index(found[0])]


class FakeBackend:
    """Where a proxy dials a backend that the test plays."""

    def __init__(self, context=None):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(HANG)
        self.context = context

    @property
    def name(self):
        return "%s:%d" % self.listener.getsockname()

    def accept_raw(self):
        try:
            return self.listener.accept()[0]
        except TimeoutError:
            raise Wrong("no proxy came") from None

    def accept(self, **hello):
        """The next link; hellos are exchanged."""
        tcp = self.accept_raw()
        return Served(Tls(tcp, self.context) if self.context else Plain(tcp), **hello)

    def close(self):
        self.listener.close()


class Site(contextlib.ExitStack):
    """What the checks share: certificates, a stack in plaintext and one with TLS."""

    def __init__(self, program, directory, page):
        super().__init__()
        self.page = page
        self.program, self.directory = program, directory
        self.certificates = os.path.join(directory, "certificates")
        subprocess.run([program, "certificates", "init", self.certificates], check=True,
                       stdout=subprocess.DEVNULL, cwd=directory)
        plain = ("--plaintext-links",)
        self.backends = [self.start("backend", *plain, *CHEAP_PASSWORDS) for _ in range(2)]
        names = ",".join("%s:%d" % backend.address for backend in self.backends)
        self.proxy = self.start("proxy", *plain, "--plaintext-sessions", "--backends", names)
        for _ in self.backends:
            self.proxy.logged(message="link up")
        self.tls_backend = self.start("backend", *CHEAP_PASSWORDS, "--certificates",
                                      self.certificates, "--database", "tls.db")
        self.tls_proxy = self.start_tls_proxy("%s:%d" % self.tls_backend.address)
        self.tls_proxy.logged(message="link up")

    def start(self, role, *options):
        process = Process(self.program, role, self.directory, *options)
        self.callback(process.stop)
        return process

    def start_tls_proxy(self, backends):
        return self.start("proxy", "--certificates", self.certificates, "--backends", backends)

    def connect(self, process, **how):
        connection = Connection(Plain(socket.create_connection(process.address, HANG)), **how)
        self.callback(connection.close)
        return connection

    def client(self, **how):
        """A session with the stack in plaintext."""
        return self.connect(self.proxy, **how)

    def context(self, role=None, protocols=("babilu/1",)):
        """For TLS; with a role its certificate is shown."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(os.path.join(self.certificates, "ca.pem"))
        if protocols:
            context.set_alpn_protocols(protocols)
        if role:
            self.show(context, role)
        return context

    def server_context(self, role):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(os.path.join(self.certificates, "ca.pem"))
        context.set_alpn_protocols(["babilu/1"])
        self.show(context, role)
        return context

    def show(self, context, role):
        folder = os.path.join(self.certificates, role)
        context.load_cert_chain(os.path.join(folder, "certificate.pem"),
                                os.path.join(folder, "key.pem"))

    def dial_tls(self, process, context, session=None):
        tcp = socket.create_connection(process.address, HANG)
        self.callback(tcp.close)
        return Tls(tcp, context, host="localhost", session=session)

    def tls_client(self, process=None, **how):
        return Connection(self.dial_tls(process or self.tls_proxy, self.context()), **how)

    def between(self, *options, backends=1, context=None, **hello):
        """A proxy of its own between a client and backends that the test plays."""
        return Between(self, options, backends, context, hello)


class Between:
    def __init__(self, site, options, backends, context, hello):
        self.site = site
        self.fakes = [FakeBackend(context) for _ in range(backends)]
        for fake in self.fakes:
            site.callback(fake.close)
        secure = (("--certificates", site.certificates) if context else
                  ("--plaintext-links", "--plaintext-sessions"))
        names = ",".join(fake.name for fake in self.fakes)
        self.proxy = site.start("proxy", *secure, *options, "--backends", names)
        self.links = []
        for fake in self.fakes:
            link = fake.accept(**hello)
            site.callback(link.close)
            self.links.append(link)
            self.proxy.logged(message="link up", backend=fake.name)
        self.context = context

    @property
    def link(self):
        return self.links[0]

    def client(self, **how):
        if self.context:
            return self.site.tls_client(self.proxy, **how)
        return self.site.connect(self.proxy, **how)
