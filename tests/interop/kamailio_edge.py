"""Kamailio as the operator's edge proxy: SIPp behind it by UDP, TLS and Record-Route towards the gateway."""
from support import *

CALLS = 1000 if LONG else 100
EDGE = "127.0.0.31"
NAME = "sip.pstnhub.example"  # the certificate that the lab makes for a peer


def start(advertise):
    need("kamailio", "sipp")
    for module in ("tls.so", "tm.so"):
        if not list(pathlib.Path("/usr/lib").glob(f"*/kamailio/modules/{module}")):
            raise Skip(f"kamailio has no {module}: install kamailio-tls-modules")
    subprocess.run([str(LAB), "certs", str(WORK / "tls")], check=True, capture_output=True)
    (WORK / "zone").write_text(f"{NAME} 60 A {EDGE}\n")
    names = Process("names", [LAB, "names", "--certs", WORK / "tls", "--zone", WORK / "zone", "--names", "127.0.0.11:5353"])
    wait_until(lambda: listening("127.0.0.11", 5353), 5, "the name service listens")
    tls = f"method = TLSv1.2+\nverify_certificate = yes\nrequire_certificate = yes\nprivate_key = {WORK}/tls/phone-system.key\n" \
          f"certificate = {WORK}/tls/phone-system.crt\nca_list = {WORK}/tls/ca.crt\n"
    (WORK / "kamailio-tls.cfg").write_text(f"[server:default]\n{tls}\n[client:default]\n{tls}")
    text = (HERE / "kamailio_edge.cfg").read_text().replace("EDGE_DIR", str(WORK))
    (WORK / "kamailio.cfg").write_text(text.replace("EDGE_ADVERTISE", f"advertise {NAME}:5061" if advertise else ""))
    # Kamailio looks up its own advertised name when it starts; this mount is in our namespace alone.
    (WORK / "hosts").write_text(f"127.0.0.1 localhost\n{EDGE} {NAME}\n")
    subprocess.run(["mount", "--bind", str(WORK / "hosts"), "/etc/hosts"], check=True)
    edge = Process("kamailio", ["kamailio", "-DD", "-E", "-f", WORK / "kamailio.cfg", "-w", WORK, "-Y", WORK, "-P", WORK / "kamailio.pid",
                                "-m", "32", "-M", "4"])
    wait_until(lambda: listening(EDGE, 5060) and listening(EDGE, 5061, "tcp"), 10, f"Kamailio listens: {edge.tail(5)}")
    g = Gateway(configuration(
        group("edge", NAME, 5061, "a-tls", routes_to=["core"],
              recognise=f'sources = ["{EDGE}"]\ncertificate_names = ["{NAME}"]\n', extra=f'media_sources = ["{CALLER}"]'),
        group("core", CALLEE, 5060, "b-udp", routes_to=["edge"]),
        head='resolvers = ["127.0.0.11:5353"]',
        listeners=f"""
[[tls_identity]]
name = "gateway"
certificate = "{WORK}/tls/gateway.crt"
key = "{WORK}/tls/gateway.key"
trusted_roots = ["{WORK}/tls/ca.crt"]
[[listener]]
name = "a-tls"
realm = "a"
transport = "tls"
address = "{GATEWAY}:5061"
tls_identity = "gateway"
"""))
    return g, edge, names


def seen(edge, method, source):
    return len(re.findall(rf"EDGE in-dialog {method} from {source} ", edge.output()))


def calls(g, edge, from_edge, caller, callee):
    """One batch of calls; what must have passed by the proxy is checked on its own log."""
    before = {(m, s): seen(edge, m, s) for m in ("ACK", "BYE") for s in ("udp", "tls")}
    answer_at, call_from = (CALLEE, CALLER) if from_edge else (CALLER, CALLEE)
    answering = Sipp(callee, answer_at, 5060)
    Sipp(caller, call_from, 5060, f"{EDGE}:5060" if from_edge else f"{GATEWAY}:5070", CALLS, 50, 300).finish()
    g.expect_idle()
    time.sleep(1.2)
    made, _, bad = answering.counts()
    expect(made == CALLS and bad == 0, f"{answering.name}: {made} made, {bad} failed\n{answering.why()}")
    answering.kill()
    ends_at_edge = from_edge == (caller == "uac")  # who sends BYE
    ack, bye = ("udp" if from_edge else "tls"), ("udp" if ends_at_edge else "tls")
    for method, source in (("ACK", ack), ("BYE", bye)):
        n = seen(edge, method, source) - before[method, source]
        expect(n >= CALLS, f"{n} of {CALLS} {method} came through the proxy by {source}")
    expect("without-route" not in edge.output(), f"a request came without its route: {edge.tail(3)}")


@test()
def calls_from_the_edge():
    """SIPp - UDP - Kamailio - TLS - gateway - UDP - SIPp, BYE from either side"""
    g, edge, _ = start(advertise=True)
    calls(g, edge, True, "uac", "uas")
    calls(g, edge, True, "uac_waits", "uas_ends")
    g.stop()


@test()
def calls_to_the_edge():
    """SIPp - UDP - gateway - TLS - Kamailio - UDP - SIPp, BYE from either side"""
    g, edge, _ = start(advertise=True)
    calls(g, edge, False, "uac", "uas")
    calls(g, edge, False, "uac_waits", "uas_ends")
    g.stop()


@test()
def hold_through_the_edge():
    """hold and resume by re-INVITE along the recorded route"""
    g, edge, _ = start(advertise=True)
    answering = Sipp("uas_hold", CALLER, 5060)
    Sipp("uac_hold", CALLEE, 5060, f"{GATEWAY}:5070", CALLS, 50, 300).finish()
    g.expect_idle()
    expect(seen(edge, "INVITE", "tls") >= 2 * CALLS, f"{seen(edge, 'INVITE', 'tls')} re-INVITE passed by the proxy")
    answering.kill()
    g.stop()


@test()
def recorded_route_is_an_address():
    """Record-Route with an address instead of a name: the connection that is there is used"""
    g, edge, _ = start(advertise=False)
    calls(g, edge, False, "uac", "uas")
    calls(g, edge, True, "uac_waits", "uas_ends")
    g.stop()


main()
