"""Sections Metadata, Status, Sending again, Limits and violations, Services, An example."""

import re
import socket

from checks import check, holds, same
from stack import ready
from wire import (END, HANG, HELLO, ITEM, PING, PONG, REPLY, RETRYABLE, Frame, Plain, cost, echo,
                  hello_message, message, one, parse, request)

ECHO, SIGN_UP, LOGIN, WHOAMI, VERIFY = 0x0101, 0x0201, 0x0301, 0x0302, 0x0303
ENCRYPT, DECRYPT, SIGN = 0x0401, 0x0402, 0x0403
PASSWORD = "correct horse"
KEY = 32


def key(text):
    return message((2, text.encode().ljust(KEY, b".")))


def account(name, password=PASSWORD):
    return message((1, name), (2, password))


# --- Metadata ------------------------------------------------------------------------------------


@check("`babilu.wire.Metadata`, in front of a request's message:",
       "| traceparent | W3C trace context; passed on as it is |")
def metadata_passes_as_it_is(site):
    between = site.between()
    client = between.client()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    client.ask(metadata=message((1, b"\0\xfftoken"), (2, bytes(KEY)), (3, trace)), body=b"body")
    arrived = between.link.next_request()
    same(arrived.metadata, {1: [b"\0\xfftoken"], 2: [bytes(KEY)], 3: [trace.encode()]})
    same(arrived.message, b"body")


@check("| token | what identity.Login gave; needed where a service says so |",
       "| idempotency_key | 32 random bytes, needed on every mutating method |",
       "| registry.SignUp | 0x0201 | yes | | 1, and a password |", "| identity.Login | 0x0301 | yes | | 1, and a password |",
       "| identity.Whoami | 0x0302 | | yes | 4 |", "| vault.Encrypt | 0x0401 | | yes | 3 |",
       "| vault.Decrypt | 0x0402 | | yes | 3 |", "| vault.Sign | 0x0403 | | yes | 8 |",
       "| echo.Echo | 0x0101 | | | 1 |", "| identity.Verify | 0x0303 | | | 16 |",
       "Methods, messages and their errors are described in [`roles/api`](../roles/api): one `.proto` "
       "file for each service, one table of numbers in `methods.h`.")
def all_methods(site):
    client = site.client()
    for method in (SIGN_UP, LOGIN):
        for metadata in (b"", message((2, bytes(KEY - 1))), message((2, bytes(KEY + 1)))):
            same(client.call(method, account("ada"), metadata=metadata).outcome,
                 "invalid_argument (idempotency_key)")
    for method in (WHOAMI, ENCRYPT, DECRYPT, SIGN):
        same(client.call(method).outcome, "unauthenticated (token_missing)")
        same(client.call(method, metadata=message((1, b"x"))).outcome,
             "unauthenticated (token_malformed)")
    client.works()
    signed_up = parse(client.call(SIGN_UP, account("ada"), metadata=key("ada")).message)
    login = parse(client.call(LOGIN, account("ada"), metadata=key("login")).message)
    same(one(login, 3), one(signed_up, 1), "the account's id")
    token = message((1, one(login, 1)))
    who = parse(client.call(WHOAMI, metadata=token).message)
    same((one(who, 1), one(who, 4)), (b"ada", one(signed_up, 2)))
    sealed = client.call(ENCRYPT, message((1, b"secret"), (2, b"data")), metadata=token).message
    opened = client.call(DECRYPT, message((1, one(parse(sealed), 1)), (2, b"data")), metadata=token)
    same(one(parse(opened.message), 1), b"secret")
    signature = one(parse(client.call(SIGN, message((1, b"text")), metadata=token).message), 1)
    valid = client.call(VERIFY, message((1, "ada"), (2, b"text"), (3, signature)))
    same(one(parse(valid.message), 1, 0), 1)
    errors = [(LOGIN, account("ada", "a wrong one"), "unauthenticated (wrong_credentials)"),
              (SIGN_UP, account("ada"), "already_exists (name_taken)"),
              (SIGN_UP, account("Ada"), "invalid_argument (name_invalid)"),
              (SIGN_UP, account("bob", "short"), "invalid_argument (password_too_short)"),
              (SIGN_UP, account("bob", "x" * 1025), "invalid_argument (password_too_long)"),
              (SIGN_UP, account("bob", "with\0nul in it"), "invalid_argument (password_invalid)"),
              (SIGN_UP, message((1, "bob"), (2, b"\xff not UTF-8")), "invalid_argument (bad_message)"),
              (VERIFY, message((1, "nobody"), (3, bytes(64))), "not_found (account_unknown)"),
              (VERIFY, message((1, "ada"), (3, b"x")), "invalid_argument (signature_length)"),
              (DECRYPT, message((1, b"x")), "invalid_argument (ciphertext_malformed)"),
              (ENCRYPT, message((2, bytes(4097))), "invalid_argument (associated_data_too_large)"),
              (ENCRYPT, message((1, bytes(192 * 1024 + 1))), "invalid_argument (plaintext_too_large)")]
    for number, (method, body, outcome) in enumerate(errors):
        metadata = key(f"error {number}") if method in (SIGN_UP, LOGIN) else token
        same(client.call(method, body, metadata=metadata).outcome, outcome)


@check("A mutating request is done once for each idempotency key: a repeat within 24 hours gets the "
       "reply that the first one got, without a second effect.",
       "A repeat has the same method and **the same bytes as its message**: keep them, as Protobuf may "
       "encode the same fields in another way the next time. The same key with another method or other "
       "bytes is refused with `invalid_argument` (`idempotency_conflict`). The metadata, the deadline "
       "and the flags of a repeat may be others.",
       "Only replies with status ok are kept.",
       "Draw a new key for each request, and use it again only to send that same request again.")
def idempotency(site):
    client, other = site.client(), site.client()
    conflict = "invalid_argument (idempotency_conflict)"
    first = client.call(SIGN_UP, account("once"), metadata=key("once"))
    same(first.outcome, "ok")
    for _ in range(4):  # whichever backend gets it
        repeat = other.call(SIGN_UP, account("once"), value=20_000, flags=END | RETRYABLE,
                            metadata=key("once") + message((3, "another trace")))
        same((repeat.outcome, repeat.message), ("ok", first.message))
    turned = message((2, PASSWORD), (1, "once"))
    same(parse(turned), parse(account("once")), "the same fields")
    for body in (turned, account("once", "another password"), account("another")):
        same(other.call(SIGN_UP, body, metadata=key("once")).outcome, conflict)
    same(other.call(LOGIN, account("once"), metadata=key("once")).outcome, conflict)
    refused = client.call(SIGN_UP, account("once"), metadata=key("kept"))
    same(refused.outcome, "already_exists (name_taken)")
    same(client.call(SIGN_UP, account("twice"), metadata=key("kept")).outcome, "ok")


# --- Status --------------------------------------------------------------------------------------


@check("A reply's `value` is one of gRPC's status codes; a value above 16 counts as 2, unknown. If it "
       "is not 0 the message is a `StatusDetail`:")
def statuses(site):
    between = site.between()
    client = between.client()
    for value in (*range(1, 17), 17, 0xffffffff):
        stream = client.ask()
        between.link.reply(between.link.next_request().stream, value=value, reason="why")
        reply = client.reply_to(stream)
        same((reply.value, reply.reason), (value, "why"))
        holds(value <= 16 or reply.outcome == "unknown (why)", reply.outcome)


@check("`reason` is a word for programs that does not change, `message` a sentence for people, "
       "`request_id` the name of this request in the logs of whoever refused it, `retry_after_ms` a "
       "hint when trying again may help.",
       "Every refusal has a `request_id`, of 16 hexadecimal digits: it is in the proxy's access log, "
       "where that is on, and in a backend's log beside an error that is a mistake of the backend's "
       "own (`bug`).")
def request_ids(site):
    between = site.between("--access-log", "1", "--limits-streams", "2")
    client = between.client()
    unknown = client.ask(0x0901)
    hop = client.ask(hop=message((1, "x")))
    refused = [client.reply_to(unknown), client.reply_to(hop)]
    late = client.ask(value=30)
    refused.append(client.reply_to(late))
    waits = [client.ask(), client.ask(), client.ask()]
    refused.append(client.reply_to(waits[2]))
    backend = site.client()
    of_backend = [backend.call(0x01ee), backend.call(ECHO, b"\xff"), backend.call(ECHO, flags=0),
                  backend.call(WHOAMI), backend.call(SIGN_UP)]
    ids = set()
    for reply in refused + of_backend:
        holds(re.fullmatch("[0-9a-f]{16}", reply.request_id), f"{reply} has id {reply.request_id!r}")
        holds(re.fullmatch("[a-z0-9_]+", reply.reason) and one(reply.detail, 2), reply.detail)
        ids.add(reply.request_id)
    same(len(ids), len(refused + of_backend), "different ids")
    for reply in refused:
        line = between.proxy.logged(message="request", request_id=reply.request_id)
        same(f"{line['status']} ({reply.reason})", reply.outcome)


# --- Sending again -------------------------------------------------------------------------------


@check("The flag `retryable` on a request allows the proxy to send it to another backend when the link "
       "to the first one broke before the reply.",
       "The proxy does so at most once, only within the deadline, and only as long as no item has passed.",
       "A request without the flag ends `unavailable` (`backend_lost`).",
       "Set it on methods without effects and on those with an idempotency key.")
def links_that_break(site):
    def lose(flags, item=False):
        """Two backends of three break; the reply, and how often the request was sent."""
        between = site.between(backends=3)
        client = between.client()
        stream = client.ask(body=b"again", flags=flags)
        attempts = []
        for _ in range(2):
            link = ready(between.links + [client])
            if link is client:
                break
            arrived = link.next_request()
            attempts.append((one(arrived.hop_data, 2), arrived.message))
            if item:
                client.send(Frame(ITEM, stream, b"x"))
                link.expect(ITEM)
            between.links.remove(link)
            link.close()
        return client.reply_to(stream).outcome, attempts
    lost = "unavailable (backend_lost)"
    same(lose(END | RETRYABLE), (lost, [(1, b"again"), (2, b"again")]))
    same(lose(END), (lost, [(1, b"again")]))
    same(lose(RETRYABLE, item=True), (lost, [(1, b"again")]))
    between = site.between(backends=2)
    client = between.client()
    stream = client.ask(flags=END | RETRYABLE, value=60_000)
    first = ready(between.links)
    first.next_request()
    between.links.remove(first)
    first.close()
    again = between.links[0].next_request()
    holds(0 < again.value <= 60_000, "within the deadline")
    between.links[0].reply(again.stream, b"by the other")
    same(client.reply_to(stream).message, b"by the other")


@check("While no backend is connected the proxy lets requests wait, one second as configured, before it "
       "answers `unavailable` (`no_backend`), `unstarted`, with `retry_after_ms`. A request whose own "
       "time is up before that is answered `deadline_exceeded`, a little earlier, so that the answer "
       "arrives.",
       "A reply with the flag `unstarted` means that the request had no effect, and that the same one "
       "may get another answer later: it may be sent again, after `retry_after_ms` where that is said.")
def no_backend(site):
    between = site.between()
    client = between.client()
    between.link.close()
    between.fakes[0].listener.settimeout(30)
    between.proxy.logged(message="link lost", backend=between.fakes[0].name)
    held = between.fakes[0].accept_raw()  # it says no hello, so it is no backend yet
    late = client.ask(value=200)
    reply = client.reply_to(late)
    same((reply.outcome, reply.unstarted), ("deadline_exceeded (deadline)", True))
    reply = client.call()
    same((reply.outcome, reply.unstarted), ("unavailable (no_backend)", True))
    holds(reply.retry_after > 0, "no hint")
    held.close()
    link = between.fakes[0].accept()
    stream = client.ask(body=b"sent again")
    same(link.next_request().message, b"sent again")
    holds(stream > 0, stream)


@check("Requests of one session wait only as long as they take no more places than are left for others.")
def places_to_wait(site):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        proxy = site.start("proxy", "--plaintext-links", "--plaintext-sessions", "--backends",
                           "%s:%d" % nobody.getsockname(), "--wait-for-backend", "1h",
                           "--limits-streams", "5000")
        client = site.connect(proxy)
        client.send(*(request(1 + 2 * i) for i in range(4000)))
        client.send(Frame(PING))
        refused = 0
        while (frame := client.read(())).kind != PONG:
            same(frame.outcome, "unavailable (no_backend)")
            refused += 1
        holds(1500 < refused < 2500, f"{refused} of 4,000 did not wait")


@check("For a service that no backend offered when it was last connected nothing waits: the answer comes "
       "at once, `unimplemented` (`unknown_service`), or `no_backend` while there is a backend that was "
       "never connected.")
def services_that_nobody_offers(site):
    between = site.between("--wait-for-backend", "1h")
    client = between.client()
    reply = client.call(0x0901)
    same((reply.outcome, reply.unstarted), ("unimplemented (unknown_service)", False))
    between.link.close()
    between.proxy.logged(message="link lost", backend=between.fakes[0].name)
    same(client.call(0x0901).outcome, "unimplemented (unknown_service)", "of what it last offered")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        proxy = site.start("proxy", "--plaintext-links", "--plaintext-sessions", "--backends",
                           "%s:%d" % nobody.getsockname(), "--wait-for-backend", "10ms")
        same(site.connect(proxy).call(0x0901).outcome, "unavailable (no_backend)")


@check("It is set with `unavailable`, `resource_exhausted` and `deadline_exceeded` only. What is refused "
       "in any case, such as an unknown method or service, a request that is too large, or hop data "
       "from a client, is not flagged, though it had no effect either.",
       "A message or metadata that cannot be parsed, an unknown method, hop data from a client: those "
       "are the request's own error, and the connection goes on.")
def what_is_refused_in_any_case(site):
    client = site.client()
    refused = [(client.call(0x01ee), "unimplemented (unknown_method)"),
               (client.call(0x0901), "unimplemented (unknown_service)"),
               (client.call(ECHO, bytes(262_144)), "invalid_argument (request_too_large)"),
               (client.call(ECHO, hop=b"x"), "permission_denied (hop_not_allowed)"),
               (client.call(ECHO, b"\xff"), "invalid_argument (bad_message)"),
               (client.call(ECHO, metadata=b"\xff"), "invalid_argument (bad_metadata)")]
    for reply, outcome in refused:
        same((reply.outcome, reply.unstarted), (outcome, False))
    client.works()


# --- Limits and violations -----------------------------------------------------------------------


@check("| the same for the first frame, a hello | 16,384 | |")
def the_hellos_own_limit(site):
    for size, taken in ((16_384, True), (16_385, False)):
        client = site.client(greet=False)
        body = hello_message(agent="x" * (size - 7))
        same(len(body), size)
        client.send(Frame(HELLO, body=body))
        if taken:
            client.works()
        else:
            client.expect_goaway("invalid_argument (bad_frame)")


@check("A request above the other side's `streams_limit`, or above the rate of its address, is answered "
       "`resource_exhausted`, `unstarted`; above the rate, `retry_after_ms` is the time until one more "
       "is taken.")
def too_many_requests(site):
    between = site.between("--limits-streams", "2")
    client = between.client()
    client.ask()
    client.ask()
    reply = client.call()
    same((reply.outcome, reply.unstarted), ("resource_exhausted (too_many_streams)", True))
    for _ in range(2):
        between.link.reply(between.link.next_request().stream)
        client.expect(REPLY)
    between = site.between("--limits-exempt", "192.0.2.0/24", "--limits-requests-per-second", "1")
    client = between.client()
    streams = [client.ask() for _ in range(3)]
    reply = client.reply_to(streams[2])
    same((reply.outcome, reply.unstarted), ("resource_exhausted (too_many_requests)", True))
    holds(0 < reply.retry_after <= 1000, f"{reply.retry_after} ms")


@check("what they do not speak of counts as one.",
       "Frames that are no requests (ping, item, credit, cancel) count in that rate, too, each as one",
       "They are never refused:", "Who pings every 15 s does not notice.")
def what_counts_as_how_much(site):
    limits = ("--limits-exempt", "192.0.2.0/24", "--limits-requests-per-second", "10")
    too_many = "resource_exhausted (too_many_requests)"
    # Twice as many as a second's at once: two of 8 leave less than a third takes.
    between = site.between(*limits, costs={1: [cost(ECHO, 8)]})
    client = between.client()
    client.send(*(request(stream, ECHO) for stream in (1, 3, 5)), *(request(7 + 2 * i, 0x0102)
                                                                   for i in range(3)))
    same(client.reply_to(5).outcome, too_many)
    same([between.link.next_request().method for _ in range(5)], [ECHO] * 2 + [0x0102] * 3)
    holds(any(refused_after_pings(site, *limits) for _ in range(5)), "pings do not count")


def refused_after_pings(site, *limits):
    """As many as the rate allows at once, then a request of the same address. Where a tenth of a second
    passed meanwhile there is room for it again."""
    between = site.between(*limits)
    pinging, client = between.client(), between.client()
    pinging.send(*(Frame(PING, value=value) for value in range(20)))
    for value in range(20):
        same(pinging.expect(PONG).value, value, "none is refused")
    stream = client.ask()
    if ready([between.link, client]) is between.link:
        return False
    same(client.reply_to(stream).outcome, "resource_exhausted (too_many_requests)")
    return True


@check("A hello or a frame that takes too long ends the connection in the same way, `deadline_exceeded` "
       "(`no_hello`, `frame_too_slow`).",
       "| time for the TLS handshake, for the hello | 5 s each | |",
       "| time for a frame that has begun | 15 s | |", beside=True)
def time_limits(site):
    half = site.client()
    half.transport.send(echo(b"x").encode()[:25])
    silent = site.client(greet=False)
    silent.expect_goaway("deadline_exceeded (no_hello)")
    shaking = Plain(socket.create_connection(site.tls_proxy.address, HANG))
    while shaking.receive():
        pass  # an alert, then the end
    shaking.close()
    half.expect_goaway("deadline_exceeded (frame_too_slow)")


# --- An example ----------------------------------------------------------------------------------


@check("A client's hello, and an echo of `hi` with two seconds left, as bytes in hexadecimal:")
def the_example(site):
    lines = re.findall(r"^(client →|proxy  →|        ) ((?:[0-9a-f]{2,8} )+)", site.page.text, re.M)
    said = {"client →": b"", "proxy  →": b""}
    who = None
    for speaker, digits in lines:
        who = speaker.strip() and speaker or who
        said[who] += bytes.fromhex(digits)
    client = site.client(greet=False)
    client.transport.send(said["client →"])
    reply = client.reply_to(1)
    holds(said["proxy  →"].endswith(reply.encode()), reply.encode().hex(" "))
    same(one(parse(reply.message), 1), b"hi")
