"""Protobuf and the frames of docs/protocol.md, as that page describes them and no more."""

import os
import socket
import ssl
import struct
from dataclasses import dataclass

HELLO, REQUEST, ITEM, REPLY, CANCEL, CREDIT, PING, PONG, GOAWAY = range(9)
KINDS = "hello request item reply cancel credit ping pong goaway".split()
END, RETRYABLE, UNSTARTED = 1, 2, 4
STATUSES = """ok cancelled unknown invalid_argument deadline_exceeded not_found already_exists
permission_denied resource_exhausted failed_precondition aborted out_of_range unimplemented internal
unavailable data_loss unauthenticated""".split()
HEADER = struct.Struct("<IBBHIIIHH")
DEFAULT_FRAME_LIMIT = 262_144
WINDOW = 65_536

HANG = int(os.environ.get("BABILU_TEST_HANG", "30"))  # seconds; an end to what never comes, not a measure


class Wrong(AssertionError):
    """The other side did not do what the page says."""


# --- Protobuf ------------------------------------------------------------------------------------


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def message(*fields):
    """Of (number, value) pairs, in this order: bytes, text, a number, or another message."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def parse(data):
    """The values of each field, by number."""
    fields, at = {}, 0
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            value, at = read_varint(data, at)
        elif tag & 7 == 2:
            size, at = read_varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise Wrong(f"a field of wire type {tag & 7}, which no message of this page has")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def one(fields, number, default=b""):
    return fields.get(number, [default])[-1]


# --- Frames --------------------------------------------------------------------------------------


@dataclass
class Frame:
    kind: int
    stream: int = 0
    body: bytes = b""
    flags: int = 0
    method: int = 0
    value: int = 0
    route: int = 0
    meta: int = 0
    hop: int = 0
    size: int = -1  # of what follows the header; -1 for the body's

    def encode(self):
        size = len(self.body) if self.size < 0 else self.size
        return HEADER.pack(size, self.kind, self.flags, self.method, self.stream, self.value,
                           self.route, self.meta, self.hop) + self.body

    @property
    def message(self):
        return self.body[self.hop + self.meta:]

    @property
    def metadata(self):
        return parse(self.body[self.hop:self.hop + self.meta])

    @property
    def hop_data(self):
        return parse(self.body[:self.hop])

    # Of a reply or a goaway:

    @property
    def detail(self):
        return parse(self.message)

    @property
    def reason(self):
        return one(self.detail, 1).decode()

    @property
    def outcome(self):
        """Of a reply: "ok", or "status (reason)"; of a goaway: "draining" or the same."""
        code = self.value if self.kind == REPLY else one(self.detail, 5, 0)
        if code == 0:
            return "ok" if self.kind == REPLY else "draining"
        status = STATUSES[code] if code < len(STATUSES) else "unknown"
        return f"{status} ({self.reason})"

    @property
    def unstarted(self):
        return bool(self.flags & UNSTARTED)

    @property
    def request_id(self):
        return one(self.detail, 3).decode()

    @property
    def retry_after(self):
        return one(self.detail, 4, 0)

    def __str__(self):
        kind = KINDS[self.kind] if self.kind < len(KINDS) else f"kind {self.kind}"
        what = f" {self.outcome}" if self.kind in (REPLY, GOAWAY) else f" of {len(self.body)} bytes"
        return f"{kind} on stream {self.stream}{what}"


def hello_message(frame_limit=0, streams_limit=0, credit=0, services=(), versions=(1, 1), agent="",
                  costs=None):
    costs = costs or {}
    fields = [(1, versions[0]), (2, versions[1])]
    fields += [(number, value) for number, value in
               ((3, frame_limit), (4, streams_limit), (5, credit), (6, agent)) if value]
    fields += [(7, message((1, service), (2, f"service {service}"), (3, 1), *costs.get(service, ())))
               for service in services]
    return message(*fields)


def cost(method, count):
    """For the costs of a service in hello_message()."""
    return 4, message((1, method & 0xff), (2, count))


def request(stream, method=0x0101, body=b"", metadata=b"", hop=b"", flags=END, value=0, route=0):
    return Frame(REQUEST, stream, hop + metadata + body, flags, method, value, route,
                 len(metadata), len(hop))


def echo(payload, stream=1, **how):
    return request(stream, 0x0101, message((1, payload)), **how)


# --- Connections ---------------------------------------------------------------------------------


class Plain:
    """Bytes over TCP."""

    def __init__(self, tcp):
        self.tcp = tcp
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tcp.settimeout(HANG)

    def send(self, data):
        self.tcp.sendall(data)

    def receive(self):
        """Some bytes, or none at the end."""
        try:
            return self.tcp.recv(1 << 18)
        except (ConnectionResetError, BrokenPipeError):
            return b""
        except TimeoutError:
            raise Wrong("nothing came any more") from None

    def shut(self):
        self.tcp.shutdown(socket.SHUT_WR)

    def close(self):
        self.tcp.close()


class Tls(Plain):
    """Bytes over TLS. The handshake is made at once; what refuses it raises ssl.SSLError."""

    def __init__(self, tcp, context, host=None, session=None):
        super().__init__(tcp)
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ssl = context.wrap_bio(self.into, self.out, server_side=host is None,
                                    server_hostname=host, session=session)
        self.through(self.ssl.do_handshake)

    def flush(self):
        if self.out.pending:
            self.tcp.sendall(self.out.read())

    def feed(self):
        data = super().receive()
        if data:
            self.into.write(data)
        else:
            self.into.write_eof()

    def through(self, step, *arguments):
        while True:
            try:
                return step(*arguments)
            except ssl.SSLWantReadError:
                self.flush()
                self.feed()
            finally:
                self.flush()

    def send(self, data):
        self.ssl.write(data)
        self.flush()

    def receive(self):
        try:
            return self.through(self.ssl.read, 1 << 18)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""

    def shut(self):
        """Says close_notify."""
        try:
            self.ssl.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()

    def shut_tcp(self):
        """Ends the TCP stream alone, as an attacker could."""
        super().shut()


class Connection:
    """Either end. Says hello at once, and answers pings by itself; what else comes is read one frame
    after the other."""

    def __init__(self, transport, first_stream=1, greet=True, wait=True, **hello):
        self.transport = transport
        self.pending = b""
        self.next = first_stream
        self.ended = False
        self.answer_pings = True
        self.hello = None
        if greet:
            self.send(Frame(HELLO, body=hello_message(**hello)))
        if wait:
            self.meet()

    def meet(self):
        self.hello_frame = self.expect(HELLO)
        self.hello = parse(self.hello_frame.message)
        return self.hello

    def send(self, *frames):
        self.transport.send(b"".join(frame.encode() for frame in frames))

    def ask(self, method=0x0101, body=b"", **how):
        """Sends a request; its stream."""
        stream, self.next = self.next, self.next + 2
        self.send(request(stream, method, body, **how))
        return stream

    def cut(self):
        """The next whole frame among what has come, or none."""
        if len(self.pending) < HEADER.size:
            return None
        size, kind, flags, method, stream, value, route, meta, hop = HEADER.unpack_from(self.pending)
        end = HEADER.size + size
        if len(self.pending) < end:
            return None
        body, self.pending = self.pending[HEADER.size:end], self.pending[end:]
        frame = Frame(kind, stream, body, flags, method, value, route, meta, hop)
        if kind == REPLY and not flags & END:
            raise Wrong("a reply without the flag end")
        return frame

    def read(self, silent=(PONG,)):
        """The next frame, or none at the end of the connection. Unasked pongs are passed over."""
        while True:
            frame = self.cut()
            if frame is None:
                if self.ended:
                    return None
                data = self.transport.receive()
                self.ended = not data
                self.pending += data
            elif frame.kind == PING and self.answer_pings:
                self.send(Frame(PONG, value=frame.value))
            elif frame.kind not in silent:
                return frame

    def expect(self, kind, stream=None):
        """The next frame, which must be of this kind."""
        frame = self.read(() if kind == PONG else (PONG,))
        if frame is None or frame.kind != kind or stream not in (None, frame.stream):
            raise Wrong(f"{frame or 'the end'} came, where {KINDS[kind]} should")
        return frame

    def reply_to(self, stream):
        return self.expect(REPLY, stream)

    def call(self, method=0x0101, body=b"", **how):
        return self.reply_to(self.ask(method, body, **how))

    def works(self):
        """The connection goes on: an echo comes back."""
        payload = b"still here"
        reply = self.call(0x0101, message((1, payload)))
        if reply.outcome != "ok" or reply.message != message((1, payload)):
            raise Wrong(f"an echo was answered with {reply}")

    def expect_end(self):
        """The connection ends, with nothing more on it; the rest is for pongs."""
        frame = self.read()
        if frame is not None:
            raise Wrong(f"{frame} came, where the end should")

    def expect_goaway(self, outcome):
        """That goaway, and the end. A server that has not been read from may send its hello first."""
        frame = self.read()
        if frame is not None and frame.kind == HELLO:
            frame = self.read()
        if frame is None or frame.kind != GOAWAY or frame.outcome != outcome:
            raise Wrong(f"{frame or 'the end'} came, where goaway {outcome} should")
        self.expect_end()
        return frame

    def shut(self):
        self.transport.shut()

    def close(self):
        self.transport.close()


class Served(Connection):
    """A backend's end of a link: answers what it is told to."""

    def __init__(self, transport, services=(1,), **hello):
        super().__init__(transport, first_stream=2, services=services, **hello)

    def next_request(self):
        return self.expect(REQUEST)

    def reply(self, stream, body=b"", value=0, flags=END, reason=None, text=""):
        if reason is not None:
            body = message((1, reason), (2, text))
        self.send(Frame(REPLY, stream, body, flags, value=value))
