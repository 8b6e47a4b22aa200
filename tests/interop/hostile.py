"""Garbage, lies and half-open connections, while others telephone."""
import random
import threading

from support import *

SECONDS = 60 if LONG else 6
HOSTILE = "127.0.0.66"   # an allowed address of its own group
STRANGER = "127.0.0.99"  # nobody's


def gateway():
    return Gateway(configuration(
        group("caller", CALLER, 5060, "a-udp", routes_to=["callee"]),
        group("callee", CALLEE, 5060, "b-udp", routes_to=["caller"]),
        group("hostile", HOSTILE, 5060, "a-udp", routes_to=["callee"], recognise='listeners = ["a-udp", "a-tcp"]\n'),
        limits="max_connections = 200"))


INVITE = (f"INVITE sip:+4930200100@{GATEWAY}:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {HOSTILE}:5060;branch=z9hG4bK%d\r\n"
          f"From: <sip:+491@{HOSTILE}>;tag=a%d\r\nTo: <sip:+4930200100@{GATEWAY}>\r\nCall-ID: %d@hostile\r\nCSeq: 1 INVITE\r\n"
          f"Contact: <sip:x@{HOSTILE}>\r\nMax-Forwards: 70\r\n")
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.66\r\ns=-\r\nc=IN IP4 127.0.0.66\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"


def whole(n, body=SDP, extra=""):
    return INVITE % (n, n, n) + extra + f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n" + body


def nasty(rng, n):
    """One hostile datagram. None of these may become a call."""
    head = INVITE % (n, n, n)
    choices = [
        lambda: rng.randbytes(rng.randrange(1, 1400)),
        lambda: rng.randbytes(60000),
        lambda: b"\0" * rng.randrange(1, 200),
        lambda: b"\r\n\r\n" * rng.randrange(1, 20),
        lambda: whole(n).encode()[: rng.randrange(1, 400)],                                   # cut short
        lambda: (head + "Content-Length: 4000\r\n\r\nshort").encode(),                        # less than said
        lambda: (head + "Content-Length: -5\r\n\r\n").encode(),
        lambda: (head + "Content-Length: 99999999999999999999\r\n\r\n").encode(),
        lambda: head.replace("CSeq: 1 INVITE", "CSeq: 1 BYE").encode() + b"Content-Length: 0\r\n\r\n",
        lambda: head.replace("CSeq: 1", "CSeq: 99999999999").encode() + b"Content-Length: 0\r\n\r\n",
        lambda: head.replace("Max-Forwards: 70", "Max-Forwards: 0").encode() + b"Content-Length: 0\r\n\r\n",
        lambda: head.replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia", 1).encode() + b"Content-Length: 0\r\n\r\n",
        lambda: head.replace("Call-ID", "X-Other").encode() + b"Content-Length: 0\r\n\r\n",
        lambda: head.replace("Via: ", "Via: ,,;;\"").encode() + b"Content-Length: 0\r\n\r\n",
        lambda: (head + "X: " + "a" * 60000 + "\r\nContent-Length: 0\r\n\r\n").encode(),      # one long header
        lambda: (head + "X: y\r\n" * 5000 + "Content-Length: 0\r\n\r\n").encode(),            # very many
        lambda: (head + "Via: SIP/2.0/UDP 127.0.0.66\r\n" * 800 + "Content-Length: 0\r\n\r\n").encode(),
        lambda: (head + "Require: no-such-thing\r\nContent-Length: 0\r\n\r\n").encode(),
        lambda: whole(n, "v=0\r\nm=audio 99999 RTP/AVP 8\r\n").encode(),
        lambda: whole(n, "m=" * 500).encode(),
        lambda: whole(n, SDP + "a=rtpmap:8 " + "A" * 3000 + "\r\n").replace("m=audio 4000 RTP/AVP 8", "m=video 0 X").encode(),
        lambda: head.replace("INVITE", "BYE").encode() + b"Content-Length: 0\r\n\r\n",         # of no call
        lambda: head.replace("INVITE", "CANCEL").encode() + b"Content-Length: 0\r\n\r\n",
        lambda: head.replace("INVITE", "ACK").encode() + b"Content-Length: 0\r\n\r\n",
        lambda: head.replace("INVITE", "NOSUCHMETHOD").encode() + b"Content-Length: 0\r\n\r\n",
        lambda: f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {GATEWAY}:5060;branch=z9hG4bK-x{n}\r\nCSeq: 1 INVITE\r\n\r\n".encode(),
        lambda: b"SIP/2.0 999999 \xff\xfe\r\n\r\n",
        lambda: mutated(rng, whole(n).encode()),
    ]
    return rng.choice(choices)()


def mutated(rng, message):
    """Some bytes of a good message replaced; it loses its method, so that it cannot be a good call by chance."""
    b = bytearray(message.replace(b"INVITE", b"INV\xc3ITE"))
    for _ in range(rng.randrange(1, 20)):
        b[rng.randrange(len(b))] = rng.randrange(256)
    return bytes(b)


def half_open(stop, opened):
    """TCP connections that say nothing, half a message, or garbage, and stay; more of them than are allowed."""
    rng, kept = random.Random(2), []
    while not stop.is_set():
        try:
            s = socket.socket()
            s.settimeout(0.2)
            s.bind((HOSTILE, 0))
            s.connect((GATEWAY, 5060))
            say = rng.choice([b"", b"INVITE sip:x@y SIP/2.0\r\nVia: ", (INVITE % (1, 1, 1)).encode() + b"Content-Length: 500\r\n\r\nv=0",
                              rng.randbytes(500), b"X" * 100000, b"\r\n" * 5])
            if say:
                s.sendall(say)
            kept.append(s)
            opened.append(1)
        except OSError:
            pass
        if len(kept) > 300:
            kept.pop(0).close()
        time.sleep(0.005)
    for s in kept:
        s.close()


@test()
def storm():
    """hostile datagrams and half-open TCP connections while 100 calls run"""
    g = gateway()
    before = rss_kib(g.process.pid)
    stop, opened, sent = threading.Event(), [], [0]

    def datagrams():
        rng = random.Random(1)
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((HOSTILE, 5060))
        s.setblocking(False)
        while not stop.is_set():
            for _ in range(5):
                sent[0] += 1
                try:
                    s.sendto(nasty(rng, sent[0]), (GATEWAY, 5060))
                except OSError:
                    pass
            try:
                while True:
                    s.recv(65536)
            except OSError:
                pass
            time.sleep(0.005)

    threads = [threading.Thread(target=datagrams), threading.Thread(target=half_open, args=(stop, opened))]
    for t in threads:
        t.start()
    end = time.monotonic() + SECONDS
    try:
        answering = Sipp("uas_hold", CALLEE, 5060, limit=SECONDS + 120)
        while True:
            Sipp("uac_hold", CALLER, 5060, f"{GATEWAY}:5060", 100, 30, 500).finish(60)
            expect(g.process.alive(), f"the gateway died: {g.process.tail()}")
            if time.monotonic() > end:
                break
    finally:
        stop.set()
        for t in threads:
            t.join()
    dropped = g.dropped()
    expect(sent[0] > 100 * SECONDS and len(opened) > 10 * SECONDS, f"too little was sent: {sent[0]}, {len(opened)} connections")
    expect(len(dropped) >= 4 and sum(dropped.values()) > sent[0] // 4, f"of {sent[0]} datagrams were counted: {dropped}")
    g.expect_idle(45)
    expect("connections 0 in" in g.command("status"), "connections are left behind")
    grown = rss_kib(g.process.pid) - before
    expect(grown < 150_000, f"the gateway grew by {grown} KiB")
    answering.kill()
    g.stop()


@test("GW-06")
def strangers():
    """an unknown source is not answered, but counted"""
    g = gateway()
    for transport in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        s = socket.socket(socket.AF_INET, transport)
        s.bind((STRANGER, 5060))
        s.settimeout(1)
        for text in (whole(1), whole(2).replace("INVITE", "OPTIONS"), "garbage"):
            try:
                if transport == socket.SOCK_STREAM and text == whole(1):
                    s.connect((GATEWAY, 5060))
                s.sendto(text.encode(), (GATEWAY, 5060)) if transport == socket.SOCK_DGRAM else s.sendall(text.encode())
                answer = s.recv(4000)
                expect(not answer, f"a stranger was answered: {answer[:80]!r}")
            except OSError:  # silence, or a closed connection
                pass
        s.close()
    dropped = g.dropped()
    # Three datagrams, and at least one connection that was closed before a byte was read.
    expect(dropped.get("unknown_source", 0) >= 4, f"strangers are not counted: {dropped}")
    expect(g.numbers()["begun"] == 0, "a stranger began a call")
    g.stop()


main()
