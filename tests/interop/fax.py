"""Fax machines on both sides: modems and T.30 of libspandsp over G.711, and T.38 over UDPTL. Pages are compared by pixels.

Their SIP is here; causeway-fax-end (fax_end.cc) is the machine itself.
"""
import random

from support import *

MACHINE = BUILD / "causeway-fax-end"
CODECS = {"PCMU": 0, "PCMA": 8, "G722": 9}
FAX_LIMIT = 60  # seconds; T.30 gives up on its own before


def page(path, rows=80, width=1728):
    """A TIFF of one bit a pixel, 204 by 196 dpi: bars of random width, four rows high. Fine enough to be seconds of modem."""
    r, lines = random.Random(7), []
    for _ in range(rows // 4):
        row, x, black = bytearray(width // 8), 0, False
        while x < width:
            end = min(width, x + r.randint(8, 120))
            for i in range(x, end if black else x):
                row[i // 8] |= 128 >> i % 8
            x, black = end, not black
        lines += [bytes(row)] * 4
    data = b"".join(lines)
    at = 8 + len(data)
    tags = {254: (4, 2), 256: (4, width), 257: (4, rows), 258: (3, 1), 259: (3, 1), 262: (3, 0), 266: (3, 1), 273: (4, 8), 277: (3, 1),
            278: (4, rows), 279: (4, len(data)), 282: (5, 0), 283: (5, 8), 296: (3, 2)}
    behind = at + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", t, kind, 1, value + (behind if kind == 5 else 0)) for t, (kind, value) in tags.items())
    path.write_bytes(b"II*\0" + struct.pack("<I", at) + data + struct.pack("<H", len(tags)) + entries + struct.pack("<5I", 0, 204, 1, 196, 1))


def streams(sdp):
    """Its m= lines: (media, port, rest)."""
    return [(m[1], int(m[2]), m[3]) for m in re.finditer(r"^m=(\w+) (\d+) (.*?)\r?$", sdp, re.M)]


class Terminal:
    """The SIP of one machine: one call at a time, over UDP, without transactions of its own (loopback loses nothing)."""

    def __init__(self, address, port, codecs=("PCMA",), name="", machine=()):
        self.address, self.to, self.codecs, self.name, self.options = address, (GATEWAY, port), codecs, name, machine
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 5060))
        self.socket.settimeout(5)
        self.tag, self.number, self.version = f"t{address[-2:]}", 0, 0
        self.seen, self.machine, self.codec, self.events = set(), None, codecs[0], False

    # -- messages

    def send(self, lines, sdp=""):
        kind = ["Content-Type: application/sdp"] if sdp else []
        self.socket.sendto("\r\n".join([*lines, *kind, f"Content-Length: {len(sdp)}", "", sdp]).encode(), self.to)

    def receive(self, *starts, seconds=5):
        """The next new message that begins with one of these; what else there is must be provisional."""
        self.socket.settimeout(seconds)
        while True:
            try:
                text = self.socket.recv(65536).decode()
            except TimeoutError:
                raise Failure(f"{self.name} got no {' or '.join(starts)}") from None
            key = (text.split("\r\n")[0], header(text, "CSeq"), header(text, "Call-ID"))
            if key in self.seen:
                continue
            self.seen.add(key)
            if text.startswith(starts):
                return text
            expect(text.startswith("SIP/2.0 1"), f"{self.name} wanted {' or '.join(starts)} and got\n{text}")

    def request(self, method, sdp="", refused=False):
        """`refused`: the ACK of a refusal."""
        self.number += method != "ACK"
        if not refused:
            self.branch = f"z9hG4bK{time.monotonic_ns()}"
        self.send([f"{method} {self.target} SIP/2.0", f"Via: SIP/2.0/UDP {self.address}:5060;branch={self.branch}", "Max-Forwards: 70",
                   f"From: {self.ours}", f"To: {self.theirs}", f"Call-ID: {self.call_id}", f"CSeq: {self.number} {method}",
                   f"Contact: <sip:fax@{self.address}:5060>"], sdp)

    def reply(self, request, status, sdp=""):
        to = header(request, "To")
        self.send([f"SIP/2.0 {status} X", f"Via: {header(request, 'Via')}", f"From: {header(request, 'From')}",
                   f"To: {to if 'tag=' in to else to + ';tag=' + self.tag}", f"Call-ID: {header(request, 'Call-ID')}",
                   f"CSeq: {header(request, 'CSeq')}", f"Contact: <sip:fax@{self.address}:5060>"], sdp)

    def sdp(self, *lines):
        self.version += 1
        return "\r\n".join(["v=0", f"o=- 7 {self.version} IN IP4 {self.address}", "s=-", f"c=IN IP4 {self.address}", "t=0 0", *lines, ""])

    def audio(self, codecs=None):
        names = codecs or self.codecs
        types = {**{CODECS[c]: c for c in names}, 13: "CN", **({101: "telephone-event"} if self.events else {})}
        return [f"m=audio 30000 RTP/AVP {' '.join(map(str, types))}", *[f"a=rtpmap:{n} {c}/8000" for n, c in types.items()]]

    @staticmethod
    def image(port=30010):
        return [f"m=image {port} udptl t38", *(["a=T38FaxVersion:0", "a=T38MaxBitRate:14400", "a=T38FaxRateManagement:transferredTCF",
                                                "a=T38FaxMaxBuffer:2000", "a=T38FaxMaxDatagram:400", "a=T38FaxUdpEC:t38UDPRedundancy"] if port else [])]

    # -- calls

    def call(self, number, sdp):
        self.target, self.call_id = f"sip:{number}@{GATEWAY}:{self.to[1]}", f"{time.monotonic_ns()}@{self.address}"
        self.ours, self.theirs = f"<sip:+4930100100@{self.address}>;tag={self.tag}", f"<sip:{number}@{GATEWAY}>"
        self.request("INVITE", sdp)

    def answered(self):
        """Takes the answer to an INVITE of ours."""
        ok = self.receive("SIP/2.0 200")
        self.theirs, self.target = header(ok, "To"), re.search(r"<([^>]*)>", header(ok, "Contact"))[1]
        self.request("ACK")
        return self.take(ok)

    def refused(self, status):
        self.receive(f"SIP/2.0 {status}")
        self.request("ACK", refused=True)

    def asked(self, answer=None):
        """Takes an INVITE and answers it, with the lines that `answer` gives, without one with audio; what it was offered."""
        invite = self.receive("INVITE ")
        sdp = self.take(invite)
        self.reply(invite, 200, self.sdp(*(answer or (lambda: self.audio([self.codec])))()))
        self.receive("ACK ")
        to = header(invite, "To")
        self.ours, self.theirs, self.call_id = to if "tag=" in to else f"{to};tag={self.tag}", header(invite, "From"), header(invite, "Call-ID")
        self.target = re.search(r"<([^>]*)>", header(invite, "Contact"))[1]
        return sdp

    def take(self, message):
        """Where and what its SDP has us send."""
        sdp = self.last = message.partition("\r\n\r\n")[2]
        for media, port, rest in streams(sdp):
            if media == "audio" and port:
                self.audio_to = port
                self.codec = next((c for c in self.codecs if str(CODECS[c]) in rest.split()[1:]), None)
                expect(self.codec, f"{self.name} was given no codec of its own: {sdp}")
            if media == "image" and port:
                self.image_to = port
        return sdp

    def take_what_comes(self):
        """Whatever the gateway asks for while the machine is at work: a re-INVITE is answered, and the machine told of its codec."""
        try:
            self.socket.settimeout(0.01)
            self.socket.recv(65536, socket.MSG_PEEK)
        except TimeoutError:
            return
        self.asked()
        self.machine.popen.stdin.write(f"{self.codec}\n".encode())
        self.machine.popen.stdin.flush()

    def hang_up(self, other):
        self.request("BYE")
        other.reply(other.receive("BYE "), 200)
        self.receive("SIP/2.0 200")

    # -- the machine

    def start(self, *action, t38=False):
        at, to = (30010, self.image_to) if t38 else (30000, self.audio_to)
        self.machine = Process(f"machine-{len(Process.all)}-{self.name}", [
            MACHINE, "--local", f"{self.address}:{at}", "--remote", f"{GATEWAY}:{to}", "--codec", self.codec, "--seconds", FAX_LIMIT,
            *(["--t38"] if t38 else []), *self.options, *action], stdin=subprocess.PIPE)


def header(text, name):
    m = re.search(rf"^{name}: *(.*?)\r$", text, re.M | re.I)
    expect(m, f"no {name} in\n{text}")
    return m[1]


class Fax:
    """A call from one machine, which sends, to another."""

    count = 0

    def __init__(self, name, caller=("PCMA",), callee=("PCMA",), machine=()):
        Fax.count += 1
        self.name, self.number = name, f"+493020020{Fax.count % 10}"
        self.caller = Terminal(f"127.0.1.{Fax.count}", 5060, caller, f"{name}-calls", machine)
        self.callee = Terminal(f"127.0.2.{Fax.count}", 5070, callee, f"{name}-answers", machine)

    def groups(self, caller_profile, callee_profile):
        return (group(f"{self.name}-a", self.caller.address, 5060, "a-udp", caller_profile, [f"{self.name}-b"]),
                group(f"{self.name}-b", self.callee.address, 5060, "b-udp", callee_profile, [f"{self.name}-a"]))

    def up(self, offer=None, answer=None):
        """The call, answered; what the callee was offered and the caller answered. `offer`, `answer`: lines, without them audio."""
        a, b = self.caller, self.callee
        a.call(self.number, a.sdp(*(offer or a.audio())))
        return b.asked(answer), a.answered()

    def begin(self, t38=False):
        self.sent, self.got = WORK / f"{self.name}.tif", WORK / f"{self.name}-got.tif"
        page(self.sent)
        self.callee.start("--receive", self.got, t38=t38)
        self.caller.start("--send", self.sent, t38=t38)
        return self

    def report(self, terminal):
        lines = [x for x in terminal.machine.output().splitlines() if x.startswith("{")]
        expect(lines, f"{terminal.name} said nothing: {terminal.machine.tail(3)}")
        return json.loads(lines[-1])

    def trail(self, g):
        rows = [x.split()[0] for x in g.command("calls").splitlines()[1:] if self.number in x]
        expect(rows, f"{self.name} is not among the calls:\n{g.command('calls')}")
        return " ".join(text(g.command("trace", rows[0], "--json")))

    def hang_up(self):
        self.callee.hang_up(self.caller)


def text(trail):
    """Every note of a trail."""
    return re.findall(r'"text":\s*"((?:[^"\\]|\\.)*)"', trail)


def transmit(*faxes):
    """Lets the machines work, all at once, until all are done."""
    ends = [t for f in faxes for t in (f.caller, f.callee)]
    limit = time.monotonic() + FAX_LIMIT + 5
    while any(t.machine.alive() for t in ends):
        expect(time.monotonic() < limit, "a machine does not end")
        for t in ends:
            t.take_what_comes()
    for f in faxes:
        f.told = f.report(f.caller), f.report(f.callee)
        sent, got = f.told
        expect(sent["result"] == got["result"] == "OK" and sent["pages"] == got["pages"] == 1, f"{f.name}: sent {sent}, got {got}")
        expect(sent["pixels"] == got["pixels"] and sent["pixels"][0].isdigit(), f"{f.name}: another page: sent {sent}, got {got}")
        expect(got["bit_rate"] == 14400 and got["retries"] == got["bad_rows"] == 0, f"{f.name}: not at once: {got}")
        expect(sent["foreign"] == got["foreign"] == 0, f"{f.name}: from elsewhere: sent {sent}, got {got}")


def profiles(**keys):
    out = ""
    for name, (of_profile, of_sdp) in keys.items():
        out += f'[[profile]]\nname = "{name}"\nextends = "operator"\n{of_profile}\n[profile.sdp]\n{of_sdp}\n'
    return out


def gateway(text, *groups):
    if not MACHINE.exists():
        raise Skip("causeway-fax-end is not built: libspandsp-dev or libtiff-dev is missing")
    return Gateway(configuration(*[x for pair in groups for x in pair]).replace("keep_one_in = 50", "keep_one_in = 1") + text)


@test("TDM-19")
def in_g711():
    """a page over PCMA, and one from PCMU to PCMA with tones to be found, packets of 30 ms and silence filled: intact, and the path plain"""
    same, laws = Fax("same"), Fax("laws", ("PCMU",), machine=("--no-ecm",))
    laws.callee.events = True
    g = gateway(profiles(listens=("", 'fax = "passthrough"'), busy=("fill_silence = true", "ptime = 30"),
                         other=("fill_silence = true", 'codecs = ["PCMA", "CN", "telephone-event"]\ndigits = "rfc4733"')),
                same.groups("listens", "listens"), laws.groups("busy", "other"))
    for f in (same, laws):
        f.up()
        f.begin()
    time.sleep(1.5)  # CED begins later
    before = laws.trail(g)
    expect("PCMU -> PCMA, decoded at 8 kHz, packets of 20 ms, tones found" in before, f"nothing was done to the audio before: {before}")
    transmit(same, laws)
    for f, there, back in ((same, "PCMA, relayed", "PCMA, relayed"), (laws, "PCMU -> PCMA, by table", "PCMA -> PCMU, by table")):
        trail = f.trail(g)
        expect("ced is heard: a fax or a modem" in trail, f"no CED in the trail: {trail}")
        expect(f"to the callee: {there}, for a fax or modem; to the caller: {back}, for a fax or modem" in trail, f"not plain in the end: {trail}")
        for told, law in zip(f.told, (f.caller.codec, f.callee.codec)):
            expect(set(told["types"]) == {str(CODECS[law])} and told["lost"] == 0, f"{f.name}: {told}")
        f.hang_up()
    g.expect_idle()
    g.stop()


@test("TDM-19")
def from_another_codec():
    """a page between G.722 and PCMA, the called machine on either: that side is asked for G.711 and goes on in it; intact"""
    called, calling = Fax("called", ("PCMA",), ("G722", "PCMA")), Fax("calling", ("G722", "PCMA"))
    g = gateway(profiles(two=("", 'codecs = ["G722", "PCMA"]\ntranscoding = "always_offered"'), one=("", 'codecs = ["PCMA"]')),
                called.groups("one", "two"), calling.groups("two", "one"))
    called.up()
    calling.up(calling.caller.audio(["G722"]))
    for f in (called, calling):
        expect({f.caller.codec, f.callee.codec} == {"G722", "PCMA"}, f"{f.name}: {f.caller.codec} and {f.callee.codec}")
        f.begin()
    transmit(called, calling)
    # What is in G.722 is not listened to: there the calling machine's first words on the other side tell.
    for f, first, end in ((called, "v21-preamble", 1), (calling, "ced", 0)):
        trail, types = f.trail(g), f.told[end]["types"]
        expect(f"{first} is heard: a fax or a modem" in trail, f"{f.name}: no {first} in the trail: {trail}")
        plain = "to the callee: PCMA, relayed, for a fax or modem; to the caller: PCMA, relayed, for a fax or modem"
        expect(plain in trail, f"{f.name}: not plain in the end: {trail}")
        expect(types["8"] > types["9"] > 0, f"{f.name}: it was sent {types}")
        f.hang_up()
    g.expect_idle()
    g.stop()


NO_AUDIO = "m=audio 0 RTP/AVP 8"


def shape(sdp):
    """Such as "audio -image": its m= lines, with - where they are declined."""
    return " ".join(m if port else f"-{m}" for m, port, _ in streams(sdp))


def both(sdp):
    expect(shape(sdp) == "audio image", f"not both are there:\n{sdp}")
    expect("a=T38MaxBitRate:14400" in sdp and "a=T38FaxUdpEC:t38UDPRedundancy" in sdp, f"attributes are missing:\n{sdp}")


@test("TDM-19")
def as_t38():
    """T.38 between two groups that pass it, after CED by re-INVITE, and offered beside audio from the start: the page intact, and speech again"""
    later, beside = Fax("later"), Fax("beside")
    g = gateway(profiles(core=("", 'image = "pass"\nfax = "passthrough"')), later.groups("core", "core"), beside.groups("core", "core"))
    a, b = beside.caller, beside.callee
    for sdp in beside.up(a.audio() + a.image(), lambda: b.audio() + b.image()):
        both(sdp)
    beside.begin(t38=True)

    later.up()
    later.begin()
    wait_until(lambda: "ced is heard" in later.trail(g), 10, "CED is heard", 0.2)
    a, b = later.caller, later.callee
    for t in (a, b):  # what stands before the machine goes over to T.38
        t.machine.kill()
    b.request("INVITE", b.sdp(NO_AUDIO, *b.image()))
    offered = a.asked(a.image)
    expect(shape(offered) == "image", f"the caller was offered\n{offered}")
    answered = b.answered()
    expect(shape(answered) == "-audio image", f"the callee was answered\n{answered}")
    later.begin(t38=True)
    transmit(later, beside)

    b.request("INVITE", b.sdp(*b.audio(), *b.image(0)))
    offered = a.asked()
    expect(shape(offered) == "audio", f"the caller was offered\n{offered}")
    answered = b.answered()
    expect(shape(answered) == "audio -image", f"the callee was answered\n{answered}")
    for f in (later, beside):
        f.hang_up()
        trail = f.trail(g)
        counts = {int(m[1]) for m in re.finditer(r"T.38 received (\d+), sent \d+, dropped 0", trail)}
        path = "RTP t38 <-> RTP t38, relayed" if f is later else "RTP PCMA <-> RTP PCMA with T.38 beside it, relayed"
        expect(path in trail, f"{f.name}: no '{path}' in the trail: {trail}")
        expect(counts == {told["sent"] for told in f.told}, f"{f.name}: {f.told} and in the trail: {trail}")
    g.expect_idle()
    g.stop()


@test("TDM-19")
def declined_by_a_service():
    """T.38 beside audio and alone towards a group that declines it: the line stays with port 0, the page goes in G.711"""
    f = Fax("service")
    g = gateway(profiles(core=("", 'image = "pass"\nfax = "passthrough"'), service=("", 'fax = "passthrough"')), f.groups("core", "service"))
    a, b = f.caller, f.callee
    offered, answered = f.up(a.audio() + a.image())
    expect(shape(offered) == "audio" and shape(answered) == "audio -image", f"the service was offered\n{offered}\nand the core answered\n{answered}")
    f.begin()
    wait_until(lambda: "ced is heard" in f.trail(g), 10, "CED is heard", 0.2)
    a.request("INVITE", a.sdp(NO_AUDIO, *a.image()))
    a.refused(488)
    a.request("INVITE", a.sdp(*a.audio(), *a.image()))
    answered = a.answered()
    expect(shape(answered) == "audio -image", f"the core was answered\n{answered}")
    transmit(f)
    trail = f.trail(g)
    expect("T.38 (m=image) is declined: group 'service-b' has profile.sdp.image" in trail, f"no reason in the trail: {trail}")
    f.hang_up()
    g.expect_idle()
    g.stop()


main()
