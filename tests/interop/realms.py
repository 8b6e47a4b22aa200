"""A realm with an interface of its own: its packets leave by that one, whatever the routes say."""
from support import *

# Two links to the neighbours, each in a namespace of its own. The routes of the gateway's host are wrong on purpose:
# what is not bound to an interface goes out by the other one.
SIDES = {"left": ("10.77.1.1", "10.77.1.2"), "right": ("10.77.2.1", "10.77.2.2")}


def links():
    """The process whose namespace holds the neighbour, for each side."""
    out = {}
    for side, (ours, theirs) in SIDES.items():
        p = Process(f"net-{side}", ["unshare", "--net", "sleep", "100"])
        wait_until(lambda: os.readlink(f"/proc/{p.pid}/ns/net") != os.readlink("/proc/self/ns/net"), 3, "a namespace")
        ip("link", "add", side, "type", "veth", "peer", "name", "far", "netns", str(p.pid))
        ip("address", "add", f"{ours}/24", "dev", side)
        ip("link", "set", side, "up")
        ip("address", "add", f"{theirs}/24", "dev", "far", inside=p.pid)
        ip("link", "set", "far", "up", inside=p.pid)
        ip("route", "add", "default", "via", ours, inside=p.pid)
        out[side] = p
    for side, other in (("left", "right"), ("right", "left")):
        net = SIDES[side][0].rsplit(".", 1)[0] + ".0/24"
        ip("route", "del", net, "dev", side)
        ip("route", "add", net, "dev", side, "src", SIDES[side][0], "metric", "100")
        ip("route", "add", net, "dev", other, "metric", "10")  # better, and wrong
    return out


def socket_at(process, address, port):
    """A UDP socket in the namespace of that process."""
    s = socket_in(process, socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))
    s.settimeout(2)
    return s


def text(bound):
    t = configuration(group("left", SIDES["left"][1], 5060, "a-udp", routes_to=["right"]),
                      group("right", SIDES["right"][1], 5060, "b-udp", routes_to=["left"]))
    for realm, side, port in (("a", "left", 5060), ("b", "right", 5070)):
        ours = SIDES[side][0]
        line = f'interface = "{side}"\n' if bound else ""
        t = t.replace(f'name = "{realm}"\nmedia_addresses = ["{GATEWAY}"]', f'name = "{realm}"\n{line}media_addresses = ["{ours}"]')
        t = t.replace(f'address = "{GATEWAY}:{port}"', f'address = "{ours}:{port}"')
    return t


def sdp_of(address, port=4000):
    return AUDIO_SDP.replace("127.0.0.21", address).replace("4000", str(port))


def message(start, headers, body):
    return (f"{start}\r\n{headers}Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()


def media_of(m):
    body = m.split(b"\r\n\r\n", 1)[1].decode()
    return re.search(r"c=IN IP4 (\S+)", body)[1], int(re.search(r"m=audio (\d+)", body)[1])


def header(m, name):
    return re.findall(rf"^{name}: (.*)\r$", m.decode(), re.M | re.I)


def final(s):
    while True:
        m = s.recv(65536)
        if int(m.split(b" ", 2)[1]) >= 200:
            return m


def call(sides):
    """One call from left to right with a packet of audio each way; what does not arrive is a timeout."""
    (_, left), (_, right) = SIDES["left"], SIDES["right"]
    a, b = socket_at(sides["left"], left, 5060), socket_at(sides["right"], right, 5060)
    ra, rb = socket_at(sides["left"], left, 4000), socket_at(sides["right"], right, 4000)
    gateway = (SIDES["left"][0], 5060)
    n = time.monotonic_ns()  # one call is not another
    via = f"Via: SIP/2.0/UDP {left}:5060;branch=z9hG4bK{n}-%d\r\n"
    party = f"From: <sip:+491@{left}>;tag=l\r\nTo: <sip:+492@{gateway[0]}>%s\r\nCall-ID: {n}@{left}\r\n"
    contact = f"Contact: <sip:x@{left}:5060>\r\nMax-Forwards: 70\r\n"
    try:
        a.sendto(message(f"INVITE sip:+492@{gateway[0]} SIP/2.0", via % 1 + party % "" + "CSeq: 1 INVITE\r\n" + contact, sdp_of(left)), gateway)
        invite, back = b.recvfrom(65536)
        same = "".join(f"{n}: {v}\r\n" for n in ("Via", "From", "Call-ID", "CSeq") for v in header(invite, n))
        b.sendto(message("SIP/2.0 200 OK", same + f"To: {header(invite, 'To')[0]};tag=r\r\nContact: <sip:y@{right}:5060>\r\n", sdp_of(right)), back)
        ok = final(a)
        tag = ";tag=" + header(ok, "To")[0].split(";tag=")[1]
        a.sendto(message(f"ACK sip:+492@{gateway[0]} SIP/2.0", via % 2 + party % tag + "CSeq: 1 ACK\r\n" + contact, ""), gateway)
        time.sleep(0.2)
        packet = struct.pack("!BBHII", 0x80, 8, 1, 160, 7) + b"\x55" * 160
        for mine, to, theirs in ((ra, media_of(ok), rb), (rb, media_of(invite), ra)):
            mine.sendto(packet, to)
            while theirs.recv(4096)[1] & 0x7F != 8:
                pass
        a.sendto(message(f"BYE sip:+492@{gateway[0]} SIP/2.0", via % 3 + party % tag + "CSeq: 2 BYE\r\n" + contact, ""), gateway)
        expect(final(a).startswith(b"SIP/2.0 200"), "the BYE was not answered")
    finally:
        for s in (a, b, ra, rb):
            s.close()


def strays():
    """Packets that went out by the interface of the other realm."""
    counted = subprocess.run(["iptables", "-L", "OUTPUT", "-v", "-x", "-n"], capture_output=True, text=True).stdout
    return sum(int(l.split()[0]) for l in counted.splitlines()[2:])


@test()
def by_its_own_interface():
    """signalling and media leave by the interface of their realm, against the routes; without one, by the routes"""
    need("iptables", "nsenter")
    sides = links()
    for side, other in (("left", "right"), ("right", "left")):
        r = subprocess.run(["iptables", "-A", "OUTPUT", "-o", other, "-s", SIDES[side][0]], capture_output=True, text=True)
        if r.returncode != 0:
            raise Skip(f"iptables: {r.stderr.strip()}")
    g = Gateway(text(bound=True))
    call(sides)
    g.expect_idle()
    expect(strays() == 0, f"{strays()} packets left by the interface of the other realm")
    # The same without `interface`: this world does lead astray, or the test would prove nothing.
    g.config.write_text(text(bound=False))
    g.command("apply", g.config)
    try:
        call(sides)
        raise Failure("the routes led nobody astray: nothing was tested")
    except TimeoutError:
        pass
    expect(strays() > 0, "nothing went astray without an interface: nothing was tested, or the sockets stayed")
    # And back, on the running gateway: the listeners are opened anew.
    g.config.write_text(text(bound=True))
    g.command("apply", g.config)
    time.sleep(0.5)
    subprocess.run(["iptables", "-Z", "OUTPUT"])
    call(sides)
    g.stop()


main()
