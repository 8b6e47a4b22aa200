"""SIPp on both sides: many calls, with hold, with loss, over UDP and TCP."""
import subprocess

from support import *

CALLS = 10000 if LONG else 1000
LOSSY = 1000


def two_sides(caller_transport="udp", callee_transport="udp"):
    return Gateway(configuration(
        group("caller", CALLER, 5060, f"a-{caller_transport}", routes_to=["callee"]),
        group("callee", CALLEE, 5060, f"b-{callee_transport}", routes_to=["caller"])))


@test()
def calls_with_hold():
    """calls with hold and resume, 100 a second, UDP"""
    g = two_sides()
    sipp_both(g, "uac_hold", "uas_hold", CALLS, limit=60 + CALLS // 50)
    n = g.numbers()
    expect(n["begun"] == n["answered"] == CALLS and n["failed"] == 0, f"the gateway counts otherwise: {n}")
    g.stop()


@test()
def calls_with_loss():
    """the same with 1 % of all datagrams lost both ways"""
    need("iptables")
    drop = ["iptables", "-A", "INPUT", "-p", "udp", "-m", "statistic", "--mode", "random", "--probability", "0.01", "-j", "DROP"]
    r = subprocess.run(drop, capture_output=True, text=True)
    if r.returncode != 0:
        raise Skip(f"iptables: {r.stderr.strip()}")
    try:
        g = two_sides()
        # 1.8 s between the requests: an ACK that is lost twice still comes before the next one. SIPp cannot take
        # it later; at 700 ms that failed about one call in 2,000.
        # A SIPp whose answer was lost knows a repeated request only sometimes, and gives the call up as out of order when
        # it does not, or when the ACK comes while it sends: about one call in five thousand. That no call of ours goes
        # wrong under loss is proved by the random agents of tests/scenario.
        sipp_both(g, "uac_hold", "uas_hold", LOSSY, rate=80, hold_ms=1800, limit=120, forgive=3)
        counted = subprocess.run(["iptables", "-L", "INPUT", "-v", "-x", "-n"], capture_output=True, text=True).stdout
        lost = int(counted.splitlines()[2].split()[0])
        expect(lost > LOSSY // 10, f"only {lost} datagrams were lost: nothing was tested")
        g.stop(20)
    finally:
        subprocess.run(["iptables", "-F"])


@test()
def udp_to_tcp():
    """calls from UDP to TCP, with hold"""
    g = two_sides("udp", "tcp")
    sipp_both(g, "uac_hold", "uas_hold", 300, hold_ms=300, callee_transport="tcp")
    g.stop()


@test()
def tcp_to_udp():
    """calls from TCP to UDP, with hold"""
    g = two_sides("tcp", "udp")
    sipp_both(g, "uac_hold", "uas_hold", 300, hold_ms=300, caller_transport="tcp")
    g.stop()


main()
