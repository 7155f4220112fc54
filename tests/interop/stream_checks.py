"""Sections Frames, Kinds, Streams, Deadline and cancel, Items and credit."""

import select
import socket
import time

from checks import check, holds, same
from stack import ready
from wire import (CANCEL, CREDIT, DEFAULT_FRAME_LIMIT, END, GOAWAY, HANG, HEADER, HELLO, ITEM, PING, PONG,
                  REPLY, REQUEST, RETRYABLE, UNSTARTED, WINDOW, Frame, Plain, Served, echo,
                  hello_message, message, one, request)

ECHO = 0x0101
SIGN_UP = 0x0201
BAD_FRAME = "invalid_argument (bad_frame)"
MOST_CREDIT = 2**31 - 1


# --- Frames --------------------------------------------------------------------------------------


@check("Everything is a frame: a header of 24 bytes, then `size` bytes. Integers are unsigned and "
       "little-endian.", "| 4 | u8 | kind | see [kinds](#kinds) |",
       "| 8 | u32 | stream | 0 is the connection itself |",
       "| 12 | u32 | value | depends on the kind |",
       "| 20 | u16 | meta | how many bytes are metadata |",
       "| 22 | u16 | hop | how many bytes are hop data |",
       "| 6 | u16 | method | requests: service × 256 + number |")
def the_header(site):
    between = site.between(services=(0xab,))
    client = between.client()
    same(HEADER.size, 24)
    raw = bytes.fromhex("09000000" "01" "03" "cdab" "0d0c0b0a" "efcdab09" "44332211" "0400" "0000")
    client.transport.send(raw + message((3, "tp")) + b"hello")
    arrived = between.link.next_request()
    same((arrived.method, arrived.flags, arrived.route, arrived.meta), (0xabcd, 3, 0x11223344, 4))
    holds(0 < arrived.value <= 0x09abcdef, arrived.value)
    same(one(arrived.metadata, 3), b"tp")
    same(arrived.message, b"hello")
    between.link.reply(arrived.stream, b"!", flags=END)
    came = b""
    while len(came) < 25:
        came += client.transport.receive()
    same(came.hex(), "01000000" "03" "01" "0000" "0d0c0b0a" "00000000" "00000000" "0000" "0000" "21")


@check("bytes after the header; more than the limit (see [hello](#hello)) is refused before it is read",
       "a frame that is too large, of unknown kind, with flags that its kind does not have, or with "
       "inconsistent sizes; stream 0 where there must be one or the reverse (all these are "
       "`bad_frame`);", "`hop` + `meta` must not exceed `size`.")
def headers_that_cannot_be(site):
    wrong = [Frame(PING, size=DEFAULT_FRAME_LIMIT + 1), Frame(REQUEST, 1, size=0xffffffff),
             Frame(9), Frame(255), Frame(REQUEST, 1, b"12345", END, meta=3, hop=3),
             Frame(REQUEST, 1, b"", END, meta=1), Frame(HELLO, 1), Frame(PING, 1), Frame(PONG, 1),
             Frame(GOAWAY, 1), Frame(REQUEST), Frame(ITEM), Frame(REPLY), Frame(CANCEL),
             Frame(CREDIT)]
    for frame in wrong:
        client = site.client()
        client.send(frame)
        client.expect_goaway(BAD_FRAME)


@check("bit 0 `end`, bit 1 `retryable`, bit 2 `unstarted`; which of them a kind may have is said "
       "[there](#kinds), and all others must be 0",
       "| 4 | cancel | live | | | |", "| 5 | credit | live | | bytes | |")
def flags(site):
    allowed = {REQUEST: END | RETRYABLE, ITEM: END, REPLY: END | UNSTARTED}
    for kind in range(9):
        for bit in range(8):
            client = site.client(greet=kind != HELLO)
            stream = 1 if REQUEST <= kind <= CREDIT else 0
            body = hello_message() if kind == HELLO else b""
            client.send(Frame(kind, stream, body, 1 << bit))
            if not allowed.get(kind, 0) & 1 << bit:
                client.expect_goaway(BAD_FRAME)
            elif kind == REPLY:
                client.expect_goaway("invalid_argument (unknown_stream)")
            elif kind == REQUEST:
                client.reply_to(1)
            else:
                client.works()


@check("Requests with the same key go to the same backend as long as it is there; nothing may depend "
       "on it for correctness")
def route(site):
    between = site.between(backends=2)
    client = between.client()
    where = {}
    for turn in range(2):
        for key in range(1, 13):
            stream = client.ask(route=key, body=b"%d" % key)
            index = between.links.index(ready(between.links))
            arrived = between.links[index].next_request()
            same((arrived.route, arrived.message), (key, b"%d" % key))
            same(where.setdefault(key, index), index, f"the backend of key {key}")
            between.links[index].reply(arrived.stream)
            client.reply_to(stream)
    same(set(where.values()), {0, 1}, "the backends that have keys")
    between.links[0].close()
    between.proxy.logged(message="link lost", backend=between.fakes[0].name)
    for key in where:
        stream = client.ask(route=key)
        between.links[1].reply(between.links[1].next_request().stream)
        client.reply_to(stream)


@check("The bytes after the header are hop data, then metadata, then the message.",
       "All three are Protobuf (`core/wire/envelope.proto`, `roles/api/*.proto`).",
       "Hop data is what a proxy tells a backend about a request (`babilu.wire.Hop`): where its client "
       "is, and which attempt to send it this is. A client's request must have none.")
def hop_data(site):
    between = site.between()
    client = between.client()
    reply = client.call(hop=message((1, "192.0.2.1:1"), (2, 1)))
    same((reply.outcome, reply.unstarted), ("permission_denied (hop_not_allowed)", False))
    client.ask(body=b"message", metadata=message((3, "trace")))
    arrived = between.link.next_request()
    same(arrived.hop + arrived.meta + 7, len(arrived.body))
    own = "%s:%d" % client.transport.tcp.getsockname()
    same((one(arrived.hop_data, 1).decode(), one(arrived.hop_data, 2)), (own, 1))
    same(arrived.metadata, {3: [b"trace"]})
    # A backend believes whoever may be a proxy.
    direct = site.connect(site.backends[0])
    same(direct.call(ECHO, message((1, b"x")), hop=message((1, "192.0.2.1:1"), (2, 1))).outcome, "ok")


@check("A field that means nothing for a kind, and a message where there is none, should be 0 and "
       "empty, and is ignored.")
def what_means_nothing(site):
    between = site.between()
    client = between.client()
    client.send(Frame(PING, body=b"12345", method=7, value=9, route=8, meta=2, hop=3))
    pong = client.expect(PONG)
    same((pong.value, pong.body, pong.method, pong.route, pong.meta, pong.hop), (9, b"", 0, 0, 0, 0))
    client.send(Frame(PONG, body=b"12345", method=7, value=9))
    stream = client.ask(flags=0)
    arrived = between.link.next_request()
    client.send(Frame(CREDIT, stream, b"12345", value=3, method=1, meta=2, hop=3))
    credit = between.link.expect(CREDIT)
    same((credit.stream, credit.value, credit.body), (arrived.stream, 3, b""))
    client.send(Frame(CANCEL, stream, b"12345", value=3, method=1, meta=2, hop=3))
    cancel = between.link.expect(CANCEL)
    same((cancel.stream, cancel.body, cancel.value), (arrived.stream, b"", 0))


# --- Kinds ---------------------------------------------------------------------------------------


@check("| 1 | request | new | `end`, `retryable` | milliseconds left for it; 0: the server's default, "
       "30 s | the method's request |",
       "| 3 | reply | live | `end`, `unstarted` | status code | the method's reply, or `StatusDetail` "
       "if not ok |", "`end` says that the sender sends nothing more on the stream. A reply has it "
       "always. `retryable` and `unstarted` are explained under [sending again](#sending-again).",
       "A stream is one request and what answers it.")
def requests_and_replies(site):
    between = site.between()
    client = between.client()
    for flag in (0, END, RETRYABLE, END | RETRYABLE):
        for value in (0, 60_000):
            stream = client.ask(flags=flag, value=value)
            arrived = between.link.next_request()
            same(arrived.flags, flag)
            holds(0 < arrived.value <= (value or 30_000), arrived.value)
            between.link.reply(arrived.stream, b"yes", flags=0)  # a proxy adds it
            reply = client.reply_to(stream)
            same((reply.value, reply.message, reply.flags), (0, b"yes", END))
    stream = client.ask()
    between.link.reply(between.link.next_request().stream, value=5, reason="nobody", text="no")
    same(client.reply_to(stream).detail, {1: [b"nobody"], 2: [b"no"]})


# --- Streams -------------------------------------------------------------------------------------


@check("Whoever dialed numbers its streams 1, 3, 5 …; whoever listened 2, 4, 6 …. Numbers increase;",
       "past 2³² they wrap, leaving out 0 and those still live.",
       "A number is free again only after its reply. Only the parity and that the number is free are "
       "checked.", "the wrong parity; a stream number in use;")
def stream_numbers(site):
    between = site.between()
    client = between.client()
    for number, stream in enumerate((9, 3, 0xffffffff, 1, 9)):
        client.send(request(stream))
        arrived = between.link.next_request()
        same(arrived.stream, 1 + 2 * number, "the proxy's own numbers")
        between.link.reply(arrived.stream)
        client.reply_to(stream)
    client.send(request(5), request(5))
    client.expect_goaway("invalid_argument (stream_in_use)")
    even = site.client()
    even.send(request(2))
    even.expect_goaway("invalid_argument (wrong_parity)")
    between.link.expect(REQUEST)
    between.link.expect(CANCEL)
    between.link.send(request(2))
    same(between.link.reply_to(2).outcome, "unimplemented (not_served)")


@check("**Every request gets exactly one reply**, which ends the stream, unless the connection ends "
       "first: also after a cancel, and also when its deadline passes.", "Replies come in any order.")
def exactly_one_reply(site):
    between = site.between()
    client = between.client()
    done, cancelled, late = client.ask(), client.ask(), client.ask(value=50)
    arrived = [between.link.next_request().stream for _ in range(3)]
    client.send(Frame(CANCEL, cancelled), Frame(CANCEL, cancelled))
    same(client.reply_to(late).outcome, "deadline_exceeded (deadline)")
    for _ in range(3):
        between.link.expect(CANCEL)
    between.link.reply(arrived[2], value=1, reason="cancelled")  # goes nowhere
    between.link.reply(arrived[1], value=1, reason="cancelled")
    between.link.reply(arrived[0])
    same(client.reply_to(cancelled).outcome, "cancelled (cancelled)")
    same(client.reply_to(done).outcome, "ok")
    client.shut()
    client.expect_end()


@check("In version 1 all methods take one message: the request must have the flag `end`, or is refused "
       "with `invalid_argument` (`not_a_stream`).")
def a_request_without_end(site):
    same(site.client().call(ECHO, flags=0).outcome, "invalid_argument (not_a_stream)")


@check("What comes for a stream that is not live (any more) is ignored, except for a reply, which is a "
       "violation.", "a reply to nothing;")
def streams_that_are_not_live(site):
    client = site.client()
    client.works()
    for stream in (1, 2, 99, 100):
        client.send(Frame(ITEM, stream, b"x"), Frame(CREDIT, stream, value=1), Frame(CANCEL, stream))
    client.works()
    client.send(Frame(REPLY, 2, flags=END))
    client.expect_goaway("invalid_argument (unknown_stream)")
    between = site.between()
    between.link.send(Frame(REPLY, 1, flags=END))
    between.link.expect_goaway("invalid_argument (unknown_stream)")


@check("A side must read while it writes: a proxy that has 256 KiB of replies for a client that are not "
       "taken reads nothing more from it until they are, so a client that sends first and reads later "
       "can wait for ever.",
       "A side that does not read its replies is not read from any more, and dropped when it takes "
       "nothing for 30 s;")
def reading_while_writing(site):
    most = 100_000  # 200 MB are more than any buffers hold
    payload = bytes(2000)  # 1,024 of which are less than what a client is dropped for
    client = site.client()
    tcp, asked, out = client.transport.tcp, 0, b""
    tcp.setblocking(False)
    while asked < most:
        if not out:
            asked += 1
            out = echo(payload, 2 * asked - 1).encode()
        try:
            out = out[tcp.send(out):]
        except BlockingIOError:
            if not select.select([], [tcp], [], 1)[1]:
                break  # it is not read from any more
    holds(asked < most, "a client that reads nothing is read from without end")
    answered = 0
    while answered < asked:
        if out:
            try:
                out = out[tcp.send(out):]
            except BlockingIOError:
                pass
        select.select([tcp], [tcp] if out else [], [], HANG)
        try:
            data = tcp.recv(1 << 18)
        except BlockingIOError:
            continue
        holds(data, f"it ended after {answered} of {asked} replies")
        client.pending += data
        while (frame := client.cut()) is not None:
            holds(frame.kind != REPLY or
                  frame.outcome in ("ok", "resource_exhausted (too_many_streams)"), frame)
            answered += frame.kind == REPLY
    tcp.settimeout(HANG)
    client.next = 2 * asked + 1
    client.works()


@check("What was read before is answered all the same: a client for which more than 8 MiB of replies "
       "wait is dropped without a word.")
def too_many_replies(site):
    between = site.between()
    client = between.client()
    asked = 300  # 75 MB, which no buffers hold besides
    client.send(*(request(1 + 2 * i) for i in range(asked)))
    for stream in [between.link.next_request().stream for _ in range(asked)]:
        between.link.reply(stream, bytes(250_000))
    answered = 0
    while (frame := client.read()) is not None:
        same(frame.outcome, "ok")
        answered += 1
    holds(answered < asked, "all replies came")
    between.client().ask()
    while between.link.read().kind != REQUEST:
        pass  # cancels of what was not answered yet


# --- Deadline and cancel -------------------------------------------------------------------------


@check("An item that is larger ends its stream, and no more: `resource_exhausted` (`item_too_large`) where "
       "it was for the client, `invalid_argument` where it was for the backend.")
def items_that_are_too_large(site):
    between = site.between(frame_limit=2048)
    client = between.client(frame_limit=1024)
    near, far = begin(between, client)
    between.link.send(Frame(ITEM, far, bytes(1025)))
    same(client.reply_to(near).outcome, "resource_exhausted (item_too_large)")
    between.link.expect(CANCEL, far)
    near, far = begin(between, client)
    client.send(Frame(ITEM, near, bytes(2048)))
    between.link.expect(ITEM, far)
    client.send(Frame(ITEM, near, bytes(2049)))
    same(client.reply_to(near).outcome, "invalid_argument (item_too_large)")
    between.link.expect(CANCEL, far)
    near, far = begin(between, client)
    between.link.reply(far, b"goes on")
    same(client.reply_to(near).message, b"goes on")


@check("For a request without one a proxy takes 30 s from its arrival, and passes on what is left of that.",
       "The deadline travels as time left, never as a time of day: each hop passes on what the one "
       "before gave it, less what it spent itself.")
def time_left(site):
    between = site.between("--wait-for-backend", "1h")
    client = between.client()
    client.ask()
    holds(29_000 < between.link.next_request().value <= 30_000, "another time than 30 s")
    client.ask(value=60_000)
    holds(0 < between.link.next_request().value <= 60_000, "too much time")
    between.link.close()
    between.proxy.logged(message="link lost", backend=between.fakes[0].name)
    client.expect(REPLY)
    client.expect(REPLY)
    link = between.fakes[0].accept_raw()
    client.ask(value=60_000)  # waits for the hello of the backend
    asked = time.monotonic()
    while time.monotonic() < asked + 0.03:
        client.send(Frame(PING))
        client.expect(PONG)
    value = Served(Plain(link)).next_request().value
    holds(0 < value <= 59_980, f"{value} ms of 60,000 left after a wait of 30")


@check("If a backend has not answered when the time is up, the proxy answers in its place, "
       "`deadline_exceeded` (`deadline`), some 20 ms later at most, and tells the backend to cancel.")
def a_backend_that_is_late(site):
    between = site.between()
    client = between.client()
    stream = client.ask(value=30)
    arrived = between.link.next_request()
    reply = client.reply_to(stream)
    same((reply.outcome, reply.unstarted), ("deadline_exceeded (deadline)", False))
    same(between.link.expect(CANCEL).stream, arrived.stream)
    between.link.reply(arrived.stream, b"too late")
    stream = client.ask()
    between.link.reply(between.link.next_request().stream, b"in time")
    same(client.reply_to(stream).message, b"in time")


@check("A cancel asks for an early end. The reply that it leads to is usually `cancelled` (`cancelled`), "
       "but may be any other that was on its way.")
def cancelling(site):
    between = site.between()
    client = between.client()
    stream = client.ask()
    arrived = between.link.next_request()
    client.send(Frame(CANCEL, stream))
    same(between.link.expect(CANCEL).stream, arrived.stream)
    between.link.reply(arrived.stream, b"was on its way")
    same(client.reply_to(stream).message, b"was on its way")
    # A backend's own answer, while a password is hashed.
    backend = site.connect(site.backends[0])
    stream = backend.ask(SIGN_UP, message((1, "cancelled"), (2, "a password")),
                         metadata=message((2, bytes(31) + b"c")))
    backend.send(Frame(CANCEL, stream))
    holds(backend.reply_to(stream).outcome in ("cancelled (cancelled)", "ok"), "another answer")


@check("**Neither says anything of the effect**: after `cancelled`, `deadline_exceeded`, `backend_lost` "
       "or the end of the connection the request may have been done, may be done a moment later, or "
       "never. Whoever must know sends it again under the same [idempotency key](#metadata), and gets "
       "the reply of the one effect.",
       "A client whose connection broke may connect anew and send what was unanswered again, under the "
       "same idempotency keys.")
def what_became_of_it(site):
    for number, end in enumerate(("cancel", "deadline", "connection")):
        client = site.client()
        body = message((1, f"effect-{number}"), (2, "a password"))
        metadata = message((2, bytes(31) + b"%d" % number))
        stream = client.ask(SIGN_UP, body, metadata=metadata, value=1 if end == "deadline" else 0)
        if end == "connection":
            client.close()
        else:
            if end == "cancel":
                client.send(Frame(CANCEL, stream))
            client.reply_to(stream)
        again = site.client()
        first = again.call(SIGN_UP, body, metadata=metadata)
        same(first.outcome, "ok", f"after {end}")
        same(again.call(SIGN_UP, body, metadata=metadata).message, first.message)


# --- Items and credit ----------------------------------------------------------------------------


@check("Items and credit are relayed by a proxy, and reserved for methods that a later revision defines: "
       "a backend of version 1 ignores them.")
def a_backend_ignores_items(site):
    backend = site.connect(site.backends[0])
    stream = backend.ask(SIGN_UP, message((1, "with-items"), (2, "a password")),
                         metadata=message((2, bytes(31) + b"i")))
    backend.send(Frame(ITEM, stream, b"item"), Frame(CREDIT, stream, value=MOST_CREDIT),
                 Frame(CREDIT, stream, value=MOST_CREDIT))
    same(backend.reply_to(stream).outcome, "ok")


def begin(between, client):
    """A stream that takes items, by its numbers on both sides."""
    stream = client.ask(flags=0)
    return stream, between.link.next_request().stream


@check("An item is a message within a live stream, in either direction. Each side may send as many bytes "
       "of items on a stream (metadata and message) as `Hello.initial_credit` of the other side says "
       "(64 KiB at least), plus what `credit` frames for it have added.",
       "A proxy grants 64 KiB in its own hello and passes credit on from end to end, so a reader that "
       "stalls stops its own streams and no others.",
       "| 2 | item | live | `end` | | one message of a longer exchange |")
def items_within_their_credit(site):
    between = site.between()
    client = between.client()
    same(one(client.hello, 5, 0), WINDOW)
    near, far = begin(between, client)
    client.send(Frame(ITEM, near, b"mmm" + bytes(WINDOW - 3), meta=3))
    arrived = between.link.expect(ITEM, far)
    same((arrived.meta, arrived.body[:4], len(arrived.body)), (3, b"mmm\0", WINDOW))
    between.link.send(Frame(CREDIT, far, value=10))
    same(client.expect(CREDIT, near).value, 10)
    client.send(Frame(ITEM, near, b"0123456789", END))
    arrived = between.link.expect(ITEM, far)
    same((arrived.message, arrived.flags), (b"0123456789", END))
    between.link.send(Frame(ITEM, far, bytes(WINDOW)))
    client.expect(ITEM, near)
    client.send(Frame(CREDIT, near, value=5))
    same(between.link.expect(CREDIT, far).value, 5)
    between.link.send(Frame(ITEM, far, b"01234"))
    same(client.expect(ITEM, near).message, b"01234")
    between.link.reply(far, b"end")
    same(client.reply_to(near).message, b"end")


@check("A proxy counts it, too: a stream on which more comes than was granted ends, `resource_exhausted` "
       "(`credit_exceeded`) where the client sent it, `internal` (`backend_exceeded_credit`) where the "
       "backend did; session and link go on.",
       "So does a stream on which so much is granted that more than 2³¹ − 1 bytes could be sent at once.",
       "An item after one with the flag `end`, or after a request with it, ends the stream, "
       "`invalid_argument` (`item_after_end`) where the client sent it, `internal` "
       "(`backend_item_after_end`) where the backend did.")
def items_beyond(site):
    between = site.between()
    client = between.client()

    def breaks(outcome, near=(), far=(), flags=0):
        """These frames end a stream; every one but the last of each side passes."""
        stream = client.ask(flags=flags)
        served = between.link.next_request().stream
        for end, other, number, far_number, frames in (
                (client, between.link, stream, served, near),
                (between.link, client, served, stream, far)):
            for index, frame in enumerate(frames):
                frame.stream = number
                end.send(frame)
                if index + 1 < len(frames):
                    other.expect(frame.kind, far_number)
        reply = client.reply_to(stream)
        same((reply.outcome, reply.unstarted), (outcome, False))
        between.link.expect(CANCEL, served)
        between.link.reply(served)
        stream = client.ask()
        between.link.reply(between.link.next_request().stream)
        same(client.reply_to(stream).outcome, "ok", "what comes after it")

    theirs, backends = "resource_exhausted (credit_exceeded)", "internal (backend_exceeded_credit)"
    breaks(theirs, near=[Frame(ITEM, 0, bytes(WINDOW)), Frame(ITEM, 0, b"x")])
    breaks(theirs, near=[Frame(ITEM, 0, bytes(WINDOW + 1))])
    breaks(backends, far=[Frame(ITEM, 0, bytes(WINDOW)), Frame(ITEM, 0, b"x")])
    most = MOST_CREDIT - WINDOW
    breaks(theirs, near=[Frame(CREDIT, value=most), Frame(CREDIT, value=1)], flags=END)
    breaks(theirs, near=[Frame(CREDIT, value=0xffffffff)], flags=END)
    breaks(backends, far=[Frame(CREDIT, value=most), Frame(CREDIT, value=1)])
    ended = "invalid_argument (item_after_end)"
    breaks(ended, near=[Frame(ITEM, 0, b"last", END), Frame(ITEM, 0, b"x")])
    breaks(ended, near=[Frame(ITEM)], flags=END)
    breaks("internal (backend_item_after_end)",
           far=[Frame(ITEM, 0, b"last", END), Frame(ITEM, 0, b"x")])


@check("A stream whose items or credit come while it waits for a backend ends as one without a backend "
       "does, `unstarted` if it was not sent yet.")
def items_of_what_waits(site):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # nobody listens there, and nobody else gets the port
        proxy = site.start("proxy", "--plaintext-links", "--plaintext-sessions", "--backends",
                           "%s:%d" % held.getsockname(), "--wait-for-backend", "1h")
        client = site.connect(proxy)
        for frame in (Frame(ITEM, body=b"x"), Frame(CREDIT, value=1)):
            frame.stream = client.ask(flags=0)
            client.send(frame)
            reply = client.reply_to(frame.stream)
            same((reply.outcome, reply.unstarted), ("unavailable (no_backend)", True))
