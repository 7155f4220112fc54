"""Sections Connection, hello, ping, goaway, The end."""

import re
import ssl
import subprocess

from checks import check, holds, same
from stack import FakeBackend
from wire import (CANCEL, CREDIT, DEFAULT_FRAME_LIMIT, GOAWAY, HELLO, ITEM, PING, PONG, REPLY, REQUEST,
                  Connection, Frame, Wrong, echo, hello_message, message, one, parse, request)

ECHO = 0x0101


def refused(connect):
    """Neither handshake nor hello succeeds."""
    try:
        connection = connect()
    except (ssl.SSLError, ConnectionError, Wrong):
        return True
    connection.close()
    return False


# --- Connection ----------------------------------------------------------------------------------


@check("TCP, with TLS 1.3 (RFC 8446) on it.",
       "The ALPN protocol is `babilu/1`; a side that does not offer it is refused.")
def tls_1_3_and_alpn(site):
    client = site.tls_client()
    same(client.transport.ssl.version(), "TLSv1.3")
    same(client.transport.ssl.selected_alpn_protocol(), "babilu/1")
    client.works()
    old = site.context()
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
    holds(refused(lambda: Connection(site.dial_tls(site.tls_proxy, old))), "TLS 1.2 is taken")
    for protocols in ((), ("h2",)):
        context = site.context(protocols=protocols)
        holds(refused(lambda: Connection(site.dial_tls(site.tls_proxy, context))),
              f"ALPN {protocols} is taken")
    Connection(site.dial_tls(site.tls_proxy, site.context(protocols=("h2", "babilu/1"))))


@check("The groups are X25519MLKEM768, X25519 and P-256")
def groups(site):
    for group, taken in (("X25519", True), ("prime256v1", True), ("secp384r1", False)):
        context = site.context()
        try:
            context.set_ecdh_curve(group)
        except ssl.SSLError:
            continue  # a Python that cannot ask for X25519 alone
        connect = lambda: Connection(site.dial_tls(site.tls_proxy, context))
        same(not refused(connect), taken, group)


@check("A proxy gives its clients one session ticket with each handshake, also a resumed one.",
       "A client may use it within two hours to connect again without the proof of the certificate",
       "A ticket that the proxy cannot open, as after a restart or with a new certificate, leads "
       "to a full handshake.")
def tickets(site):
    context = site.context()
    first = Connection(site.dial_tls(site.tls_proxy, context))
    ticket = first.transport.ssl.session
    holds(ticket is not None and ticket.has_ticket, "no ticket came")
    same(ticket.ticket_lifetime_hint, 2 * 60 * 60)
    holds(not first.transport.ssl.session_reused, "the first handshake is resumed")
    second = Connection(site.dial_tls(site.tls_proxy, context, ticket))
    holds(second.transport.ssl.session_reused, "the ticket was not taken")
    second.works()
    again = second.transport.ssl.session
    holds(again is not None and again.has_ticket and again.id != ticket.id, "no second ticket came")
    restarted = site.start_tls_proxy("%s:%d" % site.tls_backend.address)
    restarted.logged(message="link up")
    third = Connection(site.dial_tls(restarted, context, again))
    holds(not third.transport.ssl.session_reused, "a ticket of another process was taken")
    third.works()


@check("Links and peers have no tickets: there both sides prove their certificates each time.",
       "Both: `urn:babilu:role:backend` for the backend, `urn:babilu:role:proxy` for the proxy.")
def links_prove_both_certificates(site):
    link = Connection(site.dial_tls(site.tls_backend, site.context("proxy")))
    link.works()
    session = link.transport.ssl.session
    holds(session is None or not session.has_ticket, "a backend gave a ticket")
    names = link.transport.ssl.getpeercert()["subjectAltName"]
    holds(("URI", "urn:babilu:role:backend") in names, f"the backend is none: {names}")
    for role in (None, "backend"):
        holds(refused(lambda: Connection(site.dial_tls(site.tls_backend, site.context(role)))),
              f"a backend lets in a certificate of {role}")
    # The other way round: what the proxy shows, and whom it takes for a backend.
    between = site.between(context=site.server_context("backend"))
    names = between.link.transport.ssl.getpeercert()["subjectAltName"]
    holds(("URI", "urn:babilu:role:proxy") in names, f"the proxy is none: {names}")
    pretender = FakeBackend(site.server_context("proxy"))
    site.callback(pretender.close)
    site.start_tls_proxy(pretender.name)
    holds(refused(pretender.accept), "a proxy takes a proxy for a backend")


@check("The proxy's must list the host that was dialed and have the URI `urn:babilu:role:proxy`. "
       "The client has none.")
def the_proxys_certificate(site):
    names = site.tls_client().transport.ssl.getpeercert()["subjectAltName"]
    holds(("DNS", "localhost") in names and ("URI", "urn:babilu:role:proxy") in names, names)


@check("Without TLS the same frames run on plain TCP.",
       "Servers allow that on loopback only, when they are configured for it.")
def plain_tcp_on_loopback_only(site):
    site.client().works()
    for role, options in (("proxy", ["--plaintext-sessions"]), ("backend", ["--plaintext-links"])):
        ended = subprocess.run([site.program, role, "--listen", "0.0.0.0:0", *options],
                               capture_output=True, text=True, cwd=site.directory, timeout=30,
                               check=False, env={"BABILU_MASTER_KEY": "A" * 43})
        holds(ended.returncode != 0 and "loopback" in ended.stderr, f"{role}: {ended.stderr}")
    for process in (site.tls_proxy, site.tls_backend):
        holds(refused(lambda: site.connect(process)), "a server with TLS takes plaintext")


@check("A proxy that has too many connections closes a further one before its handshake. "
       "Without TLS it says why first, in a goaway without a hello.")
def too_many_connections(site):
    proxy = site.start("proxy", "--plaintext-links", "--plaintext-sessions", "--limits-sessions",
                       "1", "--backends", "127.0.0.1:1")
    site.connect(proxy)
    further = site.connect(proxy, greet=False, wait=False)
    same(further.expect(GOAWAY).outcome, "resource_exhausted (too_many_sessions)")
    further.expect_end()


# --- hello ---------------------------------------------------------------------------------------


@check("The first frame of each side, sent without waiting for the other's.")
def hello_comes_unasked(site):
    for process in (site.proxy, site.backends[0]):
        site.connect(process, greet=False)  # waits for the other's


def table_of_costs(page):
    """Number and cost of each method, as the page has them."""
    rows = re.findall(r"^\| \w+\.\w+ \| (0x\w{4}) \|.*\| (\d+)[^|]* \|$", page.text, re.M)
    return [(int(number, 16), int(count)) for number, count in rows]


@check("It carries the versions that the sender speaks (`version_min`, `version_max`; this page is "
       "version 1), its limits, and, from a backend, the services it offers, with what their methods "
       "cost (see [services](#services)).",
       "A proxy knows that by the backends' hellos (`OfferedService.costs`);",
       "In the rate of an address a request counts as so many: what it takes of the machine, in echoes.",
       "| 0 | hello | 0 | | | `Hello` |")
def hello_says_what_is_spoken(site):
    for process, services, streams in ((site.proxy, [], 1024),
                                       (site.backends[0], [1, 2, 3, 4], 65_536)):
        connection = site.connect(process)
        hello, frame = connection.hello, connection.hello_frame
        same((one(hello, 1, 0), one(hello, 2, 0)), (1, 1), "versions")
        same(one(hello, 3, 0), DEFAULT_FRAME_LIMIT, "frame_limit")
        same(one(hello, 4, 0), streams, "streams_limit")
        same(one(hello, 5, 0), 65_536, "initial_credit")
        offered = [parse(service) for service in hello.get(7, [])]
        same([one(service, 1, 0) for service in offered], services, "services")
        costs = {one(service, 1, 0) << 8 | one(parse(cost), 1, 0): one(parse(cost), 2, 0)
                 for service in offered for cost in service.get(4, [])}
        same(costs, {number: count for number, count in table_of_costs(site.page)
                     if count > 1 and process is not site.proxy}, "what methods cost")
        same((frame.stream, frame.flags, frame.value, frame.method), (0, 0, 0, 0), "its header")


@check("If there is no common version the side that notices says goaway with `failed_precondition` "
       "(`no_common_version`) and closes.", "an unknown version.")
def versions(site):
    for spoken in ((2, 2), (0, 0), (2, 9)):
        connection = site.client(greet=False, wait=False)
        connection.send(Frame(HELLO, body=hello_message(versions=spoken)))
        connection.expect_goaway("failed_precondition (no_common_version)")
    site.client(versions=(1, 7)).works()


@check("Anything but a goaway before the sender's own hello is a violation (`hello_expected`).",
       "a second hello, or something else before it;")
def hello_comes_first(site):
    for kind in (REQUEST, ITEM, REPLY, CANCEL, CREDIT, PING, PONG):
        connection = site.client(greet=False, wait=False)
        stream = 1 if REQUEST <= kind <= CREDIT else 0
        connection.send(Frame(kind, stream))
        connection.expect_goaway("invalid_argument (hello_expected)")
    connection = site.client(greet=False)
    connection.send(Frame(GOAWAY), Frame(HELLO, body=hello_message()))
    connection.works()
    connection.send(Frame(HELLO, body=hello_message()))
    connection.expect_goaway("invalid_argument (second_hello)")


@check("A client should also wait for the proxy's hello before its first request, as it does not "
       "know the limits before; a request that comes earlier is treated like any other.")
def a_request_with_the_hello(site):
    connection = site.client(greet=False, wait=False)
    connection.send(Frame(HELLO, body=hello_message()), echo(b"early"))
    connection.meet()
    same(connection.reply_to(1).message, message((1, b"early")))


@check("`frame_limit` is the most bytes after a header that the sender takes: 1,024 at least, so "
       "that a reply that says why there is no other always fits; 0 or nothing is 262,144. A "
       "smaller one is a violation (`frame_limit_too_small`).",
       "| bytes after a header | 262,144 | `Hello.frame_limit` may lower it, to 1,024 at least |")
def frame_limit_of_the_client(site):
    for limit in (1, 1023):
        connection = site.client(wait=False, frame_limit=limit)
        connection.expect_goaway("invalid_argument (frame_limit_too_small)")
    modest = site.client(frame_limit=1024)
    modest.works()
    same(modest.call(ECHO, message((1, bytes(1100)))).outcome, "resource_exhausted (reply_too_large)")
    modest.works()
    usual = site.client()
    same(len(usual.call(ECHO, message((1, bytes(261_000)))).message), 261_004)
    absent = site.client(greet=False)
    absent.send(Frame(HELLO, body=message((1, 1), (2, 1), (3, 0))))
    same(len(absent.call(ECHO, message((1, bytes(261_000)))).message), 261_004)


@check("A reply that is larger than its receiver takes is replaced by `resource_exhausted` "
       "(`reply_too_large`): the request has been done, and only its answer is missing.",
       "A refusal that is larger loses its `message`.")
def replies_that_are_too_large(site):
    between = site.between()
    client = between.client(frame_limit=1024)
    stream = client.ask(body=b"do it")
    done = between.link.next_request()
    same(done.message, b"do it")
    between.link.reply(done.stream, bytes(1025))
    reply = client.reply_to(stream)
    same((reply.outcome, reply.unstarted), ("resource_exhausted (reply_too_large)", False))
    stream = client.ask()
    between.link.reply(between.link.next_request().stream, value=5, reason="nobody", text="x" * 1100)
    reply = client.reply_to(stream)
    same((reply.outcome, one(reply.detail, 2)), ("not_found (nobody)", b""))


@check("A proxy puts up to 128 bytes of hop data in front of a request, and the whole must be within "
       "the `frame_limit` of each backend, which is 262,144 unless somebody changed it.",
       "So a client should keep its metadata and message together to its proxy's `frame_limit` less "
       "128. What is within the `frame_limit` and does not fit with its hop data is refused, "
       "`invalid_argument` (`request_too_large`), and the connection goes on.")
def room_for_hop_data(site):
    between = site.between()
    client = between.client()
    limit = one(client.hello, 3, 0)
    metadata = message((3, "a trace"))
    stream = client.ask(body=bytes(limit - 128 - len(metadata)), metadata=metadata)
    arrived = between.link.next_request()
    holds(0 < arrived.hop <= 128, f"{arrived.hop} bytes of hop data")
    same(len(arrived.body), arrived.hop + limit - 128)
    between.link.reply(arrived.stream)
    same(client.reply_to(stream).outcome, "ok")
    fits = limit - arrived.hop
    stream = client.ask(body=bytes(fits))
    between.link.reply(between.link.next_request().stream)
    same(client.reply_to(stream).outcome, "ok", "what just fits")
    for size in (fits + 1, limit):
        reply = client.call(body=bytes(size))
        same((reply.outcome, reply.unstarted), ("invalid_argument (request_too_large)", False))
    small = site.between(frame_limit=2048)
    client = small.client()
    same(client.call(body=bytes(2048)).outcome, "invalid_argument (request_too_large)")
    client.ask(body=bytes(1900))
    same(len(small.link.next_request().message), 1900)


@check("`streams_limit` is the most requests of the other side that may be unanswered; 0 or nothing "
       "is 1,024.", "| unanswered requests on a connection | 1,024; 65,536 to a backend | `Hello.streams_limit` |")
def streams_limit(site):
    # The proxy keeps to a backend's; whoever serves refuses what is more.
    between = site.between("--limits-streams", "2000", streams_limit=1)
    client = between.client()
    same(one(client.hello, 4, 0), 2000)
    first, second = client.ask(body=b"1"), client.ask(body=b"2")
    arrived = between.link.next_request()
    between.link.send(Frame(PING, value=7))
    same(between.link.expect(PONG).value, 7, "something came before the first was answered")
    between.link.reply(arrived.stream)
    client.reply_to(first)
    between.link.reply(between.link.next_request().stream)
    client.reply_to(second)
    usual = site.between("--limits-streams", "2000", "--wait-for-backend", "0s")
    client = usual.client()
    client.send(*(request(1 + 2 * i) for i in range(1025)))
    same(client.read().outcome, "resource_exhausted (backends_busy)")
    for _ in range(1024):
        usual.link.next_request()


@check("`initial_credit` is explained under [items](#items-and-credit); 0 or nothing is 65,536, and "
       "less than that is a violation (`credit_too_small`).")
def initial_credit(site):
    site.client(wait=False, credit=65_535).expect_goaway("invalid_argument (credit_too_small)")
    site.client(credit=65_536).works()
    site.client().works()


@check("A proxy says in `address_limits` how many sessions a client's address may have, and how many "
       "handshakes and requests a second it may make, all its connections together, when the session "
       "begins. 0 is no limit: so it is for an exempt address. Without the field nothing is said.",
       "| sessions, handshakes and requests of an address | as configured | `Hello.address_limits`; some "
       "methods count as several requests |")
def address_limits(site):
    proxy = site.start("proxy", "--plaintext-links", "--plaintext-sessions", "--limits-exempt",
                       "192.0.2.0/24", "--limits-sessions-per-address", "11",
                       "--limits-handshakes-per-second", "12", "--limits-requests-per-second", "13",
                       "--backends", "127.0.0.1:1")
    limits = parse(one(site.connect(proxy).hello, 8))
    same([one(limits, number, 0) for number in (1, 2, 3)], [11, 12, 13])
    exempt = parse(one(site.client().hello, 8, None))
    same([one(exempt, number, 0) for number in (1, 2, 3)], [0, 0, 0])
    holds(8 not in site.connect(site.backends[0]).hello, "a backend has limits for an address")


# --- ping ----------------------------------------------------------------------------------------


@check("Whoever receives one answers at once with a pong of the same value.",
       "A pong that nobody asked for is ignored.", "| 6 | ping | 0 | | any | |",
       "| 7 | pong | 0 | | that of the ping | |")
def ping_and_pong(site):
    for process in (site.proxy, site.backends[0]):
        connection = site.connect(process)
        for value in (0, 1, 0xffffffff):
            connection.send(Frame(PING, value=value))
            same(connection.expect(PONG).value, value)
        connection.send(Frame(PONG, value=3))
        connection.works()


@check("A side that has heard nothing for a while (15 s on a client's connection, 2 s on a link) "
       "pings, and gives the connection up when nothing comes back for 5 s (3 s) from then on.",
       beside=True)
def silence(site):
    quiet = site.client()
    between = site.between()
    for connection in (between.link, quiet):
        connection.answer_pings = False
        connection.expect(PING)
        connection.expect_end()


# --- goaway --------------------------------------------------------------------------------------


@check("Says that requests of the receiver's after stream `value` were not looked at and no new ones "
       "will be; they may be sent again elsewhere. It is said once at most.",
       "If `StatusDetail.code` is 0 the sender is draining: requests in flight are still answered, "
       "then it closes. A request that comes all the same is answered `unavailable` (`draining`), "
       "`unstarted`.",
       "| 8 | goaway | 0 | | the last stream accepted | `StatusDetail` |",
       "A violation ends the connection with a goaway that says what was wrong, unless one was said "
       "before:")
def a_proxy_that_drains(site):
    between = site.between()
    client, other = between.client(), between.client()
    asked = client.ask()
    arrived = between.link.next_request()
    asked_by_other = other.ask()
    between.link.next_request()
    between.proxy.terminate()
    goaway = client.expect(GOAWAY)
    same((goaway.value, goaway.stream, goaway.outcome), (asked, 0, "draining"))
    late = client.call()
    same((late.outcome, late.unstarted), ("unavailable (draining)", True))
    between.link.reply(arrived.stream, b"done")
    same(client.reply_to(asked).message, b"done")
    client.expect_end()
    same(other.expect(GOAWAY).value, asked_by_other)
    other.send(Frame(HELLO, body=hello_message()))
    other.expect_end()
    same(between.proxy.wait(), 0)


@check("Whoever receives such a goaway should connect elsewhere for what is new, and stay for the "
       "replies that are due.")
def a_backend_that_drains(site):
    between = site.between(backends=2)
    leaving, staying = between.links
    client = between.client()
    leaving.send(Frame(GOAWAY, value=0))
    leaving.send(Frame(PING))
    leaving.expect(PONG)
    streams = [client.ask(route=route) for route in range(1, 21)]
    for stream in streams:
        staying.reply(staying.next_request().stream)
        client.reply_to(stream)


@check("If the code is not 0 it is the reason why the connection ends now. Requests without a reply "
       "get none any more, and may have been done. What the other side still sends is not looked at, "
       "and the sender of the goaway closes as soon as it has left, a second later at most.",
       "The requests of a client that has gone are cancelled at their backends.")
def after_a_violation(site):
    between = site.between()
    client = between.client()
    client.ask()
    arrived = between.link.next_request()
    client.send(Frame(HELLO, body=hello_message()), request(3))
    goaway = client.expect_goaway("invalid_argument (second_hello)")
    same(goaway.value, 1)
    same(between.link.expect(CANCEL).stream, arrived.stream)
    between.link.reply(arrived.stream)
    between.client().ask(body=b"another's")
    same(between.link.next_request().message, b"another's", "the first to come afterwards")


# --- The end -------------------------------------------------------------------------------------


@check("A client says goodbye by ending its direction once it has asked all: TLS's `close_notify`, or "
       "without TLS the end of what it sends (`shutdown(SHUT_WR)`).",
       "What was read before that is answered, then the other side ends the connection; nothing is "
       "lost. It sends pongs meanwhile that nobody asked for, to see whether anybody is left to take "
       "the answers. No goaway is needed;")
def goodbye(site):
    for context in (None, site.server_context("backend")):
        between = site.between(context=context)
        client = between.client()
        streams = [client.ask() for _ in range(5)]
        client.shut()
        arrived = [between.link.next_request() for _ in streams]
        client.expect(PONG)
        for frame in arrived:
            between.link.reply(frame.stream)
        same([client.expect(REPLY).stream for _ in streams], streams)
        client.expect_end()


@check("one with code 0 changes nothing, as the proxy asks its clients nothing, and one with another "
       "code ends the connection at once, without the answers that are due.")
def a_clients_goaway(site):
    between = site.between()
    client = between.client()
    client.send(Frame(GOAWAY))
    stream = client.ask()
    between.link.reply(between.link.next_request().stream)
    same(client.reply_to(stream).outcome, "ok")
    client.ask()
    arrived = between.link.next_request()
    client.send(Frame(GOAWAY, body=message((1, "enough"), (5, 1))))
    client.expect_end()
    same(between.link.expect(CANCEL).stream, arrived.stream)


@check("With TLS the end of the TCP stream alone, without `close_notify`, could be an attacker's: the "
       "connection is lost then, and so are its answers.")
def an_end_without_close_notify(site):
    between = site.between(context=site.server_context("backend"))
    client = between.client()
    client.ask()
    arrived = between.link.next_request()
    client.transport.shut_tcp()
    same(between.link.expect(CANCEL).stream, arrived.stream)
    client.expect_end()


@check("A side that itself waits for a reply when the other one ends gets none, and closes at once.")
def a_backend_that_ends(site):
    between = site.between()
    client = between.client()
    stream = client.ask()
    between.link.next_request()
    between.link.shut()
    same(client.reply_to(stream).outcome, "unavailable (backend_lost)")
    between.link.expect_end()
