"""baresip as the far end: SRTP with keys in the SDP or by DTLS there, RTP here; heard both ways by content, hold, hang-up from each side.

Each baresip has a network namespace of its own, with a link to the gateway's: it takes the address of an
interface, and its RTP sockets are bound to none.
"""
import math
import wave

from support import *

HERE_IP, SECURE, PLAIN = "10.9.0.1", "10.9.0.41", "10.9.0.42"
RATE = 8000
TONES = {"secure": 620, "plain": 1060}
MUSIC = 440
USERS = {"secure": "+4930200200", "plain": "+4930200300"}
MODULES = next(iter(pathlib.Path("/usr/lib").glob("**/baresip/modules")), None)


def goertzel(samples, hertz):
    """Share of the power that lies at one frequency, 0 to 1."""
    c = 2 * math.cos(2 * math.pi * hertz / RATE)
    a = b = total = 0.0
    for x in samples:
        a, b = x + c * a - b, a
        total += x * x
    return 0.0 if total <= len(samples) * 1000 else 2 * (a * a + b * b - c * a * b) / (total * len(samples))


def write_tone(path, hertz, seconds=60):
    with wave.open(str(path), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        period = [round(8000 * math.sin(2 * math.pi * hertz * i / RATE)) for i in range(RATE)]  # a whole number of periods
        w.writeframes(struct.pack(f"<{RATE}h", *period) * seconds)


class Baresip(Process):
    """One baresip without a sound card: plays a tone, writes down what it hears, obeys over ctrl_tcp."""

    count = 0

    def __init__(self, side, address, menc, codec="PCMA", nat=""):
        need("baresip")
        if MODULES is None:
            raise Skip("the modules of baresip are not installed")
        Baresip.count += 1
        self.side, self.address = side, address
        self.home = WORK / f"baresip-{Baresip.count}-{side}"
        self.home.mkdir()
        write_tone(self.home / "tone.wav", TONES[side])
        modules = ["account.so", "contact.so", "menu.so", "ctrl_tcp.so", "g711.so", "g722.so", "opus.so", "aufile.so", "aubridge.so", "sndfile.so", "srtp.so", "dtls_srtp.so", *([f"{nat}.so"] if nat else [])]
        (self.home / "config").write_text("\n".join([
            f"sip_listen {address}:5060", f"net_interface {interface(address)}",
            f"module_path {MODULES}", *[f"module{'_app' if m in APPS else ''} {m}" for m in modules],
            "opus_stereo no", "opus_sprop_stereo no", f"audio_source aufile,{self.home}/tone.wav", "audio_player aubridge,nowhere", "audio_alert aubridge,nowhere",
            "ausrc_srate 8000", "auplay_srate 8000", "ausrc_channels 1", "auplay_channels 1", "audio_channels 1-2",
            f"snd_path {self.home}", f"ctrl_tcp_listen {address}:4444", "rtp_ports 30000-30100", "call_max_calls 4",
            f"rtcp_mux {'yes' if menc.startswith('dtls') else 'no'}", "rtp_timeout 0", ""]))
        encryption = (f";mediaenc={menc}" if menc else "") + (f";medianat={nat}" if nat else "")
        (self.home / "accounts").write_text(
            f"<sip:{USERS[side]}@{address}>;regint=0;audio_codecs={codec}{encryption};answermode=auto\n")
        (self.home / "contacts").write_text("")
        super().__init__(f"baresip-{Baresip.count}-{side}", ["unshare", "--net", "sh", "-c", OWN_NETWORK, interface(address), address,
                                                           self.home])
        connect_link(self.pid, address)
        wait_until(self.listens, 10, f"baresip {side} listens")

    def listens(self):
        if not self.alive():
            raise Failure(f"baresip {self.side} ended: {self.tail()}")
        try:
            socket.create_connection((self.address, 4444), 0.5).close()
            return True
        except OSError:
            return False

    def tell(self, command, params=""):
        with socket.create_connection((self.address, 4444), 5) as s:
            text = json.dumps({"command": command, "params": params, "token": "t"})
            s.sendall(f"{len(text)}:{text},".encode())
            s.settimeout(5)
            got = b""
            while b'"response"' not in got:
                part = s.recv(65536)
                if not part:
                    break
                got += part
            return got.decode(errors="replace")

    def heard(self):
        """What it heard of all its calls, in the order of the files."""
        samples = []
        for f in sorted(self.home.glob("dump-*-dec.wav")):
            raw = f.read_bytes()
            if len(raw) < 44:
                continue
            channels, rate = struct.unpack("<HI", raw[22:28])
            raw = raw[44:]  # the header's length is not right before the call has ended
            # The tones lie far below half of RATE: every so many samples will do.
            samples += struct.unpack(f"<{len(raw) // 2}h", raw[: len(raw) // 2 * 2])[::channels * rate // RATE]
        return samples

    def hears(self, since, seconds=1.0):
        """Share of the other side's tone in the last seconds of what it heard after so many samples."""
        other = "plain" if self.side == "secure" else "secure"
        n = int(seconds * RATE)
        samples = self.heard()[since:]
        return goertzel(samples[-n:], TONES[other]) if len(samples) >= n else 0.0


APPS = ("account.so", "contact.so", "menu.so", "ctrl_tcp.so")


def interface(address):
    return "v" + address.rpartition(".")[2]


# $0 is the name of the link, $1 our address.
OWN_NETWORK = """ip link set lo up
until ip link show "$0" >/dev/null 2>&1; do sleep 0.05; done
ip addr add "$1/24" dev "$0" && ip link set "$0" up && exec baresip -f "$2" -v -s"""


def connect_link(pid, address):
    """A link from here to the namespace of that process."""
    def own():
        return os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")

    wait_until(own, 5, "a network namespace for baresip")
    name = interface(address)
    subprocess.run(["ip", "link", "del", f"g{name}"], capture_output=True)
    subprocess.run(["ip", "addr", "replace", f"{HERE_IP}/32", "dev", "lo"], capture_output=True)
    for command in (f"link add g{name} type veth peer name {name} netns {pid}", f"link set g{name} up",
                    f"route replace {address} dev g{name} src {HERE_IP}"):
        r = subprocess.run(["ip", *command.split()], capture_output=True, text=True)
        if r.returncode != 0:
            raise Skip(f"ip {command}: {r.stderr.strip()}")


PCMA_ONLY = 'codecs = ["PCMA", "telephone-event"]'


def start(suite="AES_CM_128_HMAC_SHA1_80", codec="PCMA", menc="srtp-mand", music=None, nat=""):
    subprocess.run(["ip", "addr", "replace", f"{HERE_IP}/32", "dev", "lo"], capture_output=True)
    text = configuration(
        group("plain", PLAIN, 5060, "a-udp", routes_to=["secure"]),
        group("secure", SECURE, 5060, "b-udp", profile="secure", routes_to=["plain"]))
    only = f'codecs = ["{codec.partition("/")[0]}", "telephone-event"]'
    text = text.replace('suites = ["AES_CM_128_HMAC_SHA1_80"]', f'suites = ["{suite}"]\n{"" if codec == "PCMA" else PCMA_ONLY}')
    if menc.startswith("dtls"):
        text = text.replace('security = "sdes"', 'security = "dtls"\nrtcp_mux = true')
    if nat == "ice":
        text = text.replace('security = "sdes"', 'security = "sdes"\nice = "lite"')
    if codec != "PCMA":  # what each side can do, as an operator writes it down
        text = text.replace('profile = "operator"', 'profile = "other"')
        text += f'[[profile]]\nname = "other"\nextends = "operator"\n[profile.sdp]\n{only}\n'
    if music:
        text = text.replace('profile = "operator"', 'profile = "musical"')
        text += f'[[profile]]\nname = "musical"\nextends = "operator"\nhold_music = "{music}"\n'
    g = Gateway(text.replace("keep_one_in = 50", "keep_one_in = 1").replace(GATEWAY, HERE_IP))
    return g, Baresip("secure", SECURE, menc, nat=nat), Baresip("plain", PLAIN, "", codec)


def call(g, caller, callee):
    port = 5060 if caller.side == "plain" else 5070
    caller.tell("dial", f"sip:{USERS[callee.side]}@{HERE_IP}:{port}")
    wait_until(lambda: g.numbers()["answered"] > 0 and g.numbers()["now"] == 1, 10,
               f"the call is answered\n{caller.tail(8)}\n{callee.tail(8)}")
    both_hear(caller, callee, "after the answer")


def both_hear(a, b, when):
    """Both hear the tone of the other for a second, counted from now."""
    since = {x: len(x.heard()) for x in (a, b)}
    for x in (a, b):
        wait_until(lambda x=x: x.hears(since[x]) > 0.8, 6, f"{x.side} hears the tone of the other side {when}", 0.3)


@test("TDM-02")
def plain_calls_secure():
    """RTP calls SRTP: heard both ways, hold and resume, the called side hangs up"""
    g, secure, plain = start()
    call(g, plain, secure)
    hold(g, plain, secure)
    secure.tell("hangup")
    ended(g, plain, secure)


@test("TDM-02")
def secure_calls_plain():
    """SRTP calls RTP: heard both ways, hold and resume by the secure side, the caller hangs up"""
    g, secure, plain = start()
    call(g, secure, plain)
    hold(g, secure, plain)
    secure.tell("hangup")
    ended(g, plain, secure)


@test()
def caller_hangs_up():
    """RTP calls SRTP: the caller hangs up; then a second call over the same gateway"""
    g, secure, plain = start()
    for _ in range(2):
        call(g, plain, secure)
        plain.tell("hangup")
        g.expect_idle()
    ended(g, plain, secure)


@test()
def music_on_hold():
    """the secure side holds and falls silent: the other hears music from a file, and the tone again after the hold"""
    music = WORK / "music.wav"
    write_tone(music, MUSIC, 2)
    g, secure, plain = start(music=music)
    call(g, plain, secure)
    secure.tell("hold")
    time.sleep(0.3)
    os.kill(secure.pid, signal.SIGSTOP)  # it sends nothing at all from here
    try:
        wait_until(lambda: goertzel(on_the_wire(PLAIN), MUSIC) > 0.8, 6, "plain hears the music", 0)
    finally:
        os.kill(secure.pid, signal.SIGCONT)
    secure.tell("resume")
    wait_until(lambda: goertzel(on_the_wire(PLAIN), TONES["secure"]) > 0.8, 6, "plain hears the secure side after the hold", 0)
    plain.tell("hangup")
    ended(g, plain, secure)


def suites_of_baresip():
    """Suites that its SRTP module offers, of those that we have."""
    found = pathlib.Path(MODULES, "srtp.so").read_bytes()
    return [x for x in ("AES_CM_128_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32", "AEAD_AES_128_GCM",
                        "AEAD_AES_256_GCM") if x.encode() in found]


@test()
def every_suite():
    """each further suite that baresip knows, offered to it: heard both ways"""
    need("baresip")
    suites = suites_of_baresip()
    if not suites:
        raise Skip("baresip knows AES_CM_128_HMAC_SHA1_80 alone")
    for suite in suites:  # it offers that one alone, so it is the called side here
        g, secure, plain = start(suite)
        call(g, plain, secure)
        trail = g.command("trace", g.command("calls").splitlines()[1].split()[0], "--json")
        expect(suite in trail, f"{suite} is not in the trail:\n{trail}")
        plain.tell("hangup")
        ended(g, plain, secure)
        for b in (secure, plain):
            b.stop()
    print(f"  heard both ways with {', '.join(suites)}")


@test()
def keys_by_dtls():
    """keys of SRTP by DTLS on the secure side, called from either side: heard both ways, hold and resume"""
    g, secure, plain = start(menc="dtls_srtp")
    for caller, callee in ((secure, plain), (plain, secure)):
        call(g, caller, callee)
        trail = g.command("trace", g.command("calls").splitlines()[1].split()[0], "--json")
        expect("keys agreed by DTLSv1.2" in trail and "UDP/TLS/RTP/SAVP" in trail, f"no handshake in the trail:\n{trail}")
        if caller is plain:  # the last: its tone is another afterwards
            hold(g, plain, secure)
        caller.tell("hangup")
        g.expect_idle()
    ended(g, plain, secure)


@test("MBP-01")
def path_by_ice():
    """full ICE in control and keys in the SDP on the secure side, called from either side: heard both ways by the checked path, hold and resume"""
    g, secure, plain = start(nat="ice")
    for caller, callee in ((secure, plain), (plain, secure)):
        call(g, caller, callee)
        trail = g.command("trace", g.command("calls").splitlines()[1].split()[0], "--json")
        expect("a=ice-lite" in trail and "SRTP with ICE" in trail, f"no ICE in the trail:\n{trail}")
        if caller is plain:  # the last: its tone is another afterwards
            hold(g, plain, secure)
        caller.tell("hangup")
        g.expect_idle()
    ended(g, plain, secure)


def records():
    directory = WORK / "state" / "records"
    return [json.loads(x) for f in sorted(directory.glob("*.jsonl")) for x in f.read_text().splitlines()]


@test("TDM-09")
def codecs_that_differ():
    """PCMA under SRTP on one side; G.722, then Opus, then PCMU on the other: heard both ways, called from either side"""
    calls = len(records())  # of the tests before, which have the same state directory
    for codec in ("G722/16000/1", "opus/48000/1", "PCMU"):
        g, secure, plain = start(codec=codec)
        for caller, callee in ((plain, secure), (secure, plain)):
            call(g, caller, callee)
            calls += 1
            trail = g.command("trace", g.command("calls").splitlines()[1].split()[0])
            # Lines are cut at the width of the ladder.
            words = " ".join(trail.split())
            name = codec.partition("/")[0]
            expect(f"{name} -> PCMA" in words and f"PCMA -> {name}" in words, f"no conversion in the trail:\n{trail}")
            caller.tell("hangup")
            g.expect_idle()
        wait_until(lambda: len(records()) == calls, 5, f"{calls} records")
        expect(all(r["caller_mos"] > 4 and r["callee_mos"] > 4 for r in records()[-2:]), f"quality in the records: {records()[-2:]}")
        ended(g, plain, secure)
        for b in (secure, plain):
            b.stop()
    print("  heard both ways between PCMA and each of G.722, Opus, PCMU")


def hold(g, holder, other):
    """Silence while it is held; then both hear one another again."""
    secure, plain = (holder, other) if holder.side == "secure" else (other, holder)
    # baresip 1.0 ends its record of what it hears with the first re-INVITE: from here the wire tells. What
    # the secure side hears is known by letting it play that instead of its tone.
    expect(goertzel(on_the_wire(PLAIN), TONES["secure"]) > 0.8, "the tone of the secure side is not on the wire before the hold")
    holder.tell("hold")
    time.sleep(0.7)
    if other.side == "secure":
        held = on_the_wire(PLAIN, 0.6)  # the held side must not be heard
        expect(goertzel(held, TONES["secure"]) < 0.1, f"{other.side} is heard during hold")
    call_id = g.command("calls").splitlines()[1].split()[0]
    ladder = g.command("trace", call_id)
    expect(ladder.count("INVITE") >= 4, f"hold did not cross the gateway:\n{ladder}")
    holder.tell("resume")
    wait_until(lambda: goertzel(on_the_wire(PLAIN), TONES["secure"]) > 0.8, 6, "plain hears the secure side after the hold", 0)
    secure.tell("ausrc", "aubridge,nowhere")
    wait_until(lambda: goertzel(on_the_wire(PLAIN), TONES["plain"]) > 0.8, 6, "the secure side hears plain after the hold", 0)


def on_the_wire(address, seconds=1.0):
    """Sound of the RTP that the gateway sends to a baresip without SRTP, read from its link."""
    samples, end = [], time.monotonic() + seconds
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)) as s:
        s.bind((f"g{interface(address)}", 3))
        s.settimeout(0.1)
        while time.monotonic() < end:
            try:
                p = s.recv(2000)
            except TimeoutError:
                continue
            rtp = p[(p[0] & 15) * 4 + 8:]
            if len(p) > 28 and p[9] == 17 and socket.inet_ntoa(p[16:20]) == address and len(rtp) > 12 and rtp[0] >> 6 == 2 and rtp[1] & 127 == 8:
                samples += [alaw(b) for b in rtp[12:]]
    return samples


def alaw(byte):
    """ITU-T G.711, one sample."""
    byte ^= 0x55
    value = (byte & 15) * 16 + 8
    if exponent := byte >> 4 & 7:
        value = (value + 256) << (exponent - 1)
    return value if byte & 128 else -value


def ended(g, plain, secure):
    g.expect_idle()
    rows = g.command("calls").splitlines()[1:]
    expect(rows and all("completed" in r for r in rows), f"calls ended as:\n{rows}")
    for b in (plain, secure):
        answer = b.tell("listcalls")
        expect("Active calls (0)" in answer or "no active calls" in answer.lower(), f"{b.side} still has a call: {answer}")
        expect(b.alive(), f"baresip {b.side} died: {b.tail()}")
    g.stop()


main()
