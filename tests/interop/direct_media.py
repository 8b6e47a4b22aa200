"""Local Media Optimization with SIPp and its RTP on both sides: media that goes past the gateway, and media that is anchored.

The service and the gateway behind ours are in namespaces of their own, each with a link to us and with one between the two.
"""
from two_links import *

BESIDE, US = "branch.enterprise.example", "sbc.operator.example"
INTERNAL, EXTERNAL = ("internal", BESIDE), ("external", f"{US}, {BESIDE}")


def text():
    t = configuration(
        group("cloud", SIDES["cloud"][1], listener="a-udp", profile="service", routes_to=["branch"], extra='internal_media_realm = "lan"'),
        group("branch", SIDES["branch"][1], listener="b-udp", routes_to=["cloud"], peer_extra=f'known_as = "{BESIDE}"'))
    for realm, side, port in (("a", "cloud", 5060), ("b", "branch", 5070)):
        ours = SIDES[side][0]
        t = t.replace(f'name = "{realm}"\nmedia_addresses = ["{GATEWAY}"]', f'name = "{realm}"\nmedia_addresses = ["{ours}"]')
        t = t.replace(f'address = "{GATEWAY}:{port}"', f'address = "{ours}:{port}"')
    return t + f"""
[[realm]]
name = "lan"
media_addresses = ["{INSIDE}"]
media_port_min = 20000
media_port_max = 29999
[[profile]]
name = "service"
extends = "operator"
contact_host = "{US}"
[profile.local_media]
location = "X-MS-UserLocation"
path = "X-MS-MediaPath"
"""


def sipp(side, process, steps, to=None):
    name = f"{side}-{'calls' if to else 'answers'}"
    args = ["sipp", "-sf", scenario(name, *steps), "-i", SIDES[side][1], "-p", 5060, "-mi", SIDES[side][2], "-nostdin", "-trace_msg", "-message_file",
            WORK / f"{name}.messages", "-trace_err", "-error_file", WORK / f"{name}.errors", "-timeout", "30s", "-timeout_error", "-m", 1,
            *((to, "-s", "+4989123") if to else ())]
    return Process(f"sipp-{name}", ["nsenter", "-t", process.pid, "-n", *args])


def invite(uri, cseq, to, place, path, more=()):
    return '<send retrans="500">' + message(f"INVITE {uri} SIP/2.0", [
        *DIALOG, *more, f"To: <sip:[service]@{BESIDE}>{to}", f"CSeq: {cseq} INVITE", f"X-MS-UserLocation: {place}", f"X-MS-MediaPath: {path}"],
        SDP.format(port="[rtpstream_audio_port]")) + "</send>"


def call(sides, *places):
    """A call of the service's with two seconds of talk at each of the places, a pair of headers. What each of the three saw of it, and the
    last SDP that each side was given."""
    wires = {"us": Wire(), **{side: Wire(p) for side, p in sides.items()}}
    g = Gateway(text())
    again = ['<recv request="INVITE"/>', say(200, True, invite=False), '<recv request="ACK"/>'] * (len(places) - 1)
    answers = sipp("branch", sides["branch"], [
        '<recv request="INVITE"/>', say(180), pause(200), say(200, True), '<recv request="ACK"/>', play(SECOND), *again,
        '<recv request="BYE"/>', say(200, invite=False)])
    time.sleep(0.5)
    answered = ['<recv response="100" optional="true"/><recv response="180" optional="true"/><recv response="200" rrs="true"/>']
    moves = [step for i, there in enumerate(places[1:], 2) for step in (
        invite("[next_url]", i, "[peer_tag_param]", *there, more=["[routes]"]), *answered, request("ACK", i), pause(2000))]
    calls = sipp("cloud", sides["cloud"], [
        invite(f"sip:[service]@{BESIDE}", 1, "", *places[0]), *answered, request("ACK", 1), play(FIRST), pause(2000), *moves,
        request("BYE", len(places) + 1), '<recv response="200"/>'], to=f"{SIDES['cloud'][0]}:5060")
    for p in (calls, answers):
        code = p.wait(40)
        errors = WORK / f"{p.name.removeprefix('sipp-')}.errors"
        expect(code == 0, f"{p.name}: exit status {code}\n{errors.read_text() if errors.exists() else p.tail()}")
    g.expect_idle()
    g.stop()
    told = {side: re.findall(r"message received.*?^c=IN IP4 (\S+)", (WORK / f"{name}.messages").read_text(errors="replace").replace("\r", ""),
                             re.S | re.M)[-1] for side, name in (("cloud", "cloud-calls"), ("branch", "branch-answers"))}
    return {name: w.close() for name, w in wires.items()}, told


def straight():
    """The two streams that go past us."""
    user, gateway = SIDES["cloud"][2], SIDES["branch"][2]
    return {(user, gateway, PHONES[FIRST]), (gateway, user, PHONES[SECOND])}


def by_us(side):
    """... and those of one side that do not."""
    (ours, _, own), mine, theirs = (SIDES[side], *((FIRST, SECOND) if side == "cloud" else (SECOND, FIRST)))
    return {(own, ours, PHONES[mine]), (ours, own, PHONES[theirs])}


@test("LMO-02")
def past_us():
    """a user inside, whose path begins with the gateway behind ours: both hear each other, and no packet comes here"""
    need("sipp", "nsenter")
    seen, told = call(links(), INTERNAL)
    expect(told == {"cloud": SIDES["branch"][2], "branch": SIDES["cloud"][2]}, f"told by SDP: {told}")
    expect(not seen["us"], f"of the media that goes past us we saw {seen['us']}")
    for side in SIDES:
        expect(set(seen[side]) == straight() and min(seen[side].values()) > 70, f"{side} saw {seen[side]}")


@test("LMO-01", "LMO-02")
def anchored():
    """a user outside, whose path begins with us: each hears the other from our address on its link, and nothing goes straight"""
    need("sipp", "nsenter")
    seen, told = call(links(), EXTERNAL)
    expect(told == {side: SIDES[side][0] for side in SIDES}, f"told by SDP: {told}")
    for side in SIDES:
        expect(set(seen[side]) == by_us(side) and min(seen[side].values()) > 70, f"{side} saw {seen[side]}")
        expect(by_us(side) <= set(seen["us"]), f"here we saw {seen['us']}")


@test("LMO-03")
def leaves():
    """a user who leaves the enterprise's network in a call, and comes back: media comes here, and goes past us again"""
    need("sipp", "nsenter")
    seen, told = call(links(), INTERNAL, EXTERNAL, INTERNAL)
    expect(told == {"cloud": SIDES["branch"][2], "branch": SIDES["cloud"][2]}, f"told by SDP at last: {told}")
    for side in SIDES:
        expect(set(seen[side]) == straight() | by_us(side), f"{side} saw {seen[side]}")
        once, twice = (min(seen[side][s] for s in streams) for streams in (by_us(side), straight()))
        expect(once > 70 and twice > 140, f"{side} saw {seen[side]}")
        expect(by_us(side) <= set(seen["us"]), f"here we saw {seen['us']}")


main()
