"""What of docs/protocol.md cannot be tried from here, and why, or what holds it instead."""

NO_API = "Python's ssl shows or does no such thing"
DUTY = "says what a client should do, which nothing of the program's shows"
PAGE = "says where something stands"
LONG = "takes longer than this test may"

UNTRIED = {
    "in this order of preference": NO_API + ", as it offers one group at a time",
    "There is no early data.": NO_API,
    "keys are exchanged anew in any case (`psk_dhe_ke`).": NO_API,
    "It should use each ticket once, only where it dials the same host and expects the same role, and "
    "not beyond the certificates that were proved at first.": DUTY,
    "| peer → peer | See [peers](#peers). |": PAGE,
    "Who takes nothing of what is sent to it is not held to that: it has the 30 s that are said under "
    "[limits](#limits-and-violations), and they alone.":
        LONG + "; see ConnectionBounds in tests/unit/rpc_connection_test.cpp",
    "until then no other time is held against it, and when it takes something again all times begin "
    "anew.": LONG + "; the same",
    "and a key update of TLS as two.": NO_API,
    "a session whose address has sent more of them than its rate allows is not read from until that is "
    "made up for, two seconds and one request's share at most.":
        "nothing but time shows it; see tests/sim/proxy_rate_test.cpp",
    "Passwords have a rate of their own at the backends (`too_many_passwords`).":
        "the loopback has no such rate; see tests/unit/backend_passwords_test.cpp",
    "All [statuses and reasons](#statuses-and-reasons) are listed below;":
        "held by Reasons.StandInTheProtocolPage",
    "a client should expect others, and decide by the status then.": DUTY,
    "Two peers speak the same frames.": "peers prove themselves by signatures, which Python has not; "
                                        "see tests/sim/peer_talk_test.cpp",
    "Their services, and how each proves its identity, are described in "
    "[`roles/peer`](../roles/peer/README.md).": PAGE,
}
