"""More calls than the gateway can carry: it sheds what is too much, and what goes on and calls for help are untouched.

The gateway shares one core with something that takes most of it, so that it is too slow on any machine.
"""
import statistics

from support import *

CORE = min(os.sched_getaffinity(0))
HELP = "112"


def gateway(nice):
    g = Gateway(configuration(group("caller", CALLER, 5060, "a-udp", routes_to=["callee"],
                                    recognise=f'sources = ["{CALLER}", "127.0.0.23", "127.0.0.24"]'),
                              # Whoever answers waits, too, until the gateway has time to hear it.
                              group("callee", CALLEE, 5060, "b-udp", routes_to=["caller"],
                                    extra='[peer_group.timers]\nsilence = "20s"\nhunt = "30s"'),
                              head=f'[emergency]\nsos = ["{HELP}"]\n', operation="shards = 1"))
    hog = Process("hog", [sys.executable, "-c", "while True: pass"])
    g.hog = hog
    os.sched_setaffinity(hog.pid, {CORE})
    nice += os.getpriority(os.PRIO_PROCESS, hog.pid)
    for task in os.listdir(f"/proc/{g.process.pid}/task"):
        os.sched_setaffinity(int(task), {CORE})
        os.setpriority(os.PRIO_PROCESS, int(task), nice)
    return g


def others():
    """The other cores are for the generators, when there are any."""
    return (os.sched_getaffinity(0) - {CORE}) or {CORE}


def sipp(*args, **more):
    # What the gateway was late for is repeated by both sides, also while SIPp pauses.
    p = Sipp(*args, **more, extra=["-pause_msg_ign"])
    os.sched_setaffinity(p.pid, others())
    return p


@test("EM-02")
def shedding():
    """many times too many calls: the rest gets 503 with Retry-After, calls in progress and emergencies go through"""
    g = gateway(10)
    answering = sipp("uas", CALLEE, 5060, limit=120)
    sipp("uac", CALLER, 5061, f"{GATEWAY}:5060", 5, 20, 100).finish(60)
    before = sipp("uac", "127.0.0.23", 5060, f"{GATEWAY}:5060", 20, 20, 9000)  # up before, and until after
    wait_until(lambda: g.numbers()["now"] == 20, 10, "calls are in progress")
    flood = sipp("uac_shed", CALLER, 5060, f"{GATEWAY}:5060", 9000, 1500, 100, limit=60)
    time.sleep(1)
    help_ = sipp("uac", "127.0.0.24", 5060, f"{GATEWAY}:5060", 20, 5, 500, user=HELP)
    help_.finish(90)
    before.finish(90)
    code = flood.wait(90)
    made, good, bad = flood.counts()
    dropped = wait_until(g.dropped, 20, "the status")
    expect(dropped.get("overload", 0) > 100, f"too little was shed: {dropped}; {made} calls, {good} good")
    expect(g.numbers()["answered"] > 45, f"nobody got through: {g.numbers()}")
    # A few may be given up by a caller whose messages the kernel had no room for.
    expect(code in (0, 1) and bad < made // 4, f"{bad} of {made} calls went wrong (exit status {code}): {flood.why()}")
    g.hog.kill()
    # Looked at anew with the next message that comes.
    wait_until(lambda: ask_sip("OPTIONS", CALLER, port=5063) == 200 and "OVERLOAD" not in g.command("status"), 30, "the overload is over")
    sipp("uac", CALLER, 5062, f"{GATEWAY}:5060", 20, 20, 100).finish(60)
    answering.kill()
    g.stop(20)


def carried(g, rate, seconds):
    """Calls a second that were answered, of so many that were offered."""
    calling = sipp("uac_shed", CALLER, 5060, f"{GATEWAY}:5060", int(rate * seconds), int(rate), 100, limit=seconds + 60)
    time.sleep(2)  # until the share that is let in has settled
    before, began = g.numbers()["answered"], time.monotonic()
    time.sleep(seconds - 3)
    n = (g.numbers()["answered"] - before) / (time.monotonic() - began)
    calling.wait(90)
    time.sleep(2)
    return n


def goodput():
    """offered three times what it can carry it goes on completing most of its own maximum; how much is printed"""
    g = gateway(2)
    answering = sipp("uas", CALLEE, 5060, limit=600)
    best, offered, rate, seen = 0.0, 0.0, 400.0, []
    while rate < 6000:
        n = carried(g, rate, 8)
        seen.append((round(rate), round(n)))
        print(f"{rate:.0f} offered, {n:.0f} answered", flush=True)  # long work shows progress
        best, offered = max((best, offered), (n, rate))
        if n < 0.8 * rate:
            break
        rate *= 1.25
    # In turn: a shared machine is not of one speed for three minutes.
    most, at_three = [], []
    for _ in range(3):
        most.append(carried(g, offered, 8))
        at_three.append(carried(g, 3 * best, 8))
    pairs = [(round(a), round(b)) for a, b in zip(most, at_three)]
    most, at_three = statistics.median(most), statistics.median(at_three)
    cost = [int(x) for x in pathlib.Path(f"/proc/{g.process.pid}/stat").read_text().split()[13:15]]
    text = (f"{100 * at_three / most:.0f} %: {at_three:.0f} of {most:.0f} calls/s when offered {3 * best:.0f}; "
            f"most and three times, in turn: {pairs}; before that {seen}; CPU {cost}")
    print(text, flush=True)
    # The aim is 95 %. Of bare calls over UDP the refusals alone take more than that leaves (ADR 0017): what is
    # proved here is that nothing collapses.
    expect(at_three >= 0.7 * most, text)
    answering.kill()
    g.stop(20)


if LONG:  # a measurement
    test()(goodput)
main()
