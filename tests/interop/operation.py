"""What an operator does to a running gateway: drain, stop, reload, apply, look into it."""
import shutil

from support import *


def two_sides(**more):
    more.setdefault("limits", "")
    text = configuration(group("caller", CALLER, 5060, "a-udp", routes_to=["callee"]),
                         group("callee", CALLEE, 5060, "b-udp", routes_to=["caller"]), **more)
    return text.replace("keep_one_in = 50", "keep_one_in = 1")


def fresh(**more):
    """A gateway without a past."""
    shutil.rmtree(WORK / "state", ignore_errors=True)
    return Gateway(two_sides(**more))


def row_of(g, peer):
    for line in g.command("status").splitlines():
        if f" {peer} " in line:
            return line
    raise Failure(f"{peer} is not in the status")


def crash(g):
    """As kill -9 and the restart that a service manager would do."""
    g.process.kill()
    g.start()


@test()
def mistakes():
    """check reports three mistakes at once, with status 2"""
    text = two_sides().replace('transport = "tcp"', 'transport = "tpc"', 1).replace("media_port_min = 20000", "media_port_min = 3")
    f = WORK / "mistakes.toml"
    f.write_text(text + "\n[nonsense]\nx = 1\n")
    r = subprocess.run([str(CAUSEWAY), "check", str(f)], capture_output=True, text=True)
    expect(r.returncode == 2, f"status {r.returncode}")
    for what in ("tpc", "media_port_min", "nonsense"):
        expect(re.search(rf"^{re.escape(str(f))}:\d+.*{what}", r.stdout, re.M), f"'{what}' is not reported with its line:\n{r.stdout}")
    r = subprocess.run([str(CAUSEWAY), "run", "--config", str(f)], capture_output=True, text=True, timeout=5)
    expect(r.returncode == 2 and "nonsense" in r.stderr, f"run took it: {r.returncode}")


@test("TDR-37", "TDR-91")
def drain_is_kept():
    """a drained peer stays drained over kill -9, and OPTIONS are answered"""
    g = fresh()
    g.command("peer", "drain", "callee-1")
    for restarted in (False, True):
        if restarted:
            crash(g)
        expect("draining" in row_of(g, "callee-1"), f"not draining (restarted: {restarted}): {row_of(g, 'callee-1')}")
        status = ask_sip("OPTIONS", CALLEE, to=(GATEWAY, 5070))
        expect(status == 200, f"OPTIONS of a draining peer is answered {status} (restarted: {restarted})")
        status = ask_sip("INVITE", CALLER, body=AUDIO_SDP)
        expect(status == 503, f"a call to a draining peer is answered {status} (restarted: {restarted})")
    g.command("peer", "resume", "callee-1")
    crash(g)
    sipp_both(g, "uac", "uas", 20, hold_ms=100)
    g.stop()


@test("TDR-91")
def drain_lets_calls_live():
    """calls that are up go on while their peer, group or region drains"""
    g = fresh()
    answering = Sipp("uas", CALLEE, 5060)
    calling = Sipp("uac", CALLER, 5060, f"{GATEWAY}:5060", 20, 100, 2500)
    wait_until(lambda: g.numbers()["answered"] == 20, 5, "20 calls are up")
    for kind, name in (("group", "callee"), ("region", "here")):
        g.command(kind, "drain", name)
        status = ask_sip("INVITE", CALLER, body=AUDIO_SDP)
        expect(status == 503, f"with the {kind} draining, a call is answered {status}")
        status = ask_sip("OPTIONS", CALLER)
        expect(status == 200, f"with the {kind} draining, OPTIONS is answered {status}")
    expect(g.numbers()["now"] == 20, f"draining ended calls: {g.numbers()}")
    calling.finish()
    g.expect_idle()
    answering.kill()
    g.stop()


@test()
def killed_with_calls():
    """kill -9 with calls up: starts again at once and serves"""
    g = fresh()
    answering = Sipp("uas", CALLEE, 5060)
    Sipp("uac_waits", CALLER, 5060, f"{GATEWAY}:5060", 50, 100)
    wait_until(lambda: g.numbers()["answered"] == 50, 5, "50 calls are up")
    crash(g)
    stop = [p for p in Process.all if p is not g.process]
    for p in stop:
        p.kill()
    expect(g.numbers()["now"] == 0 and answering is not None, "calls after a restart")
    sipp_both(g, "uac", "uas", 50, hold_ms=100)
    g.stop()


@test("TDR-37")
def stops_with_calls_up():
    """SIGTERM with calls up: 503 for new ones, BYE for the rest after the drain time"""
    g = fresh(drain="3s")
    answering = Sipp("uas", CALLEE, 5060)
    staying = Sipp("uac_waits", CALLER, 5060, f"{GATEWAY}:5060", 20, 100)
    leaving = Sipp("uac", CALLER, 5062, f"{GATEWAY}:5060", 20, 100, 1200)  # these end by themselves
    wait_until(lambda: g.numbers()["answered"] == 40, 5, "40 calls are up")
    began = time.monotonic()
    g.process.popen.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    status = ask_sip("INVITE", CALLER, body=AUDIO_SDP)
    expect(status == 503, f"a new call is answered {status}")
    status = ask_sip("OPTIONS", CALLER)
    expect(status == 200, f"while the gateway stops, OPTIONS is answered {status}")
    code = g.process.wait(10)
    took = time.monotonic() - began
    expect(code == 0, f"it ended with {code}: {g.process.tail()}")
    expect(2.9 < took < 5, f"it took {took:.1f} s with a drain time of 3 s")
    leaving.finish(10)
    staying.finish(10)
    time.sleep(1.2)
    made, _, bad = answering.counts()
    expect(made == 40 and bad == 0, f"the called side: {made} made, {bad} failed: {answering.why()}")
    records = "".join(p.read_text() for p in (WORK / "state").rglob("*.jsonl"))
    expect(records.count("\n") >= 40, f"{records.count(chr(10))} call records for 40 calls")


@test()
def stops_at_once():
    """SIGTERM without calls does not wait"""
    g = fresh(drain="30s")
    began = time.monotonic()
    g.stop()
    expect(time.monotonic() - began < 2, "it waited for calls that do not exist")


@test()
def bad_reload():
    """SIGHUP with a broken file leaves the running configuration and says why; a good one is taken"""
    g = fresh()
    answering = Sipp("uas", CALLEE, 5060)
    calling = Sipp("uac", CALLER, 5060, f"{GATEWAY}:5060", 20, 100, 1500)
    wait_until(lambda: g.numbers()["answered"] == 20, 5, "20 calls are up")
    good = g.config.read_text()
    g.config.write_text(good.replace('profile = "operator"', 'profile = "opera"', 1))
    g.process.popen.send_signal(signal.SIGHUP)
    wait_until(lambda: "opera'" in g.process.output() or '"opera"' in g.process.output(), 3, "the mistake is in the log")
    expect("configuration 1" in g.command("status"), "another configuration is in force")
    g.config.write_text(good.replace("keep_one_in = 1", "keep_one_in = 2"))
    g.process.popen.send_signal(signal.SIGHUP)
    wait_until(lambda: "configuration 2" in g.command("status"), 3, "the good file is in force")
    calling.finish()  # calls live through both
    g.expect_idle()
    answering.kill()
    expect("keep_one_in = 2" in g.command("diff", "2"), "the difference is not shown")
    g.stop()


@test()
def applied_until_confirmed():
    """apply --confirm returns to the configuration before unless confirmed"""
    g = fresh()
    new = WORK / "new.toml"
    new.write_text(g.config.read_text().replace('name = "callee-1"', 'name = "callee-new"'))
    has_new = lambda: "callee-new" in g.command("status")
    text = g.command("apply", new, "--confirm", "3s")
    expect(has_new(), f"it is not in force: {text}")
    wait_until(lambda: not has_new(), 5, "it returns to the one before")
    g.command("apply", new, "--confirm", "3s")
    crash(g)  # nobody confirmed: must not stay for ever
    wait_until(lambda: not has_new(), 5, "unconfirmed over a restart, it returns to the one before")
    g.command("apply", new, "--confirm", "2s")
    g.command("confirm")
    time.sleep(2.7)
    expect(has_new(), "confirmed, and yet it returned")
    crash(g)
    expect(has_new(), "confirmed, and yet it did not survive a restart")
    bad = WORK / "bad.toml"
    bad.write_text("[[realm]]\nname = 5\n")
    code, text = g.ask("apply", bad)
    expect(code != 0 and "bad.toml" in text and has_new(), f"a broken file was applied: {code} {text}")
    g.stop()


@test()
def looking_into_calls():
    """calls, trace and capture show what happened; tshark reads the capture"""
    need("tshark")
    g = fresh()
    sipp_both(g, "uac_hold", "uas_hold", 3, hold_ms=200)
    answering = Sipp("uas_busy", CALLEE, 5060)
    Sipp("uac_busy", CALLER, 5060, f"{GATEWAY}:5060", 1, 10).finish()
    answering.kill()
    ask_sip("INVITE", CALLER, to=(GATEWAY, 5060), body=AUDIO_SDP, seconds=10)  # nobody answers
    listed = g.command("calls").splitlines()
    expect(len(listed) == 6, f"five calls are shown as:\n{chr(10).join(listed)}")
    failed = g.command("calls", "--failed").splitlines()
    expect(len(failed) == 2, f"one call failed, shown is:\n{chr(10).join(failed)}")
    expect(len(g.command("calls", "--number", "200100", "--since", "1m", "--peer", "callee").splitlines()) == 6, "filters")
    expect(len(g.command("calls", "--number", "999999").splitlines()) <= 1, "a number that never called is shown")
    good = next(l for l in listed[1:] if "completed" in l).split()[0]
    ladder = g.command("trace", good)
    for word in ("INVITE", "180", "200", "ACK", "BYE", "caller", "callee"):
        expect(word in ladder, f"'{word}' is not in the ladder:\n{ladder}")
    expect(ladder.count("INVITE") >= 6, f"hold is not in the ladder:\n{ladder}")
    lost = g.command("trace", failed[1].split()[0])
    expect("504" in lost or "503" in lost or "408" in lost, f"the ladder of the failed call:\n{lost}")
    for what, least in ((good, 3), ("callee", 6)):
        out = WORK / f"{what}.pcapng"
        g.command("capture", what, "--out", out)
        r = subprocess.run(["tshark", "-r", str(out), "-Y", 'sip.Method == "INVITE"'], capture_output=True, text=True)
        expect(r.returncode == 0, f"tshark: {r.stderr}")
        invites = [l for l in r.stdout.splitlines() if "INVITE sip:" in l]
        expect(len(invites) >= 2 * least, f"tshark sees {len(invites)} INVITE of {what}:\n{r.stdout}")
        r = subprocess.run(["tshark", "-r", str(out), "-Y", "_ws.malformed"], capture_output=True, text=True)
        expect(not r.stdout.strip(), f"tshark finds malformed packets:\n{r.stdout}")
    for wrong in (("trace", "nosuchcall"), ("capture", "nosuchpeer", "--out", WORK / "x"), ("peer", "drain", "nobody")):
        expect(g.ask(*wrong)[0] != 0, f"{wrong[0]} of something that does not exist succeeds")
    g.stop()


@test()
def keeping_trails():
    """trace marks a call that is up; trace --number keeps the trails of calls to come"""
    g = fresh(operation="shards = 2")
    text = g.config.read_text().replace("keep_one_in = 1", "keep_one_in = 0")
    g.config.write_text(text)
    g.command("apply", g.config)
    answering = Sipp("uas", CALLEE, 5060)
    calling = Sipp("uac", CALLER, 5060, f"{GATEWAY}:5060", 3, 100, 1500)
    wait_until(lambda: g.numbers()["answered"] == 3, 5, "3 calls are up")
    listed = g.command("calls", "--peer", "callee-1").splitlines()
    expect(len(listed) == 4, f"three calls are up with callee-1, shown are:\n{chr(10).join(listed)}")
    calls = [l.split()[0] for l in listed[1:]]
    expect("will be kept" in g.command("trace", calls[0]), "it does not say so")
    calling.finish()
    g.expect_idle()
    wait_until(lambda: g.ask("trace", calls[1])[0] != 0, 5, "a good call that nobody asked for is forgotten")
    expect("BYE" in g.command("trace", calls[0]), "the trail that was asked for is not kept to its end")
    expect(g.ask("trace", "--number", "1")[0] == 1, "a number of one digit is watched")
    g.command("trace", "--number", "200100", "--for", "1m")
    Sipp("uac", CALLER, 5062, f"{GATEWAY}:5060", 2, 100, 100).finish()
    g.expect_idle()
    ended = [l.split()[0] for l in g.command("calls").splitlines()[1:3]]
    for c in ended:
        expect("BYE" in g.command("trace", c), f"the trail of {c} was not kept")
    answering.kill()
    g.stop()


@test()
def capturing_as_it_passes():
    """capture --for has what a peer or group sends and is sent, OPTIONS too, with keys masked"""
    need("tshark")
    g = fresh(operation="shards = 2")
    out = WORK / "passes.pcapng"
    other = WORK / "other.pcapng"
    code, text = g.ask("capture", "nobody", "--for", "1s", "--out", other)
    expect(code == 1 and "nobody" in text, f"of nobody: {code} {text}")
    began = time.monotonic()
    live = Process("capture", [CAUSEWAY, "capture", "callee", "--for", "3s", "--out", out, "--socket", g.socket])
    time.sleep(0.4)
    code, text = g.ask("capture", "callee", "--for", "1s", "--out", other)
    expect(code == 1 and "under way" in text, f"two at once: {code} {text}")
    expect(ask_sip("OPTIONS", CALLEE, to=(GATEWAY, 5070)) == 200, "OPTIONS")
    expect(ask_sip("OPTIONS", CALLER) == 200, "OPTIONS of another group")
    secret = AUDIO_SDP + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "S3cr" * 10 + "\r\n"
    ask_sip("INVITE", CALLEE, to=(GATEWAY, 5070), body=secret, seconds=1)
    expect(live.wait(6) == 0, f"it ended badly: {live.tail()}")
    expect(time.monotonic() - began > 2.5, "it ended early")
    sip = tshark(out, "sip", ("ip.src", "sip.Method", "sip.Status-Code"))
    expect([CALLEE, "OPTIONS", ""] in sip and any(r[2] == "200" for r in sip), f"OPTIONS and its answer: {sip}")
    expect(any(r[1] == "INVITE" for r in sip), f"the INVITE: {sip}")
    expect(not any(r[0] == CALLER for r in sip), f"another group is in it: {sip}")
    expect(b"S3cr" not in out.read_bytes(), "a key is in the capture")
    # One whose client has gone holds up nobody.
    gone = Process("gone", [CAUSEWAY, "capture", "callee-1", "--for", "60s", "--out", other, "--socket", g.socket])
    time.sleep(0.4)
    gone.kill()
    wait_until(lambda: g.ask("capture", "callee-1", "--for", "1s", "--out", out)[0] == 0, 4, "the next one may begin", step=0.3)
    g.stop()


def long_call(seconds):
    """A plan of one call of the lab, operator to Phone System (TLS, SRTP), speech up and a tone down."""
    plan = WORK / "long.json"
    plan.write_text(json.dumps({"name": "long", "calls": [{"name": "long", "limit_ms": 1000 * seconds + 8000, "calling": {
        "speech": True, "steps": [{"at_ms": 1000 * seconds, "do": "hang-up"}]}}]}))
    return plan


def in_the_lab(capture_media):
    """A gateway between the two sides of the lab, and a call of some seconds that is up: gateway, lab, id of the call."""
    shutil.rmtree(WORK / "state", ignore_errors=True)
    subprocess.run([str(LAB), "config", str(WORK)], check=True, capture_output=True)
    text = (WORK / "causeway.toml").read_text()
    g = Gateway(text.replace("[operation]\n", f"[operation]\ncapture_media = {str(capture_media).lower()}\n", 1))
    lab = Process("lab", [LAB, "scenario", long_call(8), "--certs", WORK / "tls", "--wait", "15", "--quiet"])
    live = lambda: [l for l in g.command("calls").splitlines() if " answered" in l]
    return g, lab, wait_until(live, 20, "the call is up")[0].split()[0]


def tshark(file, what, fields):
    r = subprocess.run(["tshark", "-r", str(file), "-Y", what, "-T", "fields", *[x for f in fields for x in ("-e", f)]],
                       capture_output=True, text=True)
    expect(r.returncode == 0, f"tshark: {r.stderr}")
    return [l.split("\t") for l in r.stdout.splitlines()]


@test()
def capturing_media():
    """capture --rtp takes the RTP of a live call, decrypted, and tshark reads it"""
    need("tshark")
    g, lab, call = in_the_lab(capture_media=True)
    out = WORK / "media.pcapng"
    g.command("capture", call, "--rtp", "2s", "--out", out)
    rtp = tshark(out, "rtp", ("ip.src", "ip.dst", "rtp.p_type", "rtp.ssrc", "rtp.seq", "udp.payload"))
    sides = {row[0] for row in rtp}
    expect(len(sides) == 2, f"RTP of both sides is expected, seen are {len(rtp)} packets from {sides}")
    for side in sides:
        of_side = [row for row in rtp if row[0] == side]
        expect(80 <= len(of_side) <= 130, f"{len(of_side)} packets of 20 ms in 2 s from {side}")
        expect(len({row[3] for row in of_side}) == 1, f"several sources from {side}: {of_side[:3]}")
        payloads = [row[5].replace(":", "")[24:] for row in of_side]  # after the RTP header
        expect(all(len(x) == 320 for x in payloads), f"not 160 bytes of G.711: {sorted({len(x) for x in payloads})}")
        # 160 bytes of a tone or of speech have some 70 different values, encrypted ones 119 on average.
        values = sum(len(set(re.findall("..", x))) for x in payloads) / len(payloads)
        expect(values < 95, f"from {side}: looks like noise, not decrypted: {values:.0f} values")
    expect(not tshark(out, "_ws.malformed", ("frame.number",)), "tshark finds malformed packets")
    expect(len(tshark(out, 'sip.Method == "INVITE"', ("frame.number",))) >= 2, "no SIP in the capture")
    code, text = g.ask("capture", "nosuchcall", "--rtp", "1s", "--out", WORK / "x")
    expect(code == 1 and "nosuchcall" in text, f"of a call that does not exist: {code} {text}")
    # One whose client has gone, and one that outlives its call, hold up nobody.
    gone = Process("gone", [CAUSEWAY, "capture", call, "--rtp", "60s", "--out", WORK / "gone.pcapng", "--socket", g.socket])
    time.sleep(0.4)
    gone.kill()
    wait_until(lambda: g.ask("capture", call, "--rtp", "1s", "--out", out)[0] == 0, 4, "the next one may begin", step=0.2)
    lasting = Process("lasting", [CAUSEWAY, "capture", call, "--rtp", "60s", "--out", out, "--socket", g.socket])
    expect(lab.wait(20) == 0, f"the call: {lab.tail()}")
    g.expect_idle()
    expect(lasting.wait(3) == 0, f"the capture of a call that ended: {lasting.tail()}")
    expect(len(tshark(out, "rtp", ("ip.src",))) > 20, "no RTP of a call that ended during its capture")
    code, text = g.ask("capture", call, "--rtp", "1s", "--out", WORK / "x")
    expect(code == 1 and "live call" in text, f"of a call that has ended: {code} {text}")
    g.stop()


@test()
def capturing_media_needs_permission():
    """capture --rtp without capture_media is refused with the reason, and writes nothing"""
    g, lab, call = in_the_lab(capture_media=False)
    out = WORK / "refused.pcapng"
    code, text = g.ask("capture", call, "--rtp", "2s", "--out", out)
    expect(code == 1 and "capture_media = true" in text, f"{code} {text}")
    expect(not out.exists() or out.stat().st_size == 0, "something was written")
    g.command("capture", call, "--out", out)  # SIP may always be captured
    expect(lab.wait(20) == 0, f"the call: {lab.tail()}")
    g.stop()


@test()
def second_on_the_same_ports():
    """a second gateway on the same addresses does not start, and says which address is taken"""
    g = fresh()
    edited = WORK / "edited.toml"
    edited.write_text(g.config.read_text() + "\n# edited\n")
    r = subprocess.run([str(CAUSEWAY), "run", "--config", str(edited)], capture_output=True, text=True, timeout=10)
    expect(r.returncode == 1 and "in use" in r.stderr, f"with the same state: {r.returncode} {r.stderr}")
    expect(len(list((WORK / "state" / "configurations").glob("*.toml"))) == 1, "it wrote into the history of the one that runs")
    other = WORK / "second.toml"
    other.write_text(g.config.read_text().replace(f"{WORK}/", f"{WORK}/second/"))
    r = subprocess.run([str(CAUSEWAY), "run", "--config", str(other)], capture_output=True, text=True, timeout=10)
    expect(r.returncode == 1, f"exit status {r.returncode}: {r.stderr}")
    expect("'a-udp': 127.0.0.1:5060/udp is in use" in r.stderr and "stop it" in r.stderr, f"it says: {r.stderr}")
    moved = other.read_text()
    for port, new in ((5060, 6060), (5070, 6070)):
        moved = moved.replace(f'"{GATEWAY}:{port}"', f'"{GATEWAY}:{new}"')
    other.write_text(moved.replace("media_port_min = 20000", "media_port_min = 18000").replace("media_port_max = 39999", "media_port_max = 19999")
                     .replace("media_port_min = 40000", "media_port_min = 16000").replace("media_port_max = 59999", "media_port_max = 17999"))
    second = Gateway(other.read_text(), "second")
    code, text = second.ask("apply", g.config)  # a reload is held to the same
    expect(code == 1 and "is in use" in text, f"addresses of the other gateway were applied: {code} {text}")
    second.stop()
    g.stop()


@test()
def drain_is_shown_and_cut_short():
    """during the drain status says how many calls are left; a second SIGTERM ends them with BYE"""
    g = fresh(drain="60s")
    answering = Sipp("uas", CALLEE, 5060)
    staying = Sipp("uac_waits", CALLER, 5060, f"{GATEWAY}:5060", 20, 100)
    wait_until(lambda: g.numbers()["answered"] == 20, 5, "20 calls are up")
    g.process.popen.send_signal(signal.SIGTERM)
    text = wait_until(lambda: next((l for l in g.command("status").splitlines() if "STOPPING" in l), None), 3, "status says so")
    expect("draining" in text and "20 calls left" in text, text)
    expect(len(g.command("calls").splitlines()) == 21, "calls are not listed during the drain")
    code, text = g.ask("apply", g.config)
    expect(code == 1 and "stopping" in text, f"apply during the drain: {code} {text}")
    began = time.monotonic()
    g.process.popen.send_signal(signal.SIGTERM)
    expect(g.process.wait(5) == 0, f"it ended badly: {g.process.tail()}")
    expect(time.monotonic() - began < 3.5, "the drain went on")
    staying.finish(10)  # its calls end with a BYE from here
    time.sleep(1.2)
    made, _, bad = answering.counts()
    expect(made == 20 and bad == 0, f"the called side: {made} made, {bad} failed: {answering.why()}")


def tos_of_answer():
    """The TOS octet of the answer to an OPTIONS."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IP, 13, 1)  # IP_RECVTOS
        s.bind((CALLER, 5091))
        s.settimeout(2)
        s.sendto((f"OPTIONS sip:{GATEWAY} SIP/2.0\r\nVia: SIP/2.0/UDP {CALLER}:5091;branch=z9hG4bK{time.monotonic_ns()}\r\n"
                  f"From: <sip:a@{CALLER}>;tag=1\r\nTo: <sip:{GATEWAY}>\r\nCall-ID: {time.monotonic_ns()}\r\nCSeq: 1 OPTIONS\r\n"
                  f"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n").encode(), (GATEWAY, 5060))
        _, ancillary, _, _ = s.recvmsg(65536, 256)
        return next(data[0] for level, kind, data in ancillary if (level, kind) == (socket.IPPROTO_IP, socket.IP_TOS))


@test()
def reopened_with_other_options():
    """a listener whose realm got another DSCP is opened anew by a reload; calls go on"""
    g = fresh(operation="shards = 2")
    answering = Sipp("uas", CALLEE, 5060)
    calling = Sipp("uac", CALLER, 5060, f"{GATEWAY}:5060", 10, 100, 1500)
    wait_until(lambda: g.numbers()["answered"] == 10, 5, "10 calls are up")
    before = tos_of_answer()
    for dscp in (10, 34):
        expect(before != dscp << 2, "the test needs another one")
        g.config.write_text(re.sub(r'name = "a"\n(signalling_dscp = \d+\n)?', f'name = "a"\nsignalling_dscp = {dscp}\n', g.config.read_text(), count=1))
        g.command("apply", g.config)
        for _ in range(8):  # whatever shard answers
            expect(tos_of_answer() == dscp << 2, f"DSCP {dscp} was applied, and an answer has TOS {tos_of_answer()}")
    calling.finish()
    g.expect_idle()
    answering.kill()
    g.stop()


@test()
def what_needs_a_restart():
    """apply and SIGHUP name the changed keys that take effect at a restart, and those alone"""
    g = fresh(operation="shards = 1")
    new = WORK / "restart.toml"
    new.write_text(g.config.read_text().replace("shards = 1", "shards = 2\nnode = 9").replace('drain = "1s"', 'drain = "2s"'))
    text = g.command("apply", new)
    expect("after a restart: operation.node, operation.shards\n" in text + "\n", text)
    expect("node 1, 1 shards" in g.command("status"), "it took effect")
    g.config.write_text(g.config.read_text().replace("shards = 1", "shards = 3"))
    g.process.popen.send_signal(signal.SIGHUP)
    wait_until(lambda: "after a restart: operation.shards" in g.process.output(), 3, "the log names it")
    g.config.write_text(g.config.read_text().replace("shards = 3", "shards = 1"))
    expect("restart" not in g.command("apply", g.config), "nothing differs any more")
    g.stop()


@test()
def taken_back_as_it_happened():
    """what cannot be taken back is not in the history as taken back, and is tried again"""
    g = fresh()
    new = WORK / "new.toml"
    new.write_text(g.config.read_text().replace('name = "callee-1"', 'name = "callee-new"'))
    g.command("apply", new, "--confirm", "2s")
    kept = next((WORK / "state" / "configurations").glob("*1.toml"))
    text = kept.read_text()
    kept.write_text("[broken\n")
    wait_until(lambda: "could not be taken back" in g.command("status"), 5, "the alarm")
    expect("callee-new" in g.command("status") and "to be confirmed" in g.command("history"), "the history says otherwise")
    expect(len(g.command("history").splitlines()) == 3, g.command("history"))
    kept.write_text(text)
    g.command("confirm")
    expect("could not" not in g.command("status"), "confirmed, and the alarm stays")
    g.stop()


@test()
def unrecorded_is_not_in_force():
    """a configuration that cannot be written into the history does not stay in force"""
    g = fresh()
    new = WORK / "new.toml"
    new.write_text(g.config.read_text().replace('name = "callee-1"', 'name = "callee-new"'))
    kept = WORK / "state" / "configurations"
    (kept / "000002.toml").mkdir()  # the file cannot be put there
    code, text = g.ask("apply", new, "--confirm", "2s")
    expect(code == 1 and "stays" in text and "recorded" in text, f"{code} {text}")
    expect("callee-new" not in g.command("status"), "it is in force all the same")
    (kept / "000002.toml").rmdir()
    g.command("apply", new, "--confirm", "2s")
    expect("callee-new" in g.command("status"), "it cannot be applied any more")
    wait_until(lambda: "callee-new" not in g.command("status"), 5, "it is taken back")
    g.stop()


@test("TDR-91")
def drain_outlives_an_absence():
    """who is drained stays so when a reload takes the name away and the next brings it back"""
    g = fresh()
    g.command("peer", "drain", "callee-1")
    text = g.config.read_text()
    new = WORK / "new.toml"
    new.write_text(text.replace('name = "callee-1"', 'name = "callee-new"'))
    g.command("apply", new)
    expect("draining" not in row_of(g, "callee-new"), "another peer is drained")
    new.write_text(text + "\n")
    g.command("apply", new)
    expect("draining" in row_of(g, "callee-1"), "it came back into service by itself")
    g.stop()


@test()
def records_on_disk():
    """old call records are removed at the start; those that cannot be written are an alarm"""
    g = fresh()
    g.stop()
    records = WORK / "state" / "records"
    for name in ("calls-2020-01-01.jsonl", "calls-2020-01-01.csv", "calls-2020-01-01.jsonl.gz"):
        (records / name).write_text("x")
    g.start()
    wait_until(lambda: [p.name for p in records.glob("*2020*")] == ["calls-2020-01-01.jsonl.gz"], 3, "old records are removed")
    expect("records were lost" not in g.command("status"), "an alarm for nothing")
    shutil.rmtree(records)
    records.write_text("in the way")
    ask_sip("INVITE", "127.0.0.21", body=AUDIO_SDP, seconds=10)
    wait_until(lambda: "1 call records were lost" in g.command("status"), 12, "the lost record is shown")
    g.stop()


@test()
def counted_on_all_shards():
    """OPTIONS answered by any shard are in the total, and the time of the last one in its peer's row"""
    g = fresh(operation="shards = 4")
    for _ in range(24):
        expect(ask_sip("OPTIONS", CALLER, port=5060) == 200, "OPTIONS")
        text = g.command("status")
        row = next(l for l in text.splitlines() if " caller-1 " in l)
        expect(re.search(r"never\s+0\.\d s ago", row), f"the shard that answered knows it alone: {row}")
    expect("24 OPTIONS answered" in text, f"the total:\n{text}")
    g.stop()


def series(text):
    """What promtool would accept: families announced once, with help and type, before their samples; no series twice."""
    types, values, helped, current = {}, {}, None, None
    for line in text.splitlines():
        if m := re.fullmatch(r"# HELP (\w+) (.+)", line):
            helped = m[1]
        elif m := re.fullmatch(r"# TYPE (\w+) (counter|gauge)", line):
            current = m[1]
            expect(current == helped and current not in types, f"announced wrongly: {line}")
            types[current] = m[2]
        else:
            m = re.fullmatch(r"(\w+)(\{(?:\w+=\"[^\"]*\",?)+\})? (\S+)", line)
            expect(m and m[1] == current and m[1] + (m[2] or "") not in values, f"no sample: {line}")
            values[m[1] + (m[2] or "")] = float(m[3])
    return types, values


@test("GW-09", "TDR-43", "OC-06")
def scraped():
    """GET /metrics gives what operating.md lists, in the format of Prometheus, and counts calls; nothing else is answered"""
    need("curl")
    g = fresh(operation="shards = 2", listeners='[metrics]\nlisten = "127.0.0.1:9464"\n')

    def curl(*words):
        return subprocess.run(["curl", "-s", "-m", "5", "-w", "\n%{http_code} %{content_type}", *words], capture_output=True, text=True).stdout

    sipp_both(g, "uac", "uas", 20, hold_ms=100)
    expect(ask_sip("INVITE", CALLER, port=5066, to=(GATEWAY, 5070)) == 0, "a stranger to that listener is answered")
    text, _, what = curl("http://127.0.0.1:9464/metrics").rpartition("\n")
    expect(what == "200 text/plain; version=0.0.4; charset=utf-8", what)
    types, values = series(text)
    doc = (ROOT / "docs" / "operating.md").read_text()
    listed = dict(re.findall(r"^\| `(causeway_\w+)[^`]*` \| (\w+) \|", doc, re.M))
    expect(types == listed, f"only in one of both: {sorted(set(types.items()) ^ set(listed.items()))}")
    for name, value in {"calls": 0, "calls_started_total": 20, "calls_answered_total": 20, 'calls_ended_total{termination="completed"}': 20,
                        'group_seizures_total{group="caller"}': 20, 'group_effective_total{group="caller"}': 20,
                        'group_effectiveness_ratio{group="callee"}': 1, 'group_short_calls_total{group="callee"}': 20,
                        'group_lost_calls_total{group="callee"}': 0,
                        "shards": 2, 'peer_up{group="caller",peer="caller-1"}': 1, "admitted_ratio": 1, "media_legs": 0,
                        'messages_dropped_total{reason="unknown_source"}': 1}.items():
        expect(values.get(f"causeway_{name}") == value, f"{name} is {values.get(f'causeway_{name}')}, not {value}")
    answers = {k: v for k, v in values.items() if k.startswith("causeway_sip_answers_total") and 'method="INVITE"' in k}
    expect(len(answers) == 2 and set(answers.values()) == {20} and all('class="2xx"' in k for k in answers) and
           {"sent", "received"} == {re.search(r'direction="(\w+)"', k)[1] for k in answers}, f"answers are counted as {answers}")
    expect(values['causeway_datagrams_total{direction="in"}'] >= 20 * 6, "datagrams are not counted")
    expect(curl("http://127.0.0.1:9464/").endswith("404 text/plain; charset=utf-8"), "/ is answered")
    expect(curl("-X", "POST", "http://127.0.0.1:9464/metrics").endswith("405 text/plain; charset=utf-8"), "POST is answered")
    with socket.create_connection(("127.0.0.1", 9464), timeout=5) as s:
        s.sendall(os.urandom(20_000))
        try:
            expect(s.recv(100)[:12] in (b"HTTP/1.1 400", b""), "garbage is not refused")
        except OSError:
            pass
    expect("200 text/plain" in curl("http://127.0.0.1:9464/metrics"), "it answers no more")
    g.stop()


@test("TDR-42")
def near_the_limit_of_calls():
    """status tells of a group and a peer with nine tenths of their calls; the next call beyond the limit is refused"""
    shutil.rmtree(WORK / "state", ignore_errors=True)
    g = Gateway(configuration(group("caller", CALLER, 5060, "a-udp", routes_to=["callee"], extra="max_calls = 10"),
                              group("callee", CALLEE, 5060, "b-udp", routes_to=["caller"], peer_extra="max_calls = 11")))
    answering = Sipp("uas", CALLEE, 5060)
    calling = Sipp("uac", CALLER, 5060, f"{GATEWAY}:5060", 10, 100, 2500)
    wait_until(lambda: g.numbers()["answered"] == 10, 5, "10 calls are up")
    text = g.command("status")
    for what in ("ALARM: group 'caller' has 10 of at most 10 calls", "ALARM: peer 'callee-1' has 10 of at most 11 calls"):
        expect(what in text, f"not in the status: {what}\n{text}")
    status = ask_sip("INVITE", CALLER, port=5066, body=AUDIO_SDP)
    expect(status == 503, f"the eleventh call is answered {status}")
    expect("limit_group_calls" in g.command("status"), "the refusal is not counted by its reason")
    calling.finish()
    g.expect_idle()
    expect("of at most" not in g.command("status"), "the alarm stays")
    answering.kill()
    g.stop()


main()
