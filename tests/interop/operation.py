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


@test()
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
    expect(ask_sip("OPTIONS", CALLER) in (200, 503), "OPTIONS is not answered while the gateway stops")
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


main()
