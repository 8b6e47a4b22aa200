"""The transaction layer as a stateful proxy between two SIPps: calls, loss, forks, failures, CANCEL."""
import subprocess

from support import *

CALLS = 10000 if LONG else 1000
PROXY = CAUSEWAY.parent / "causeway-test-proxy"


class TestProxy(Process):
    def __init__(self, *targets):
        args = [PROXY, "--listen", f"{GATEWAY}:5060"]
        for t in targets:
            args += ["--target", f"{t}:5060"]
        super().__init__(f"proxy-{len(Process.all)}", args)
        wait_until(lambda: listening(GATEWAY, 5060), 5, f"the proxy listens: {self.tail(3)}")

    def left(self):
        """Ends it; what it still knew then."""
        expect(self.alive(), f"the proxy has ended: {self.tail(5)}")
        self.stop()
        found = re.findall(r"left: (\d+) contexts, (\d+) transactions", self.output())
        expect(found, f"the proxy said nothing at its end: {self.tail(5)}")
        return int(found[-1][0]), int(found[-1][1])


def calls(caller, callee, n, rate=100, hold_ms=500, limit=90, forgive=0):
    answering = Sipp(callee, CALLEE, 5060, limit=limit + 60)
    Sipp(caller, CALLER, 5060, f"{GATEWAY}:5060", n, rate, hold_ms, limit=limit).finish(limit + 10, forgive)
    time.sleep(1.2)  # the answering side writes its totals once a second
    _, good, bad = answering.counts()
    expect(bad <= forgive, f"{answering.name}: {bad} failed\n{answering.why()}")
    expect(good >= n - bad, f"{answering.name}: only {good} of {n}")
    answering.kill()


@test()
def plain_calls():
    """calls with hold and resume along the recorded route, 100 a second"""
    p = TestProxy(CALLEE)
    calls("uac_hold", "uas_hold", CALLS, limit=60 + CALLS // 50)
    p.left()


@test()
def calls_with_loss():
    """calls with 1 % of all datagrams lost both ways: 2xx and ACK are repeated by their senders alone"""
    need("iptables")
    drop = ["iptables", "-A", "INPUT", "-p", "udp", "-m", "statistic", "--mode", "random", "--probability", "0.01", "-j", "DROP"]
    subprocess.run(drop, check=True, capture_output=True)
    try:
        p = TestProxy(CALLEE)
        calls("uac", "uas", 300, rate=50, hold_ms=1800, forgive=1)  # see sipp_calls.py of lossy calls
        p.left()
    finally:
        subprocess.run(["iptables", "-F"])


@test()
def cancelled_calls():
    """calls that are cancelled while it rings"""
    p = TestProxy(CALLEE)
    calls("uac_cancel", "uas_cancelled", 200)
    p.left()


@test()
def busy_calls():
    """calls to a busy line: the failure is acknowledged hop by hop"""
    p = TestProxy(CALLEE)
    calls("uac_busy", "uas_busy", 200)
    p.left()


@test()
def forked_calls():
    """calls forked to a busy line and to one that answers are answered"""
    other = "127.0.0.23"
    p = TestProxy(CALLEE, other)
    busy = Sipp("uas_declines", other, 5060, limit=120)
    calls("uac", "uas", 200)
    _, good, bad = busy.counts()
    expect(bad == 0 and good >= 200, f"{busy.name}: {good} good, {bad} bad\n{busy.why()}")
    busy.kill()
    p.left()


main()
