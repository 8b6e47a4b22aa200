"""Real calls beside mutations of their own messages: no crash, no growth, no lost call. 20 minutes with --long."""
import random
import threading

from support import *

SECONDS = 1200 if LONG else 20
HOSTILE = "127.0.0.68"  # an allowed address of its own group


class Ears:
    """Every SIP message that passes the loopback between the gateway and its good peers."""

    KEPT = 400

    def __init__(self):
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.socket.bind(("lo", 0))
        except OSError as e:
            raise Skip(f"no packet socket here: {e}")
        self.socket.settimeout(0.2)
        self.heard, self.rng, self.over, self.total = [], random.Random(3), False, 0
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    def listen(self):
        while not self.over:
            try:
                frame = self.socket.recv(65536)
            except OSError:
                continue
            # Ethernet, IPv4 without options, UDP
            if len(frame) < 60 or frame[12:14] != b"\x08\x00" or frame[23] != 17 or socket.inet_aton(HOSTILE) in (frame[26:30], frame[30:34]):
                continue
            ports = struct.unpack("!HH", frame[34:38])
            if not {5060, 5070} & set(ports):
                continue
            self.total += 1
            if len(self.heard) < self.KEPT:
                self.heard.append(frame[42:])
            elif self.total % 7 == 0:
                self.heard[self.rng.randrange(self.KEPT)] = frame[42:]

    def close(self):
        self.over = True
        self.thread.join()
        self.socket.close()


# What grammars stumble over.
PIECES = [b"\r\n", b"\r\n ", b"\n", b"\r", b"\0", b"\xff\xfe", b'"', b"\\", b"<", b">", b";", b",", b"%", b"%00", b"@", b":", b"[", b"]", b"[::1]",
          b"4294967296", b"-1", b"0", b"99999999999999999999", b" ", b"\t", b"SIP/2.0", b"SIP/7.0", b"sip:", b"tel:", b"urn:service:sos", b"*",
          b"z9hG4bK", b";tag=", b";branch=", b";lr", b"?Replaces=x", b"Content-Length: 70000\r\n", b"Require: x\r\n", b"Max-Forwards: 0\r\n",
          b"Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n", b"Route: <sip:127.0.0.1;lr>\r\n", b"Record-Route: <sip:[", b"m=audio 0 RTP/AVP 8\r\n",
          b"a=rtpmap:8 ", b"a=sendonly\r\n", b"c=IN IP6 ::1\r\n", b"multipart/mixed;boundary=x", "ä".encode(), b"A" * 300, b"\r\n\r\n"]


def mutated(rng, messages):
    """One message made of what was heard. It names no call that is going on: that would be somebody who knows its secrets."""
    m = rng.choice(messages)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        lines = m.split(b"\r\n")
        at, n = rng.randrange(len(m) + 1), rng.randrange(len(lines))
        what = rng.randrange(10)
        if what == 0:
            m = m[:at] + rng.choice(PIECES) + m[at:]
        elif what == 1:
            m = m[:at] + bytes([rng.randrange(256)]) + m[at + 1:]
        elif what == 2:
            m = m[:at] + m[at + rng.randrange(1, 30):]
        elif what == 3:
            m = m[:at]
        elif what == 4:
            lines.insert(rng.randrange(len(lines)), lines[n])
            m = b"\r\n".join(lines)
        elif what == 5:
            del lines[n]
            m = b"\r\n".join(lines)
        elif what == 6:
            rng.shuffle(lines)
            m = b"\r\n".join(lines)
        elif what == 7:
            other = rng.choice(messages)
            m = m[:at] + other[rng.randrange(len(other) + 1):]
        elif what == 8:
            m = re.sub(rb"\d+", lambda d: rng.choice((d[0], d[0] * 3, b"0", b"-" + d[0])), m, count=rng.randrange(1, 6))
        else:
            m = rng.choice((m.upper, m.swapcase))() if rng.random() < 0.3 else m.replace(b": ", b":\t \r\n ", rng.randrange(1, 4))
        if not m:
            return b"\r\n"
    # Another dialog, another transaction: a tag, a Call-ID and the end of a branch of ours are 20 hexadecimal digits. What
    # names a call of the good caller's making is marked as somebody else's.
    m = re.sub(rb"(?i)[0-9a-f]{20}", lambda _: b"%020x" % rng.getrandbits(80), m)
    return m.replace(CALLER.encode(), HOSTILE.encode()).replace(b"z9hG4bK-", b"z9hG4bK-m")[:60000]


@test()
def beside_real_calls():
    """mutations of the messages that real calls send do not harm these calls"""
    g = Gateway(configuration(
        group("caller", CALLER, 5060, "a-udp", routes_to=["callee"]),
        group("callee", CALLEE, 5060, "b-udp", routes_to=["caller"]),
        group("hostile", HOSTILE, 5060, "a-udp", routes_to=["nowhere"], recognise='listeners = ["a-udp", "a-tcp"]\n'),
        group("hostile-b", HOSTILE, 5061, "b-udp", routes_to=["hostile"]),
        group("nowhere", "127.0.0.69", 5060, "b-udp", routes_to=["hostile"]),
        limits="kept_trails = 200"))
    ears = Ears()
    stop, sent, streams = threading.Event(), [0], [0]

    def datagrams():
        rng = random.Random(1)
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((HOSTILE, 5060))
        s.setblocking(False)
        while not stop.is_set():
            for _ in range(5 if ears.heard else 0):
                try:
                    s.sendto(mutated(rng, ears.heard), (GATEWAY, rng.choice((5060, 5060, 5060, 5070))))
                    sent[0] += 1
                except OSError:
                    pass
            try:
                while True:
                    s.recv(65536)
            except OSError:
                pass
            time.sleep(0.02)

    def connections():
        rng = random.Random(2)
        while not stop.is_set():
            time.sleep(0.05)
            if not ears.heard:
                continue
            try:
                with socket.socket() as s:
                    s.settimeout(0.2)
                    s.bind((HOSTILE, 0))
                    s.connect((GATEWAY, 5060))
                    data = b"".join(mutated(rng, ears.heard) for _ in range(rng.randrange(1, 6)))
                    while data:
                        n = rng.choice((1, 7, 100, len(data)))
                        s.sendall(data[:n] if len(data) > 20 * n else data)
                        data = data[n:] if len(data) > 20 * n else b""
                    streams[0] += 1
            except OSError:
                pass

    threads = [threading.Thread(target=datagrams), threading.Thread(target=connections)]
    for t in threads:
        t.start()
    start, good, sizes = time.monotonic(), 0, []
    try:
        answering = Sipp("uas_hold", CALLEE, 5060, limit=SECONDS + 200)
        while time.monotonic() < start + SECONDS:
            good += Sipp("uac_hold", CALLER, 5060, f"{GATEWAY}:5060", 100, 30, 500).finish(60)
            expect(g.process.alive(), f"the gateway died: {g.process.tail()}")
            sizes.append((time.monotonic() - start, rss_kib(g.process.pid)))
    finally:
        stop.set()
        for t in threads:
            t.join()
        ears.close()
    expect(good >= 4 * SECONDS and sent[0] > 50 * SECONDS and streams[0] > 2 * SECONDS,
           f"too little happened: {good} calls, {sent[0]} mutated datagrams, {streams[0]} connections")
    # Until a quarter of the time tables and trails fill up; then nothing may grow steadily.
    early = [kib for at, kib in sizes if at <= SECONDS / 4] or [sizes[0][1]]
    grown = sizes[-1][1] - max(early)
    expect(grown < (20_000 if LONG else 60_000), f"the gateway grew by {grown} KiB: {[k for _, k in sizes][::max(1, len(sizes) // 20)]}")
    g.expect_idle(60)
    _, _, bad = answering.counts()
    expect(bad == 0, f"{bad} calls failed on the called side\n{answering.why()}")
    answering.kill()
    print(f"{good} calls, {sent[0]} mutated datagrams, {streams[0]} connections, {grown} KiB grown after the first quarter")
    g.stop()


main()
