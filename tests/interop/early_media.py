"""Before the answer, with SIPp and its RTP on the called side and Kamailio that forks: what the caller hears and is told."""
from scenarios import *

SHAPES = {  # by the caller's profile: 18x and answer, each with SDP or without, and whether the RTP is heard before it
    "": ("180 183s 180 182 181 200s", True),
    'early_media = "first_only"': ("180 200s", False),
    'early_media = "ringing"': ("180 180 180 182 181 200s", False),
    'ringing = "by_sdp"': ("180 183s 180 182 181 200s", True),
    'forwarded_and_queued = "ringing"': ("180 183s 180 180 180 200s", True),
    'forwarded_and_queued = "drop"': ("180 183s 180 200s", True)}


@test("TDR-68", "TDR-74")
def shaped():
    """180, 183 with RTP, 180, 182, 181, 200: heard before the answer, and told as each caller's profile says"""
    g = several(SHAPES)
    answering = phone("rings", say(180), pause(100), say(183, True), play(FIRST), pause(1500), say(180), pause(100), say(182), pause(100),
                      say(181), pause(100), say(200, True), GOES)
    calls = [Call(f"shaped{i}", f"127.0.1.{i}") for i in range(1, len(SHAPES) + 1)]
    time.sleep(1.4)
    early = [c.ear.between(0, time.time()) for c in calls]
    for c in calls:
        c.finish()
    g.expect_idle()
    for (profile, (told, heard)), c, before in zip(SHAPES.items(), calls, early):
        expect(c.told_in_short() == told, f"{profile or 'as it is'}: the caller was told {c.told_in_short()}, not {told}")
        expect((before[PHONES[FIRST]] > 5) == heard, f"{profile or 'as it is'}: heard before the answer: {before}")
        expect(c.ear.between(0, time.time())[PHONES[FIRST]] > 5, f"{profile or 'as it is'}: nothing is heard after the answer")
    answering.kill()
    g.stop()


KAMAILIO = f"""#!KAMAILIO
debug=1
log_stderror=yes
children=2
listen=udp:{EDGE}:5060
loadmodule "corex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "textops.so"
request_route {{
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (has_totag()) {{ loose_route(); t_relay(); exit; }}
    t_check_trans();
    record_route();
    $ru = "sip:phone@{FIRST}:5060";
    append_branch("sip:phone@{SECOND}:5060");
    if (!t_relay()) sl_reply_error();
    exit;
}}
"""


def fork():
    need("kamailio")
    (WORK / "kamailio.cfg").write_text(KAMAILIO)
    edge = Process("kamailio", ["kamailio", "-DD", "-E", "-f", WORK / "kamailio.cfg", "-w", WORK, "-Y", WORK, "-P", WORK / "kamailio.pid",
                                "-m", "32", "-M", "4"])
    wait_until(lambda: listening(EDGE, 5060), 10, f"Kamailio listens: {edge.tail(5)}")
    return edge


@test("TDR-72", "TDR-73")
def forked():
    """Kamailio forks to two phones that both play: the caller hears the last, the first or the active one, in one dialog"""
    edge = fork()
    gates = ("last", "first", "active")
    g = several([f'early_media_gate = "{x}"' for x in gates], callee=(EDGE, 5060))
    cancelled = '<recv request="CANCEL"/>' + say(200, invite=False) + say(487, tag="a") + '<recv request="ACK"/>'
    loser = phone("loser", say(183, True, tag="a"), play(FIRST, 1), cancelled, address=FIRST)
    winner = phone("winner", pause(700), say(183, True, tag="b"), play(SECOND), pause(3800), say(200, True, tag="b"), GOES, address=SECOND)
    calls = [Call(f"gate-{x}", f"127.0.1.{i}", talk=1000) for i, x in enumerate(gates, 1)]
    for c in calls:
        c.finish()
    g.expect_idle()
    a, b = PHONES.values()
    for x, c in zip(gates, calls):
        one, other, answer = (t for t, _ in c.told())
        expect(c.told_in_short() == "183s 183s 200s" and len(c.tags()) == 1, f"{x}: the caller was told {c.told_in_short()} in {c.tags()}")
        both, alone, after = c.ear.between(other + 0.2, one + 1.8), c.ear.between(one + 3.3, answer - 0.1), c.ear.between(answer + 0.3, time.time())
        expect(set(both) == {b if x == "last" else a}, f"{x}: while both play the caller hears {both}")
        expect(set(alone) == (set() if x == "first" else {b}), f"{x}: while the second plays alone the caller hears {alone}")
        expect(set(after) == {b}, f"{x}: after the answer the caller hears {after}")
    for p in (loser, winner, edge):
        p.kill()
    g.stop()


@test("TDR-74")
def authorised():
    """P-Early-Media both ways: closed by inactive, open by sendrecv, and the caller is told what it hears"""
    g = several(["", 'early_media_header = "off"'], "ims-core", trusted=True)
    answering = phone("authorises", say(183, True, ["P-Early-Media: inactive"]), play(FIRST), pause(1200),
                      say(183, True, ["P-Early-Media: sendrecv"]), pause(1200), say(183, True, ["P-Early-Media: inactive"]), pause(1200),
                      say(200, True), GOES)
    calls = [Call("authorised", "127.0.1.1", ["P-Early-Media: supported"]), Call("unaware", "127.0.1.2", ["P-Early-Media: supported"])]
    for c in calls:
        c.finish()
    g.expect_idle()
    invite = (WORK / "authorises.messages").read_text().partition("INVITE")[2].partition("v=0")[0]
    expect("P-Early-Media: supported" in invite, f"the called side was told:\n{invite}")
    said = [re.findall(r"^P-Early-Media: (.*)", m, re.M) for _, m in calls[0].told()]
    expect(said == [["inactive"], ["sendrecv"], ["inactive"], []], f"the caller was told of early media: {said}")
    unaware = calls[1].told()
    expect(not any("P-Early-Media" in m for _, m in unaware), "a caller was told whose profile has it off")
    expect("m=audio" not in unaware[0][1] and "m=audio" in unaware[1][1], f"it was told {calls[1].told_in_short()}")
    for c in calls:
        closed, opened, shut, answer = (t for t, _ in c.told())
        expect(not c.ear.between(0, opened - 0.05), f"{c.sipp.name} hears what is inactive")
        expect(c.ear.between(opened, shut).total() > 30, f"{c.sipp.name} hears nothing after sendrecv")
        expect(not c.ear.between(shut + 0.1, answer - 0.05), f"{c.sipp.name} hears what is inactive again")
        expect(c.ear.between(answer, time.time()).total() > 5, f"{c.sipp.name} hears nothing after the answer")
    answering.kill()
    g.stop()


RELIABLE_CALLEE = ('<recv request="INVITE"><action><ereg regexp="SIP/2.0.*" search_in="hdr" header="Via:" check_it="true" assign_to="1"/>'
                   '<ereg regexp="100rel" search_in="msg" check_it="true" assign_to="2"/></action></recv>')


def reliable_phone(name, address):
    """Tells 183 reliably, waits for PRACK, then answers; every INVITE must allow that."""
    # PRACK is here before SIPp has taken another step: it plays before it speaks.
    ok = say(200, True, tag="r").replace("[last_Via:]", "Via: [$1]").replace("[last_CSeq:]", "CSeq: 1 INVITE").replace(
        "[last_To:];tag=[pid]r[call_number]", "[last_To:]")
    steps = (RELIABLE_CALLEE, '<Reference variables="2"/>', play(FIRST), say(183, True, ["Require: 100rel", "RSeq: 7"], tag="r"),
             '<recv request="PRACK"><action><ereg regexp="7 1 INVITE" search_in="hdr" header="RAck:" check_it="true" assign_to="3"/>'
             '</action></recv>', '<Reference variables="3"/>', say(200, invite=False), pause(900), ok, GOES)
    return Sipp(scenario(name, *steps), address, 5060, extra=("-trace_msg", "-message_file", WORK / f"{name}.messages"))


@test("TDR-88", "GW-10")
def reliable():
    """100rel off, supported and required on either leg, in every combination, with PRACK of SIPp; one that requires it in vain gets 420"""
    callers = {"off": "", "supported": "Require: 100rel", "required": "Supported: 100rel"}
    text, groups, callees = "", [], {"off": "127.0.2.1", "supported": "127.0.2.2", "required": "127.0.2.3"}
    for k, address in callees.items():
        text += f'[[profile]]\nname = "{k}"\nextends = "operator"\nreliable_provisionals = "{k}"\n'
        groups.append(group(f"callee-{k}", address, listener="b-udp", profile=k))
    pairs = [(a, b) for a in callers for b in callees]
    for i, (a, b) in enumerate(pairs, 1):
        groups.append(group(f"caller-{i}", f"127.0.1.{i}", profile=a, routes_to=[f"callee-{b}"]))
    g = Gateway(configuration(*groups) + text)
    phones = [phone("plain", say(183, True), play(FIRST), pause(900), say(200, True), GOES, address=callees["off"]),
              *(reliable_phone(f"prack-{k}", callees[k]) for k in ("supported", "required"))]
    calls = [Call(f"rel{i}", f"127.0.1.{i}", [callers[a]] if callers[a] else [], reliable=a != "off") for i, (a, _) in enumerate(pairs, 1)]
    for c in calls:
        c.finish()
    for (a, b), c in zip(pairs, calls):
        told = c.told()
        expect(c.told_in_short() == ("183s 200s" if a == "off" else "183s 200"), f"{a} to {b}: the caller was told {c.told_in_short()}")
        expect(("RSeq:" in told[0][1]) == (a != "off"), f"{a} to {b}: the caller was told\n{told[0][1]}")
        expect(c.ear.between(told[0][0], told[1][0])[PHONES[FIRST]] > 5, f"{a} to {b}: nothing is heard before the answer")
    invites = {k: (WORK / f"{n}.messages").read_text() for k, n in (("off", "plain"), ("supported", "prack-supported"), ("required", "prack-required"))}
    expect("100rel" not in invites["off"] and "PRACK" not in invites["off"], "a called side was told of 100rel whose profile has it off")
    expect(re.search(r"^Require: .*100rel", invites["required"], re.M), "100rel was not required of the called side")
    expect(not re.search(r"^INVITE.*?^Require: .*100rel.*?^v=0", invites["supported"].partition("SIP/2.0 183")[0], re.M | re.S),
           "100rel was required of a called side where it is supported only")
    Sipp(scenario("refused", *caller_invite(["Require: 100rel"]), '<recv response="100" optional="true"/>', '<recv response="420"/>',
                  caller_ack()), "127.0.1.1", 5060, f"{GATEWAY}:5060", 1, 1, limit=20).finish(20)
    g.expect_idle()
    time.sleep(1.1)
    for p in phones:
        expect(p.counts()[2] == 0, f"{p.name}: {p.why()}")
        p.kill()
    g.stop()


@test("TDR-72")
def losers():
    """one phone of a fork rings and is heard, another answers with PCMU, then the first answers too: ACK and BYE for it, one dialog for the caller"""
    g = several([""])
    other = say(200, True, tag="b").replace("RTP/AVP 8", "RTP/AVP 0").replace("rtpmap:8 PCMA", "rtpmap:0 PCMU")
    late = say(200, True, tag="a").replace("[last_Via:]", "Via: [$1]").replace("[last_CSeq:]", "CSeq: 1 INVITE").replace("[last_To:];", "To: <sip:p@[local_ip]>;")
    name = "losers"
    answering = Sipp(scenario(
        name, '<recv request="INVITE"><action><ereg regexp="SIP/2.0.*" search_in="hdr" header="Via:" check_it="true" assign_to="1"/></action></recv>',
        say(183, True, tag="a"), play(FIRST), pause(1000), other, '<recv request="ACK"/>', play(SECOND, -1, 0), pause(100), late, '<recv request="ACK"/>',
        '<recv request="BYE"/>', say(200, invite=False), '<recv request="BYE"/>', say(200, invite=False)), CALLEE, 5060,
        extra=("-trace_msg", "-message_file", WORK / f"{name}.messages"))
    c = Call("forked", "127.0.1.1", talk=1500, codecs="8 0").finish()
    g.expect_idle()
    time.sleep(1.1)
    expect(answering.counts()[1:] == (1, 0), f"{answering.name}: {answering.why()}")
    expect(c.told_in_short() == "183s 200s" and len(c.tags()) == 1, f"the caller was told {c.told_in_short()} in {c.tags()}")
    text = (WORK / f"{name}.messages").read_text()
    byes = re.findall(r"^BYE .*?^To:.*?tag=\d+(\w)\d", text, re.M | re.S)
    expect(byes == ["a", "b"], f"BYE went to {byes}")
    answer = c.told()[1][0]
    expect(c.ear.between(0, answer)[PHONES[FIRST]] > 5, "nothing is heard before the answer")
    after = c.ear.between(answer + 0.5, time.time())  # converted: one other byte
    expect(after.total() > 20 and len(after) == 1 and PHONES[FIRST] not in after, f"after the answer the caller hears {after}")
    answering.kill()
    g.stop()


@test("TDR-72")
def ended_fork():
    """199 of a phone that was heard: the caller is told nothing of it, and another phone answers"""
    g = several([""], "ims-core", trusted=True)
    answering = phone("ended", say(183, True, tag="a"), play(FIRST), pause(600), say(199, tag="a"), pause(600), say(200, True, tag="b"), GOES)
    c = Call("forked", "127.0.1.1").finish()
    g.expect_idle()
    time.sleep(1.1)
    expect(answering.counts()[1:] == (1, 0), f"{answering.name}: {answering.why()}")
    invite = (WORK / "ended.messages").read_text().partition("INVITE")[2].partition("v=0")[0]
    expect(re.search(r"^Supported:.*\b199\b", invite, re.M), f"199 was not asked for:\n{invite}")
    expect(c.told_in_short() == "183s 200s" and len(c.tags()) == 1, f"the caller was told {c.told_in_short()} in {c.tags()}")
    answering.kill()
    g.stop()


main()
