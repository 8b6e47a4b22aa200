"""Scenarios of SIPp as Python writes them: calls that play one byte over and over, so that every packet says whose it is.

The caller's ear is a socket of ours at the port of its SDP.
"""
import collections
import datetime
import threading

from support import *

EDGE = "127.0.0.31"
PHONES = {"127.0.0.41": 0x2A, "127.0.0.42": 0x4C}
FIRST, SECOND = PHONES

SDP = """v=0
o=sipp 100 1 IN IP4 [media_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio {port} RTP/AVP 8
a=rtpmap:8 PCMA/8000
a=ptime:20"""


def message(start, headers, sdp=None):
    body = ["Content-Type: application/sdp", "Content-Length: [len]", "", sdp] if sdp else ["Content-Length: 0", ""]
    return "<![CDATA[\n" + "\n".join([start, *headers, *body]) + "\n]]>"


def say(status, sdp=False, headers=(), tag="p", invite=True):
    """A response: to the INVITE, or to the request before."""
    whose = ["[last_Via:]", "[last_Record-Route:]", "[last_From:]", f"[last_To:]{f';tag=[pid]{tag}[call_number]' if invite else ''}",
             "[last_Call-ID:]", "[last_CSeq:]"]
    again = ' retrans="500"' if invite and status >= 200 else ""
    return f"<send{again}>" + message(f"SIP/2.0 {status} X", [*whose, "Contact: <sip:p@[local_ip]:[local_port]>", *headers],
                                      SDP.format(port="[rtpstream_audio_port]") if sdp else None) + "</send>"


def pause(ms):
    return f'<pause milliseconds="{ms}"/>'


def play(phone, times=-1, payload_type=8):
    """Plays the phone's byte, two seconds of it so many times; -1: until the end."""
    path = WORK / f"{phone}.raw"
    path.write_bytes(bytes([PHONES[phone]]) * 16000)
    return f'<nop><action><exec rtp_stream="{path},{times},{payload_type}"/></action></nop>'


GOES = '<recv request="ACK"/><recv request="BYE"/>' + say(200, invite=False)


def scenario(name, *steps):
    path = WORK / f"{name}.xml"
    path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{name}">\n' + "\n".join(steps) + "\n</scenario>\n")
    return path


DIALOG = ["Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]", "From: <sip:+4930100100@[local_ip]>;tag=[pid]c[call_number]",
          "Call-ID: [call_id]", "Max-Forwards: 70", "Contact: <sip:c@[local_ip]:[local_port]>"]
TO = "To: <sip:[service]@[remote_ip]>"


def request(method, cseq, headers=()):
    """One within the dialog."""
    again = "" if method == "ACK" else ' retrans="500"'
    return f"<send{again}>" + message(f"{method} [next_url] SIP/2.0", [*DIALOG, TO + "[peer_tag_param]", "[routes]", f"CSeq: {cseq} {method}", *headers]) + "</send>"


def caller_invite(headers, codecs="8"):
    return ('<send retrans="500">' + message("INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0", [*DIALOG, TO, "CSeq: 1 INVITE", *headers],
                                             SDP.format(port=30000).replace("RTP/AVP 8", f"RTP/AVP {codecs}")) + "</send>",)


def caller_ack():
    """The one of a refusal."""
    return "<send>" + message("ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0", [
        "[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "Max-Forwards: 70", "CSeq: 1 ACK"]) + "</send>"


def caller(name, headers=(), talk=300, reliable=False, codecs="8"):
    """Calls, takes whatever comes before the answer, and hangs up after `talk` ms. `reliable`: 183 must be, and gets PRACK."""
    early = "".join(f'<recv response="{s}" optional="true"/>' for s in (100, 180, 181, 182, 183))
    if reliable:
        early = ('<recv response="100" optional="true"/><recv response="183" rrs="true"><action>'
                 '<ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="1"/></action></recv>'
                 + request("PRACK", 2, ["RAck: [$1] 1 INVITE"]) + '<recv response="200"/>')
    return scenario(name, *caller_invite(headers, codecs), early, '<recv response="200" rrs="true"/>', request("ACK", 1), pause(talk), request("BYE", 3),
                    '<recv response="200"/>')


class Ear:
    """What comes to the caller's port: (seconds, first byte of the payload) of each RTP packet."""

    def __init__(self, address):
        self.heard = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 30000))
        self.socket.settimeout(0.1)
        self.open = True
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while self.open:
            try:
                p = self.socket.recv(2000)
            except TimeoutError:
                continue
            if len(p) > 12 and p[0] >> 6 == 2 and p[1] & 127 == 8:
                self.heard.append((time.time(), p[12]))

    def between(self, begin, end):
        """Packets of each phone between two times."""
        return collections.Counter(b for t, b in self.heard if begin <= t <= end)

    def close(self):
        self.open = False
        self.thread.join()
        self.socket.close()


class Call:
    """One SIPp that calls, its ear, and what was said to it."""

    def __init__(self, name, address, headers=(), talk=300, reliable=False, codecs="8"):
        self.ear = Ear(address)
        self.file = WORK / f"{name}.messages"
        self.sipp = Sipp(caller(name, headers, talk, reliable, codecs), address, 5060, f"{GATEWAY}:5060", 1, 1, limit=30,
                         extra=("-trace_msg", "-message_file", self.file))

    def finish(self):
        try:
            self.sipp.finish(30)
        finally:
            self.ear.close()
        return self

    def told(self):
        """Responses to the INVITE but 100, in their order, as they came: each a time and a text."""
        text = self.file.read_text(errors="replace").replace("\r", "")
        form = r"^-{20,} (\S+ \S+)\n\S+ message received \[\d+\] bytes *:\n+(SIP/2.0 (?!100).*?)(?=\n-{20}|\Z)"
        return [(datetime.datetime.fromisoformat(m[1]).timestamp(), m[2]) for m in re.finditer(form, text, re.S | re.M)
                if re.search(r"^CSeq: 1 INVITE", m[2], re.M)]

    def tags(self):
        return {re.search(r"^To:.*tag=(\S+)", m, re.M)[1] for _, m in self.told()}

    def told_in_short(self):
        """Such as "180 183s 200s": the statuses, with s where there was an SDP."""
        return " ".join(m[8:11] + ("s" if "m=audio" in m else "") for _, m in self.told())


def several(profiles, callee_profile="operator", trusted=False, callee=(CALLEE, 5060)):
    """A gateway with one group of callers, at 127.0.1.N, for each text of a profile."""
    groups, text = [], ""
    more = "trusted = true\n" if trusted else ""
    for i, keys in enumerate(profiles, 1):
        base = "ims-core" if trusted else "operator"
        text += f'[[profile]]\nname = "caller{i}"\nextends = "{base}"\n{keys}\n'
        groups.append(group(f"caller{i}", f"127.0.1.{i}", profile=f"caller{i}", routes_to=["callee"], extra=more))
    groups.append(group("callee", *callee, listener="b-udp", profile=callee_profile, extra=more))
    text += '[[profile]]\nname = "timed"\nextends = "operator"\nsession_timer = "request"\nsession_expires = "90s"\n'
    return Gateway(configuration(*groups) + text)


def phone(name, *steps, address=CALLEE):
    return Sipp(scenario(name, '<recv request="INVITE"/>', *steps), address, 5060,
                extra=("-trace_msg", "-message_file", WORK / f"{name}.messages"))
