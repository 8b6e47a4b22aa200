"""RTP that the kernel passes from one link to another, between SIPps that play and listen."""
from two_links import *


def gateway(interfaces=tuple(SIDES), extra=""):
    t = configuration(
        group("cloud", SIDES["cloud"][1], listener="a-udp", routes_to=["branch"]),
        group("branch", SIDES["branch"][1], listener="b-udp", routes_to=["cloud"]),
        operation=f"shards = 2\nkernel_relay = {json.dumps(list(interfaces))}", listeners='[metrics]\nlisten = "127.0.0.1:9464"\n' + extra)
    t = t.replace("keep_one_in = 50", "keep_one_in = 1")
    for realm, side, port in (("a", "cloud", 5060), ("b", "branch", 5070)):
        ours = SIDES[side][0]
        t = t.replace(f'name = "{realm}"\nmedia_addresses = ["{GATEWAY}"]', f'name = "{realm}"\nmedia_addresses = ["{ours}"]')
        t = t.replace(f'address = "{GATEWAY}:{port}"', f'address = "{ours}:{port}"')
    return Gateway(t)


def sipp(side, process, steps, to=None):
    name = f"{side}-{'calls' if to else 'answers'}"
    args = ["sipp", "-sf", scenario(name, *steps), "-i", SIDES[side][1], "-p", 5060, "-mi", SIDES[side][1], "-nostdin", "-timeout", "40s",
            "-trace_err", "-error_file", WORK / f"{name}.errors", "-m", 1, *((to, "-s", "+4989123") if to else ())]
    return Process(f"sipp-{name}", ["nsenter", "-t", process.pid, "-n", *args])


def begin(sides, seconds):
    """A call in which both sides talk for so long."""
    answers = sipp("branch", sides["branch"], [
        '<recv request="INVITE"/>', say(180), pause(200), say(200, True), '<recv request="ACK"/>', play(SECOND),
        '<recv request="BYE"/>', say(200, invite=False)])
    time.sleep(0.5)
    calls = sipp("cloud", sides["cloud"], [
        '<send retrans="500">' + message("INVITE sip:[service]@gateway SIP/2.0", [*DIALOG, "To: <sip:[service]@gateway>", "CSeq: 1 INVITE"],
                                         SDP.format(port="[rtpstream_audio_port]")) + "</send>",
        '<recv response="100" optional="true"/><recv response="180" optional="true"/><recv response="200" rrs="true"/>',
        request("ACK", 1), play(FIRST), pause(int(seconds * 1000)), request("BYE", 2), '<recv response="200"/>'], to=f"{SIDES['cloud'][0]}:5060")
    return calls, answers


def metric(name):
    text = subprocess.run(["curl", "-sf", "http://127.0.0.1:9464/metrics"], check=True, capture_output=True, text=True).stdout
    return int(float(re.search(rf"^{name} (\S+)$", text, re.M)[1]))


def from_us(side):
    """What a side hears: (our address there, its own, the other side's byte)."""
    ours, own, _ = SIDES[side]
    return ours, own, PHONES[SECOND if side == "cloud" else FIRST]


def able(g):
    if "all packets go through the shards" in g.process.output():
        why = re.search(r"operation.kernel_relay: (.*?): all packets", g.process.output())[1]
        raise Skip(f"the kernel does not take the program here: {why}")


@test()
def through_the_kernel():
    """both sides hear each other without a gap; after the first seconds by the kernel; quality and trail say the same as without"""
    need("sipp", "nsenter", "curl")
    sides = links()
    g = gateway()
    able(g)
    wires = {side: Wire(p) for side, p in sides.items()}
    calls, answers = begin(sides, 11)
    time.sleep(8)
    expect(metric("causeway_media_kernel_flows") == 2, f"{metric('causeway_media_kernel_flows')} flows")
    for p in (calls, answers):
        expect(p.wait(40) == 0, f"{p.name}: {p.tail()}")
    g.expect_idle()
    passed = metric("causeway_media_kernel_packets_total")
    expect(passed > 500, f"the kernel passed on {passed} packets")
    expect(metric("causeway_media_kernel_flows") == 0, "a flow is left behind")
    seen = {side: w.close() for side, w in wires.items()}
    for side in SIDES:
        expect(seen[side][from_us(side)] > 520, f"{side} heard {seen[side]}")
    trail = g.command("trace", g.command("calls").splitlines()[1].split()[0])
    text = " ".join(trail.replace("│", "").split())
    ends = re.findall(r"received (\d+) packets, lost (\d+), jitter .*?sent (\d+);.*?MOS (\d\.\d+).*?; (\d+) passed on by the kernel", text)
    expect(len(ends) == 2, f"the trail:\n{trail}")
    for received, lost, sent, mos, by_kernel in ends:
        expect(int(lost) == 0 and float(mos) > 4.2 and int(by_kernel) > 250, f"the trail:\n{trail}")
    expect({ends[0][0]} == {ends[1][2]} and {ends[1][0]} == {ends[0][2]}, f"what one side sent is not what the other got:\n{trail}")
    g.stop()
    expect("relay" not in subprocess.run(["tc", "filter", "show", "dev", "cloud", "ingress"], capture_output=True, text=True).stdout,
           "the program is still there")


@test()
def of_a_gateway_that_was_killed():
    """a gateway that is killed: three seconds later the kernel passes nothing on"""
    need("sipp", "nsenter", "curl")
    sides = links()
    g = gateway()
    able(g)
    begin(sides, 30)
    wait_until(lambda: metric("causeway_media_kernel_packets_total") > 100, 15, "the kernel passes packets on")
    g.process.kill()
    time.sleep(1)
    early = Wire(sides["branch"])
    time.sleep(0.5)
    expect(early.close()[from_us("branch")] > 15, "it stopped with the gateway: then this test shows nothing")
    time.sleep(3)
    late = Wire(sides["branch"])
    time.sleep(1)
    seen = late.close()
    expect(seen[from_us("branch")] == 0, f"4.5 s after its end: {seen}")


@test()
def without_the_interface():
    """an interface that is not there: a warning that names it, and calls go through the shards"""
    need("sipp", "nsenter", "curl")
    sides = links()
    g = gateway(["cloud", "no-such"])
    expect(re.search(r"operation.kernel_relay: .*(no-such|CAP_BPF).*: all packets go through the shards", g.process.output()), g.process.tail())
    wire = Wire(sides["branch"])
    for p in begin(sides, 2):
        expect(p.wait(40) == 0, f"{p.name}: {p.tail()}")
    expect(wire.close()[from_us("branch")] > 70, "the call was not heard")
    expect(metric("causeway_media_kernel_packets_total") == 0, "who passed it on?")
    g.expect_idle()
    g.stop()


main()
