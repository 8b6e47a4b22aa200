"""SIPp: calls that are given up, busy, or refused."""
from support import *

CALLS = 2000 if LONG else 200


def gateway():
    return Gateway(configuration(group("caller", CALLER, 5060, "a-udp", routes_to=["callee"]),
                                 group("callee", CALLEE, 5060, "b-udp", routes_to=["caller"]), limits="max_calls = 20000"))


@test()
def cancelled():
    """calls that are cancelled while it rings"""
    g = gateway()
    sipp_both(g, "uac_cancel", "uas_cancelled", CALLS, hold_ms=200)
    n = g.numbers()
    expect(n["answered"] == 0, f"something was answered: {n}")
    rows = [l for l in g.command("calls").splitlines()[1:] if l.strip()]
    expect(rows and all("cancelled" in r for r in rows), f"calls are not shown as cancelled:\n{rows[:3]}")
    expect(len(g.command("calls", "--failed").splitlines()) <= 1, "a cancelled call counts as failed")
    g.stop()


@test()
def busy():
    """calls to a busy line"""
    g = gateway()
    sipp_both(g, "uac_busy", "uas_busy", CALLS)
    rows = [l for l in g.command("calls").splitlines()[1:] if l.strip()]
    expect(rows and all("busy 486" in r for r in rows), f"calls are not shown as busy:\n{rows[:3]}")
    g.stop()


@test()
def far_end_hangs_up():
    """calls that the called side ends"""
    g = gateway()
    sipp_both(g, "uac_waits", "uas_ends", CALLS)
    g.stop()


@test()
def nobody_there():
    """calls to a peer that does not exist are refused, and the reason is shown"""
    g = gateway()
    calling = Sipp("uac_refused", CALLER, 5060, f"{GATEWAY}:5060", 20, 20)
    calling.finish(40)
    g.expect_idle()
    failed = g.command("calls", "--failed")
    expect(len(failed.splitlines()) == 21, f"`calls --failed` shows:\n{failed}")
    g.stop()


main()
