"""Transfers with SIPp on all sides: blind ones by the hundred, and attended ones of a transferor of our own."""
import socket

from support import *

CALLS = 2000 if LONG else 200
THIRD = "127.0.0.23"


def sdp(address):
    return (f"v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8 101\r\n"
            "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n")


@test("TDR-99", "TDR-101", "TDR-107")
def blind():
    """blind transfers, 20 a second: NOTIFY, the target byte for byte, the caller stays and hangs up on the target"""
    g = Gateway(configuration(
        group("caller", CALLER, 5060, "a-udp", routes_to=["callee"]),
        group("callee", CALLEE, 5060, "b-udp", routes_to=["caller"])))
    sipp_both(g, "uac", "uas_refers", CALLS, rate=20, hold_ms=2500, limit=60 + CALLS // 20)
    n = g.numbers()
    expect(n["begun"] == n["answered"] == CALLS and n["failed"] == 0, f"the gateway counts otherwise: {n}")
    g.stop()


class Transferor:
    """Answers a call, makes another, and joins the two by REFER with Replaces. One at a time, over UDP."""

    def __init__(self, address):
        self.address, self.number = address, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 5060))

    def receive(self, *starts):
        """The next message that begins with one of these; a repetition of what was answered is passed over."""
        end = time.monotonic() + 10
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data, self.peer = self.socket.recvfrom(65536)
            except TimeoutError:
                break
            text = data.decode()
            if text.startswith(starts):
                return text
        raise Failure(f"no {' or '.join(starts)} came within 10 s")

    @staticmethod
    def header(text, name):
        m = re.search(rf"^{name}: *(.*?)\r$", text, re.M | re.I)
        expect(m, f"no {name} in\n{text}")
        return m[1]

    def reply(self, request, status, tag="", body=""):
        to = self.header(request, "To") + (f";tag={tag}" if tag else "")
        lines = [f"SIP/2.0 {status} X", f"Via: {self.header(request, 'Via')}", f"From: {self.header(request, 'From')}", f"To: {to}",
                 f"Call-ID: {self.header(request, 'Call-ID')}", f"CSeq: {self.header(request, 'CSeq')}",
                 f"Contact: <sip:t@{self.address}:5060>"]
        self.send(lines, body, "application/sdp")

    def send(self, lines, body="", kind=""):
        if body:
            lines = [*lines, f"Content-Type: {kind}"]
        self.socket.sendto("\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode(), (GATEWAY, 5070))

    def request(self, method, target, ours, theirs, call_id, cseq, more=(), body=""):
        self.number += 1
        self.send([f"{method} {target} SIP/2.0", f"Via: SIP/2.0/UDP {self.address}:5060;branch=z9hG4bKt{self.number}", "Max-Forwards: 70",
                   f"From: {ours}", f"To: {theirs}", f"Call-ID: {call_id}", f"CSeq: {cseq} {method}",
                   f"Contact: <sip:t@{self.address}:5060>", *more], body, "application/sdp")

    @staticmethod
    def uri(value):
        return re.search(r"<([^>]*)>", value)[1]

    def run(self, i):
        # The call that comes in ...
        invite = self.receive("INVITE ")
        self.reply(invite, 200, f"in{i}", sdp(self.address))
        self.receive("ACK ")
        first = (self.uri(self.header(invite, "Contact")), f"{self.header(invite, 'To')};tag=in{i}", self.header(invite, "From"),
                 self.header(invite, "Call-ID"))
        # ... the one that is made ...
        ours, call_id = f"<sip:+4930200200@{self.address}>;tag=out{i}", f"consult-{i}@{self.address}"
        self.request("INVITE", f"sip:+4930300300@{GATEWAY}:5070", ours, "<sip:+4930300300@x>", call_id, 1, (), sdp(self.address))
        ok = self.receive("SIP/2.0 200", "SIP/2.0 4", "SIP/2.0 5")
        theirs, target = self.header(ok, "To"), self.uri(self.header(ok, "Contact"))
        self.request("ACK", target, ours, theirs, call_id, 1)
        # ... and both made one.
        tag = re.search(r"tag=([^;\s]*)", theirs)[1]
        where = f"<sip:+4930300300@{THIRD}?Replaces={call_id.replace('@', '%40')}%3Bto-tag%3D{tag}%3Bfrom-tag%3Dout{i}>"
        self.request("REFER", *first, 1, (f"Refer-To: {where}", f"Referred-By: <sip:t@{self.address}>"))
        said, bye, accepted = [], False, False
        while not (bye and accepted and any(s.startswith("SIP/2.0 200") for s in said)):
            m = self.receive("NOTIFY ", "BYE ", "SIP/2.0 202")
            if m.startswith("SIP"):
                accepted = True
                continue
            self.reply(m, 200)
            if m.startswith("BYE"):
                expect(self.header(m, "Call-ID") == call_id, f"BYE of another call:\n{m}")
                bye = True
            elif (body := m.partition("\r\n\r\n")[2]) not in said:
                said.append(body)
        expect(said == ["SIP/2.0 100 Trying\r\n", "SIP/2.0 200 OK\r\n"], f"the transferor was told {said}")
        self.request("BYE", *first, 2)
        self.receive("SIP/2.0 200")


@test("TDR-99")
def attended():
    """attended transfers: the two parties that are left are joined, on one shard or two, and hang up on each other"""
    g = Gateway(configuration(
        group("caller", CALLER, 5060, "a-udp", routes_to=["callee"]),
        group("callee", CALLEE, 5060, "b-udp", routes_to=["third"]),
        group("third", THIRD, 5060, "a-udp"), operation="shards = 3"))
    third = Sipp("uas", THIRD, 5060, limit=90)
    transferor = Transferor(CALLEE)
    for i in range(5):
        caller = Sipp("uac", CALLER, 5060, f"{GATEWAY}:5060", 1, 1, 1500, limit=30)
        transferor.run(i)
        caller.finish(20)
    n = g.expect_idle(10)
    expect(n["begun"] == n["answered"] == 10 and n["failed"] == 0, f"the gateway counts otherwise: {n}")
    time.sleep(1.2)
    _, good, bad = third.counts()
    expect(bad == 0 and good >= 4, f"{third.name}: {good} good, {bad} failed\n{third.why()}")
    records = "".join(p.read_text() for p in WORK.glob("state/records/*.jsonl"))
    expect(records.count(f'"transferred_by":"sip:t@{CALLEE}"') == 10, f"the records say otherwise:\n{records[:3000]}")
    g.stop()


main()
