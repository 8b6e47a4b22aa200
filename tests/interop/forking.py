"""Targets called at once, with SIPp and its RTP on every side: who is heard, who has the call, what a failure says."""
from scenarios import *

CANCELLED = '<recv request="CANCEL"/>' + say(200, invite=False) + say(487, tag="l") + '<recv request="ACK"/>'
ELSEWHERE = 'Reason: SIP;cause=200;text="Call completed elsewhere"'


def both(gates):
    """A gateway whose callers, at 127.0.1.N with that gate, ring the phones at FIRST and SECOND at once."""
    groups, text = [], ""
    for i, gate in enumerate(gates, 1):
        text += f'[[profile]]\nname = "caller{i}"\nextends = "operator"\nearly_media_gate = "{gate}"\n'
        groups.append(group(f"caller{i}", f"127.0.1.{i}", profile=f"caller{i}", routes_to=["one", "two"], extra='forking = "parallel"\n'))
    groups += [group("one", FIRST, listener="b-udp"), group("two", SECOND, listener="b-udp")]
    return Gateway(configuration(*groups).replace("keep_one_in = 50", "keep_one_in = 1") + text)


def messages(name):
    return (WORK / f"{name}.messages").read_text()


@test("TDR-72", "TDR-73")
def heard():
    """Two targets play at once; the caller hears the last, the first or the active one, then the one that answers, in one dialog"""
    gates = ("last", "first", "active")
    g = both(gates)
    loser = phone("loses", say(183, True, tag="l"), play(FIRST, 1), CANCELLED, address=FIRST)
    winner = phone("wins", pause(700), say(183, True, tag="w"), play(SECOND), pause(3800), say(200, True, tag="w"), GOES, address=SECOND)
    calls = [Call(f"both-{x}", f"127.0.1.{i}", talk=1000) for i, x in enumerate(gates, 1)]
    for c in calls:
        c.finish()
    g.expect_idle()
    a, b = PHONES.values()
    for x, c in zip(gates, calls):
        one, other, answer = (t for t, _ in c.told())
        expect(c.told_in_short() == "183s 183s 200s" and len(c.tags()) == 1, f"{x}: the caller was told {c.told_in_short()} in {c.tags()}")
        alone, after = c.ear.between(one + 0.2, other - 0.1), c.ear.between(answer + 0.3, time.time())
        together = c.ear.between(other + 0.4, one + 1.8)
        expect(set(alone) == {a}, f"{x}: while the first plays alone the caller hears {alone}")
        expect(set(together) == {a if x == "first" else b}, f"{x}: while both play the caller hears {together}")
        expect(set(after) == {b} and after[b] > 20, f"{x}: after the answer the caller hears {after}")
    expect(messages("loses").count(ELSEWHERE) == len(gates), f"the other was cancelled with\n{messages('loses')[-2000:]}")
    for p in (loser, winner):
        p.kill()
    g.stop()


@test()
def crossed():
    """Both answer within the same instant: one has the call, the other is acknowledged and hung up"""
    g = both(["last"])
    # The second answers instead of the CANCEL that is on its way to it.
    late = phone("late", say(180, tag="l"), '<recv request="CANCEL"/>', say(200, invite=False),
                 say(200, True, tag="l").replace("[last_CSeq:]", "CSeq: 1 INVITE"), GOES, address=FIRST)
    first = phone("first", say(183, True, tag="w"), play(SECOND), pause(300), say(200, True, tag="w"), GOES, address=SECOND)
    call = Call("crossed", "127.0.1.1", talk=1500).finish()
    g.expect_idle()
    expect(sorted(call.told_in_short().split()) == ["180", "183s", "200s"], f"the caller was told {call.told_in_short()}")
    answer = call.told()[-1][0]
    heard = call.ear.between(answer + 0.3, time.time())
    expect(set(heard) == {PHONES[SECOND]}, f"the caller hears {heard} and not who has the call")
    text = messages("late")
    expect("BYE sip:p@" in text and text.index("ACK sip:p@") < text.index("BYE sip:p@"), f"who was late saw\n{text[-3000:]}")
    for p in (late, first):
        p.kill()
    g.stop()


@test()
def failures():
    """One is not there and the other busy: the caller hears of the second alone, when both are over; `calls` and `trail` say which"""
    g = both(["last"])
    absent = phone("absent", say(404, tag="a"), '<recv request="ACK"/>', address=FIRST)
    busy = phone("busy", say(180, tag="b"), pause(500), say(486, tag="b"), '<recv request="ACK"/>', address=SECOND)
    caller_ = Sipp("uac_busy", "127.0.1.1", 5060, f"{GATEWAY}:5060", 1, 1, limit=20)
    caller_.finish(20)
    g.expect_idle()
    text = g.command("trace", g.command("calls").splitlines()[1].split()[0])
    for said in ("all at once (forking): one, two", "one-1 answered 404", "nothing more comes of this target", "two-1 answered 486", "busy"):
        expect(said in text, f"the trail does not say '{said}':\n{text}")
    for p in (absent, busy):
        p.kill()
    g.stop()



main()
