"""RFC 4475 and RFC 5118 on the wire: each message over a socket to a running gateway, and what came back."""
import threading

from support import *

MESSAGES = ROOT / "tests" / "sip" / "torture"
TORTURER = "127.0.0.67"
WAIT = 0.5  # seconds in which silence counts as no answer


def index():
    for line in (MESSAGES / "index.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            yield line.split()


class Callee:
    """The called side: answers every INVITE with 486 and everything else with 200, and remembers the Call-IDs' number."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((CALLEE, 5060))
        self.socket.settimeout(0.1)
        self.invites, self.over = [], False
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while not self.over:
            try:
                data, source = self.socket.recvfrom(65536)
            except OSError:
                continue
            head = data.decode("utf-8", "replace").partition("\r\n\r\n")[0].split("\r\n")
            if head[0].startswith(("ACK", "SIP/2.0")):
                continue
            if head[0].startswith("INVITE"):
                self.invites.append(head[0])
            status = "486 Busy Here" if head[0].startswith("INVITE") else "200 OK"
            kept = [h + (";tag=callee" if h.startswith("To:") else "") for h in head[1:]
                    if h.startswith(("Via:", "From:", "To:", "Call-ID:", "CSeq:"))]
            self.socket.sendto("\r\n".join([f"SIP/2.0 {status}", *kept, "Content-Length: 0", "", ""]).encode(), source)

    def close(self):
        self.over = True
        self.thread.join()
        self.socket.close()


def statuses(data):
    """Status codes of the responses in `data`, and their text."""
    text = data.decode("utf-8", "replace")
    return [int(s) for s in re.findall(r"(?m)^SIP/2\.0 (\d{3}) ", text)], text


def exchange(name, transport):
    """Sends one message from a socket of its own; everything that came back within a while."""
    data = (MESSAGES / f"{name}.sip").read_bytes()
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
    s.bind((TORTURER, 0))
    s.settimeout(WAIT)
    s.connect((GATEWAY, 5060))
    s.sendall(data)
    got, end = b"", time.monotonic() + 3
    try:
        while time.monotonic() < end:
            part = s.recv(65536)
            if not part:
                break
            got += part
            if any(c >= 200 for c in statuses(got)[0]):
                break
    except OSError:
        pass
    s.close()
    return statuses(got)


def header(text, name):
    return re.findall(rf"(?mi)^{name}: *(.*?)\r?$", text)


@test()
def on_the_wire():
    """every torture message of RFC 4475 and RFC 5118 gets the answer that its section asks for"""
    # Each message comes from a port of its own, whatever its Via says.
    g = Gateway(configuration(
        group("caller", CALLER, 5060, "a-udp", routes_to=["callee"]),
        group("callee", CALLEE, 5060, "b-udp", routes_to=["caller"]),
        group("torture", TORTURER, 5060, "a-udp", "torture", routes_to=["callee"], recognise='listeners = ["a-udp", "a-tcp"]\n'),
        head='[[profile]]\nname = "torture"\nextends = "operator"\nsymmetric_response = true\n'))
    callee = Callee()
    wrong = []
    try:
        for name, rfc, section, transport, _, answer in index():
            before = len(callee.invites)
            codes, text = exchange(name, transport)
            expect(g.process.alive(), f"the gateway died of {name} (RFC {rfc} {section}): {g.process.tail()}")
            final = [c for c in codes if c >= 200]
            carried = len(callee.invites) > before
            want = {"none": [], "carried": [486]}.get(answer) if not answer.isdigit() else [int(answer)]
            if final != want or carried != (answer == "carried"):
                wrong.append(f"RFC {rfc} {section} {name}: {codes or 'no answer'}{', carried' if carried else ''}; wanted {answer}"
                             f"{': ' + ' '.join(header(text, 'Warning') + header(text, 'Reason'))[:120] if text else ''}")
            # Some sections say more than a status.
            if final == [420] and header(text, "Unsupported") != ["nothingSupportsThis, nothingSupportsThisEither"]:
                wrong.append(f"{name}: 420 without its Unsupported: {header(text, 'Unsupported')}")
            if final in ([415], [406]) and "application/sdp" not in ", ".join(header(text, "Accept")).split(", "):
                wrong.append(f"{name}: {final[0]} does not say what would be accepted")
            if final == [405] and not header(text, "Allow"):
                wrong.append(f"{name}: 405 without Allow")
            if name == "transports" and len(header(text, "Via")) != 5:
                wrong.append(f"transports: the answer has {len(header(text, 'Via'))} of 5 Vias")
            if name == "insuf" and not header(text, "CSeq"):
                wrong.append("insuf: the answer does not repeat what there was")
    finally:
        callee.close()
    expect(not wrong, "\n".join(wrong))
    g.expect_idle(45)
    sipp_both(g, "uac_hold", "uas_hold", 20)
    g.stop()


main()
