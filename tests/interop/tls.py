"""TLS as an operator meets it: tls-check against good and bad peers, certificates renewed while calls go on, SNI."""
import shutil
import ssl
import threading

from certificates import Authority, openssl
from support import *

NAME = "sip.peer.example"
OURS = "sbc.operator.example"


class SipOverTls:
    """A TLS server that asks for a certificate and answers whatever comes with 200."""

    def __init__(self, port, crt, key, roots, maximum=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(crt, key)
        context.load_verify_locations(roots)
        context.verify_mode = ssl.CERT_REQUIRED
        if maximum:
            context.maximum_version = maximum
        self.sock = socket.create_server((CALLEE, port))
        threading.Thread(target=self.serve, args=(context,), daemon=True).start()

    def serve(self, context):
        while True:
            try:
                raw, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(context, raw), daemon=True).start()

    @staticmethod
    def talk(context, raw):
        try:
            raw.settimeout(5)
            with context.wrap_socket(raw, server_side=True) as s:
                text = s.recv(65536).decode()
                if not text:
                    return
                keep = [line for line in text.split("\r\n") if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
                s.sendall(("SIP/2.0 200 OK\r\n" + "\r\n".join(keep) + "\r\nContent-Length: 0\r\n\r\n").encode())
                s.recv(1)
        except OSError:
            pass

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)  # a thread waits in accept()
        self.sock.close()


def text_for(crt, key, roots, host=NAME, port=5061, more=""):
    listener = f"""
[[tls_identity]]
name = "ours"
certificate = "{crt}"
key = "{key}"
trusted_roots = ["{roots}"]
{more}
[[listener]]
name = "b-tls"
realm = "b"
transport = "tls"
address = "{GATEWAY}:5071"
tls_identity = "ours"
{'more_tls_identities = ["second"]' if more else ''}
[[profile]]
name = "service"
extends = "operator"
contact_host = "{OURS}"
"""
    return configuration(group("caller", CALLER, 5060, "a-udp", routes_to=["service"]),
                         group("service", host, port, "b-tls", "service", routes_to=["caller"], peer_extra='transport = "tls"',
                               recognise='sources = ["127.0.0.0/8"]'), listeners=listener)


def check(config, what):
    r = subprocess.run([str(CAUSEWAY), "tls-check", what, "--config", str(config)], capture_output=True, text=True, timeout=60)
    return r.returncode, r.stdout + r.stderr


_authority = []


def authority():
    if not _authority:
        a = Authority(WORK / "pki")
        a.issue("intermediate", [], usage="", authority=True)
        a.issue("good", [OURS])
        a.issue("peer", [NAME, CALLEE])
        a.issue("domain", [f"sip:{NAME}", "host.elsewhere.test"])
        _authority.append(a)
    return _authority[0]


def run_case(name, peer=None, ours=None, maximum=None, roots=None):
    a = authority()
    d = WORK / name
    d.mkdir(exist_ok=True)
    names = Names.one or Names({NAME: CALLEE})
    f = d / "gateway.toml"
    f.write_text(text_for(*(ours or (a.d / "good.crt", a.d / "good.key")), roots or a.root).replace(
        "[operation]", f'resolvers = ["{names.address}"]\n[operation]', 1))
    server = SipOverTls(5061, *(peer or (a.d / "peer.crt", a.d / "peer.key")), a.root, maximum)
    try:
        return check(f, "service-1")
    finally:
        server.close()


class Names:
    """A name service of a few A records, for all tests of this file."""

    one = None

    def __init__(self, records, at="127.0.0.53", port=5353):
        Names.one = self
        self.records, self.address = records, f"{at}:{port}"
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((at, port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                data, who = self.sock.recvfrom(4096)
            except OSError:
                return
            at, labels = 12, []
            while data[at]:
                labels.append(data[at + 1:at + 1 + data[at]].decode().lower())
                at += 1 + data[at]
            kind = struct.unpack("!H", data[at + 1:at + 3])[0]
            address = self.records.get(".".join(labels)) if kind == 1 else None
            answer = (b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + socket.inet_aton(address)) if address else b""
            flags = 0x8180 if ".".join(labels) in self.records else 0x8183
            self.sock.sendto(data[:2] + struct.pack("!HHHHH", flags, 1, 1 if address else 0, 0, 0) + data[12:at + 5] + answer, who)


@test("TDR-11", "TDR-13", "TDR-14", "TDR-16", "TDR-17")
def check_finds_nothing():
    """tls-check of a good peer shows both chains, names, purposes, versions and suites, and ends with 0"""
    need("openssl")
    code, text = run_case("fine")
    expect(code == 0, f"exit status {code}:\n{text}")
    for what in ("TLSv1.3 with TLS_AES_256_GCM_SHA384", "TLSv1.2 with ECDHE-ECDSA-AES256-GCM-SHA384", NAME, OURS,
                 "server and client authentication", f"asked by SNI for {NAME}", "SIP/2.0 200 OK", "good until", "0 broken"):
        expect(what in text, f"'{what}' is not reported:\n{text}")
    a = authority()
    code, text = run_case("domain", peer=(a.d / "domain.crt", a.d / "domain.key"))
    expect(code == 0 and f"SAN URIs: sip:{NAME}" in text and "0 broken" in text, f"a SIP domain in a URI (RFC 5922): {code}\n{text}")
    code, text = run_case("old", maximum=ssl.TLSVersion.TLSv1_2)
    expect(code == 0 and "TLSv1.2 with" in text and "TLSv1.3: " in text, f"a peer of TLS 1.2 alone: {code}\n{text}")


@test("TDR-17")
def check_finds_what_is_wrong_with_the_peer():
    """tls-check names what is wrong with a peer's certificate: expired, wrong name, cut chain, self-signed, wrong purpose"""
    need("openssl")
    a = authority()
    cases = {
        "expired": (a.issue("late", [NAME], days=-1), "expired on 2024-02-01"),
        "wrong-name": (a.issue("other", ["other.example"]), "is for other.example, not for"),
        "cut-chain": (a.issue("leaf", [NAME], issuer="intermediate"), "leaves an intermediate out"),
        "self-signed": (a.issue("selfish", [NAME], self_signed=True), "self-signed"),
        "client-only": (a.issue("clientish", [NAME], usage="clientAuth"), "no server authentication"),
    }
    for name, (peer, what) in cases.items():
        code, text = run_case(name, peer=peer)
        expect(code == 1, f"{name}: exit status {code}\n{text}")
        expect(re.search(rf"^BROKEN .*{re.escape(what)}", text, re.M), f"{name}: '{what}' is not said:\n{text}")


@test("TDR-11", "TDR-12", "TDR-13", "TDR-14")
def check_finds_what_is_wrong_with_ours():
    """tls-check names what is wrong with our own certificate"""
    need("openssl")
    a = authority()
    cases = {
        "ours-expired": (a.issue("ours-late", [OURS], days=-1), "our certificate CN=ours-late expired"),
        "ours-wrong-name": (a.issue("ours-other", ["other.example"]), f"does not cover contact_host '{OURS}'"),
        "ours-cut": (a.issue("ours-leaf", [OURS], issuer="intermediate"), "an intermediate is missing"),
        "ours-self": (a.issue("ours-self", [OURS], self_signed=True), "it is self-signed"),
        "ours-server": (a.issue("ours-server", [OURS], usage="serverAuth"), "no client authentication"),
    }
    for name, (ours, what) in cases.items():
        code, text = run_case(name, ours=ours)
        expect(code == 1, f"{name}: exit status {code}\n{text}")
        expect(re.search(rf"^BROKEN .*{re.escape(what)}", text, re.M), f"{name}: '{what}' is not said:\n{text}")


@test("TDR-08")
def check_against_openssl():
    """tls-check against openssl s_server: an old suite alone, no client certificate asked for, nobody there"""
    need("openssl")
    a = authority()
    f = WORK / "s_server.toml"
    f.write_text(text_for(a.d / "good.crt", a.d / "good.key", a.root))
    server = Process("s_server", ["openssl", "s_server", "-accept", f"{CALLEE}:5061", "-cert", a.d / "peer.crt", "-key", a.d / "peer.key",
                                  "-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0", "-quiet"])
    wait_until(lambda: listening(CALLEE, 5061, "tcp"), 5, "s_server listens")
    code, text = check(f, f"{CALLEE}:5061")
    expect(code == 1 and "no version and suite in common" in text, f"{code}\n{text}")
    server.kill()
    server = Process("s_server2", ["openssl", "s_server", "-accept", f"{CALLEE}:5061", "-cert", a.d / "peer.crt", "-key", a.d / "peer.key",
                                   "-quiet"])
    wait_until(lambda: listening(CALLEE, 5061, "tcp"), 5, "s_server listens")
    code, text = check(f, f"{CALLEE}:5061")
    expect("WARNING  it does not ask for our certificate" in text, f"{code}\n{text}")
    server.kill()
    code, text = check(f, f"{CALLEE}:5061")
    expect(code == 1 and "no connection: " in text, f"{code}\n{text}")
    code, text = check(f, "no such host")
    expect(code == 1 and "neither a peer" in text, f"{code}\n{text}")


# ---- a running gateway ----------------------------------------------------------------------------


def shown(server_name=OURS, own=None, port=5071):
    """Subject and serial of the certificate that the gateway shows to a client of that SNI."""
    a = authority()
    own = own or (a.d / "peer.crt", a.d / "peer.key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(a.root)
    context.check_hostname = False
    context.load_cert_chain(*own)
    with socket.create_connection((GATEWAY, port), timeout=5) as raw, context.wrap_socket(raw, server_hostname=server_name) as s:
        c = s.getpeercert()
        return dict(x[0] for x in c["subject"])["commonName"], c["serialNumber"]


@test("TDR-18")
def renewed_while_running():
    """changed certificate files are taken without a signal; bad ones change nothing and are said in status and log"""
    need("openssl")
    a = authority()
    a.issue("live", [OURS])
    g = Gateway(text_for(a.d / "live.crt", a.d / "live.key", a.root, host=CALLEE), "renewed")
    first = shown()
    a.issue("live", [OURS])
    wait_until(lambda: shown() != first, 10, "the new certificate is shown", 0.5)
    second = shown()
    expect("was renewed" in g.process.output(), "the log does not say so")
    for what, break_it in {
            "cannot use the key": lambda: shutil.copy(a.d / "peer.key", a.d / "live.key"),
            "does not cover": lambda: a.issue("live", ["other.example"]),
            "expired": lambda: a.issue("live", [OURS], days=-1),
            "cannot read": lambda: (a.d / "live.crt").write_text("nonsense")}.items():
        break_it()
        wait_until(lambda: re.search(rf"ALARM: changed certificate files are not used: .*{what}", g.command("status")), 10,
                   f"the status says that it {what}", 0.3)
        expect(what in g.process.output(), f"the log does not say that it {what}")
        expect(shown() == second, f"after a file that {what} another certificate is shown")
    g.process.popen.send_signal(signal.SIGHUP)
    wait_until(lambda: "ALARM: the last reload changed nothing" in g.command("status"), 10, "the status tells of the reload")
    expect(shown() == second, "after SIGHUP with bad files another certificate is shown")
    a.issue("live", [OURS])
    wait_until(lambda: shown() != second, 10, "a good one is taken again", 0.5)
    expect("changed certificate files are not used" not in g.command("status"), "the alarm stays")
    g.stop()


@test("TDR-18", "TDR-24")
def renewed_during_calls():
    """calls over TLS go on while the gateway's certificate is renewed"""
    need("openssl")
    subprocess.run([str(LAB), "config", str(WORK)], check=True, capture_output=True)
    tls = WORK / "tls"
    g = Gateway((WORK / "causeway.toml").read_text(), "lab-renewed")
    calls = 60
    load = Process("load-renewed", [LAB, "load", "--certs", tls, "--transport", "tls", "--calls", calls, "--rate", 10, "--hold", 5000,
                                    "--wait", 15])
    wait_until(lambda: g.numbers()["answered"] >= 20, 15, "calls are up")
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", tls / "new.key")
    openssl("req", "-new", "-key", tls / "new.key", "-subj", f"/CN={OURS}", "-out", tls / "new.csr")
    (tls / "new.ext").write_text(f"subjectAltName=DNS:{OURS}\nextendedKeyUsage=serverAuth,clientAuth\n")
    openssl("x509", "-req", "-in", tls / "new.csr", "-CA", tls / "ca.crt", "-CAkey", tls / "ca.key", "-set_serial", 4711, "-days", 30,
            "-extfile", tls / "new.ext", "-out", tls / "new.crt")
    (tls / "new.key").rename(tls / "gateway.key")
    (tls / "new.crt").rename(tls / "gateway.crt")
    wait_until(lambda: "was renewed" in g.process.output(), 10, "the gateway takes it")
    code = load.wait(90)
    expect(code == 0, f"the load generator ended with {code}: {load.tail(20)}")
    n = g.numbers()
    expect(n["answered"] == calls and n["failed"] == 0, f"the gateway counts otherwise: {n}")
    g.stop()


@test("TDR-17")
def chosen_by_sni():
    """one listener shows the certificate for the name that is asked for"""
    need("openssl")
    a = authority()
    a.issue("live", [OURS])
    a.issue("second", ["second.example"])
    more = f"""
[[tls_identity]]
name = "second"
certificate = "{a.d / 'second.crt'}"
key = "{a.d / 'second.key'}"
trusted_roots = ["{a.root}"]
"""
    g = Gateway(text_for(a.d / "live.crt", a.d / "live.key", a.root, host=CALLEE, more=more), "sni")
    for asked, name in ((OURS, "live"), ("second.example", "second"), ("third.example", "live")):
        expect(shown(asked)[0] == name, f"{asked} is shown {shown(asked)[0]}")
    g.stop()


@test("TDR-18", "TDR-42")
def expiry_is_told_ahead():
    """certificates with fewer than 30 days left, ours and a peer's: warning in log and status, time in the metrics"""
    need("openssl", "curl")
    a = authority()
    soon, later = a.issue("soon", [OURS], days=29), a.issue("later", ["second.example"], days=31)
    peer = a.issue("peer-soon", [NAME, CALLEE], days=10)
    more = f"""
[[tls_identity]]
name = "second"
certificate = "{later[0]}"
key = "{later[1]}"
trusted_roots = ["{a.root}"]
"""
    names = Names.one or Names({NAME: CALLEE})
    text = text_for(*soon, a.root, more=more).replace('options_interval = "0s"', 'options_interval = "1s"').replace(
        "[operation]", f'resolvers = ["{names.address}"]\n[operation]', 1)
    server = SipOverTls(5061, *peer, a.root)
    g = Gateway(text + '\n[metrics]\nlisten = "127.0.0.1:9464"\n', "expiring")

    def connected():
        return re.search(r"peer 'service-1': TLSv1.3 \S+, its certificate has 9 days left  WARNING", g.command("status"))

    wait_until(connected, 10, "the status tells of the peer's certificate", 0.2)
    told = re.findall(r"certificate of tls_identity '(\w+)' expires on", g.process.output())
    expect(told == ["ours"], f"the log tells of {told}")
    text = g.command("status")
    expect(re.search(r"certificate 'ours': 2[89] days left  WARNING", text), f"ours is not warned of:\n{text}")
    expect(re.search(r"certificate 'second': 3[01] days left$", text, re.M), f"the other one is, or is missing:\n{text}")
    text = subprocess.run(["curl", "-sf", "http://127.0.0.1:9464/metrics"], check=True, capture_output=True, text=True).stdout
    for series, days in (('tls_certificate_expiry_seconds{identity="ours"}', 29), ('tls_certificate_expiry_seconds{identity="second"}', 31),
                         ('peer_certificate_expiry_seconds{group="service",peer="service-1"}', 10)):
        m = re.search(rf"^causeway_{re.escape(series)} (\d+)$", text, re.M)
        expect(m and abs(int(m[1]) - time.time() - days * 86400) < 3600, f"{series}: {m and m[1]}\n{text}")
    server.close()
    g.stop()


@test()
def silent_handshakes_of_one_address():
    """who opens connections and says nothing has limits.handshakes_per_source of them; others are served"""
    need("openssl")
    a = authority()
    a.issue("live", [OURS])
    text = text_for(a.d / "live.crt", a.d / "live.key", a.root, host=CALLEE)
    g = Gateway(text.replace("[limits]", "[limits]\nhandshakes_per_source = 3\n", 1).replace("[operation]", "[operation]\nshards = 1", 1),
                "silent")
    kept = []
    for _ in range(8):
        s = socket.socket()
        s.bind((CALLEE, 0))
        s.connect((GATEWAY, 5071))
        s.settimeout(3)
        kept.append(s)

    def closed(s):
        try:
            return s.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    wait_until(lambda: g.dropped().get("too_many_handshakes", 0) == 5, 5, "five are turned away")
    expect([closed(s) for s in kept[3:]] == [True] * 5, "the others are open")
    kept[0].setblocking(False)
    try:
        kept[0].recv(1)
        raise Failure("the first one was closed")
    except BlockingIOError:
        pass
    expect(shown()[0] == "live", "another address is not served")
    for s in kept:
        s.close()
    g.stop()


main()
