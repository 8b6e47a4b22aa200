"""A flood of garbage from one address beside a good trunk: no good call fails, and none waits longer for it."""
import statistics

from support import *

STRANGER = "127.0.0.99"  # nobody's
NEIGHBOUR = "127.0.0.66"  # of a group of its own
ANYBODY = "44.0.0.1"     # of a group that half the world may belong to


def gateway():
    return Gateway(configuration(
        group("caller", CALLER, 5060, "a-udp", routes_to=["callee"]),
        group("callee", CALLEE, 5060, "b-udp", routes_to=["caller"]),
        group("neighbour", NEIGHBOUR, 5060, "a-udp", routes_to=["callee"]),
        group("open", "44.0.0.9", 5060, "a-udp", routes_to=["callee"],
              recognise='sources = ["32.0.0.0/3"]\nrequest_hosts = ["open.example"]')))


def flood(address, rate, seconds):
    return Process(f"flood-{address}-{time.monotonic_ns()}",
                   [LAB, "flood", "--from", f"{address}:5099", "--to", f"{GATEWAY}:5060", "--rate", rate, "--seconds", seconds])


def sent_by(f):
    code = f.wait(60)
    m = re.search(r"(\d+) datagrams", f.output())
    expect(code == 0 and m, f"{f.name}: {f.tail()}")
    return int(m[1])


def beside(g, address, rate):
    """Good calls while that address floods: none may fail."""
    answering = Sipp("uas", CALLEE, 5060, limit=60)
    f = flood(address, rate, 4)
    Sipp("uac", CALLER, 5060, f"{GATEWAY}:5060", 120, 40, 200).finish(60)
    sent = sent_by(f)
    answering.kill()
    g.expect_idle()
    expect(sent > 1000, f"only {sent} datagrams left")
    return sent, g.dropped()


@test("GW-06")
def of_a_stranger():
    """an unknown source floods: dropped and counted, no good call fails"""
    g = gateway()
    sent, dropped = beside(g, STRANGER, 20_000)
    # Of those that the kernel had room for nearly all are counted.
    expect(dropped.get("unknown_source", 0) > 1000, f"of {sent}: {dropped}")
    expect(set(dropped) <= {"unknown_source"}, f"something else was done with them: {dropped}")
    g.stop()


@test()
def of_a_neighbour():
    """the address of a peer floods: limited, not banned, and no good call fails"""
    g = gateway()
    sent, dropped = beside(g, NEIGHBOUR, 20_000)
    expect(dropped.get("limited", 0) > 500 and dropped.get("limited_source", 0) >= 1, f"of {sent}: {dropped}")
    expect(dropped.get("ban", 0) == 0, f"a peer was banned: {dropped}")
    g.stop()


@test()
def of_anybody():
    """an address that is no peer's own floods: banned, unbanned by the operator, and no good call fails"""
    subprocess.run(["ip", "address", "add", f"{ANYBODY}/32", "dev", "lo"], check=True)
    g = gateway()
    sent, dropped = beside(g, ANYBODY, 20_000)
    expect(dropped.get("ban", 0) >= 1 and dropped.get("banned", 0) > 500, f"of {sent}: {dropped}")
    expect(ANYBODY in g.command("bans"), "causeway bans does not name it")
    expect("heard again" in g.command("unban", ANYBODY), "it cannot be unbanned")
    code, text = g.ask("unban", ANYBODY)
    expect(code == 1 and "is not banned" in text, f"unbanned twice: {code} {text}")
    g.stop()


def p99(g, flooded):
    """Of the time from INVITE to 180, in ms, while good calls run for ten seconds."""
    answering = Sipp("uas", CALLEE, 5060, limit=60)
    f = flood(STRANGER, 100_000, 13) if flooded else None
    time.sleep(1)
    for old in WORK.glob("*_rtt.csv"):
        old.unlink()
    Sipp("uac_timed", CALLER, 5060, f"{GATEWAY}:5060", 1000, 100, 200, extra=["-trace_rtt", "-rtt_freq", "1"]).finish(60)
    sent = sent_by(f) if f else 0
    answering.kill()
    g.expect_idle()
    times = []
    for path in [*WORK.glob("*_rtt.csv"), *(HERE / "sipp").glob("*_rtt.csv")]:
        times += [float(line.split(";")[1]) for line in path.read_text().splitlines()[1:]]
        path.unlink()
    expect(len(times) == 1000, f"{len(times)} times were measured")
    return sorted(times)[989], sent


def delay():
    """100,000 garbage datagrams a second: the median of five runs' p99 set-up time rises by less than 2 ms"""
    g = gateway()
    quiet, loud, sent = [], [], []
    for _ in range(5):
        quiet.append(p99(g, False)[0])
        t, n = p99(g, True)
        loud.append(t)
        sent.append(n)
    rise = statistics.median(loud) - statistics.median(quiet)
    text = f"p99 from INVITE to 180 in ms: {quiet} without, {loud} with the flood; {sent} datagrams in 13 s; rise {rise:.2f}"
    print(text, flush=True)
    expect(rise < 2, text)
    g.stop()


if LONG:  # a measurement
    test()(delay)
main()
