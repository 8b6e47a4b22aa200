#!/usr/bin/env python3
"""What grows with the number of calls: memory of calls that talk, the highest rate that is held, and what a second shard costs.

SIPp on both sides of examples/bench.toml in a network namespace of its own, the gateway on the second processor, SIPp on the first.

usage: scale.py BUILD_DIR [memory] [idle] [rate] [shards]     all of them unless named

memory   4,000 calls with media ports, set up at 100/s and at rest: KiB a call (proportional set size over that of a gateway that was
         warmed up). Fails above 16.
idle     20,000 calls whose media goes past the gateway (CAUSEWAY_IDLE_CALLS: another number), set up at 200/s (so many within 400 s) and at rest: KiB a call, what
         signalling alone needs, and the CPU that they take while nothing happens. Fails above 8, or where it takes more than a
         hundredth of a processor.
rate     the highest of several rates at which fewer than one call in a thousand fails, with the load of the gateway's processor and
         SIPp's: who was the limit. Reported, not judged.
shards   CPU a call at 500/s with one shard and with two, in turn, three times each. All datagrams of one peer arrive on one shard
         and half of the calls belong to the other. Both are on the gateway's processor where there are no three. Reported, not judged:
         1.1 is wanted, on quiet processors.
"""
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIPP = ROOT / "tests" / "interop" / "sipp"
STATE = pathlib.Path("/tmp/causeway-bench")
TICK = os.sysconf("SC_CLK_TCK")


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def pss_of(pid):
    return int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])


def once(text, *pairs):
    for old, new in pairs:
        if text.count(old) != 1:
            sys.exit(f"scale.py: {old!r} is to be there once, and is {text.count(old)} times")
        text = text.replace(old, new)
    return text


# The caller's peers say that media may go straight to the gateway that the callee is (Local Media Optimization).
DIRECT_CONFIG = (
    ("max_calls = 20000", "max_calls = 1000000"),
    ('profile = "operator"\nany_number = true                #', 'profile = "direct"\ninternal_media_realm = "lan"\nany_number = true                #'),
    ('profile = "operator"\nany_number = true\n', 'profile = "direct"\nany_number = true\n'),
    ('host = "127.0.0.1"\nport = 5080', 'host = "127.0.0.1"\nknown_as = "callee.example.com"\nport = 5080'),
)
DIRECT_PROFILE = """
[[realm]]
name = "lan"
media_addresses = ["127.0.0.2"]
media_port_min = 40000
media_port_max = 60000

[[profile]]
name = "direct"
extends = "operator"
liveness_check = "0s"  # SIPp has no answer to it

[profile.local_media]
location = "X-User-Location"
path = "X-Media-Path"
"""
DIRECT_INVITE = ("INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0",
                 "INVITE sip:[service]@callee.example.com SIP/2.0\nX-User-Location: internal\nX-Media-Path: callee.example.com")


class Gateway:
    def __init__(self, build, shards=1, direct=False):
        shutil.rmtree(STATE, ignore_errors=True)
        STATE.mkdir()
        config = STATE / "scale.toml"
        text = once((ROOT / "examples" / "bench.toml").read_text(), ("shards = 1", f"shards = {shards}"))
        config.write_text(once(text, *DIRECT_CONFIG) + DIRECT_PROFILE if direct else text)
        self.caller = SIPP / "uac.xml"
        if direct:
            self.caller = STATE / "uac_direct.xml"
            self.caller.write_text(once((SIPP / "uac.xml").read_text(), DIRECT_INVITE))
        # Never on SIPp's processor: what that costs is no cost of a second shard.
        pinned = ["taskset", "-c", "1" if shards == 1 or os.cpu_count() < 3 else f"1-{min(shards, os.cpu_count() - 1)}"] if os.cpu_count() > 1 else []
        self.process = subprocess.Popen([*pinned, str(build / "causeway"), "run", "--config", str(config)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            if (STATE / "control.sock").exists():
                break
            time.sleep(0.1)
        else:
            sys.exit("the gateway did not start within 10 s")
        self.callee = subprocess.Popen([*(["taskset", "-c", "0"] if os.cpu_count() > 1 else []), "sipp", "-sf", str(SIPP / "uas.xml"),
                                        "-i", "127.0.0.1", "-p", "5080", "-nostdin"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid, self.program = self.process.pid, str(build / "causeway")

    def calls(self, count, rate, hold_ms, wait=True):
        """Returns (failed, CPU seconds of the gateway, of SIPp's two processes, wall clock)."""
        stats = STATE / "calls.csv"
        stats.unlink(missing_ok=True)
        before, other, began = cpu_of(self.pid), cpu_of(self.callee.pid), time.monotonic()
        caller = subprocess.Popen([*(["taskset", "-c", "0"] if os.cpu_count() > 1 else []), "sipp", "127.0.0.1:5060", "-sf",
                                   str(self.caller), "-i", "127.0.0.1", "-p", "5070", "-s", "callee", "-m", str(count), "-r", str(rate),
                                   "-l", str(count), "-d", str(hold_ms), "-nostdin", "-trace_stat", "-stf", str(stats), "-fd", "1",
                                   "-timeout", "1200"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not wait:
            return caller
        _, _, usage = os.wait4(caller.pid, 0)
        rows = [line.split(";") for line in stats.read_text().splitlines() if line]
        failed = int(rows[-1][rows[0].index("FailedCall(C)")])
        return failed, cpu_of(self.pid) - before, cpu_of(self.callee.pid) - other + usage.ru_utime + usage.ru_stime, time.monotonic() - began

    def status(self):
        return subprocess.run([self.program, "status", "--socket", str(STATE / "control.sock")], capture_output=True, text=True).stdout

    def stop(self):
        self.callee.kill()
        self.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


def memory(build):
    g = Gateway(build)
    try:
        g.calls(500, 200, 500)
        time.sleep(35)  # what is over is forgotten
        before = pss_of(g.pid)
        count = 4_000
        caller = g.calls(count, 100, 120_000, wait=False)
        time.sleep(count / 100 + 45)  # ... and the transactions that set up the last of them
        up = g.status()
        kib = (pss_of(g.pid) - before) / count
        caller.kill()
    finally:
        g.stop()
    talking = re.search(r"calls: (\d+) now", up)
    if not talking or int(talking[1]) != count:
        print(f"memory: {count} calls were to be up, {talking[1] if talking else up or 'status said nothing'}")
        return False
    print(f"memory: {kib:.1f} KiB a call at {count} calls; 16 wanted")
    return kib <= 16


def idle(build):
    count = int(os.environ.get("CAUSEWAY_IDLE_CALLS", "20000"))
    rate = max(200, count // 400)
    g = Gateway(build, direct=True)
    try:
        g.calls(500, 200, 500)
        time.sleep(35)  # what is over is forgotten
        before = pss_of(g.pid)
        caller = g.calls(count, rate, 1_200_000, wait=False)
        time.sleep(count / rate + 45)  # ... and the transactions that set up the last of them
        up = g.status()
        kib = (pss_of(g.pid) - before) / count
        cpu, began = cpu_of(g.pid), time.monotonic()
        time.sleep(20)
        used = (cpu_of(g.pid) - cpu) / (time.monotonic() - began)
        caller.kill()
    finally:
        g.stop()
    talking = re.search(r"calls: (\d+) now.*?(\d+) media legs", up)
    if not talking or int(talking[1]) != count or int(talking[2]):
        print(f"idle: {count} calls without media were to be up, {talking[0] if talking else up or 'status said nothing'}")
        return False
    print(f"idle: {kib:.1f} KiB a call at {count} calls without media, 8 wanted; {used * 100:.1f} % of a processor while nothing happens")
    return kib <= 8 and used <= 0.01


def rate(build):
    held = None
    for cps in (1_000, 2_000, 3_000, 4_000, 5_000):
        g = Gateway(build)
        try:
            failed, ours, theirs, wall = g.calls(cps * 8, cps, 500)
            if failed:
                print("".join(f"  {line}\n" for line in g.status().splitlines()), end="")
        finally:
            g.stop()
        print(f"rate: {cps}/s: {failed} of {cps * 8} failed in {wall:.1f} s; gateway {ours / wall:.2f} of its processor, SIPp {theirs / wall:.2f} of its own", flush=True)
        if failed * 1_000 >= cps * 8:
            break
        held = cps
    print(f"rate: held {held}/s")
    return held is not None


def shards(build):
    cost = {1: [], 2: []}
    for _ in range(3):
        for n in cost:
            g = Gateway(build, n)
            try:
                g.calls(1_000, 500, 500)
                failed, ours, _, _ = g.calls(5_000, 500, 500)
            finally:
                g.stop()
            if failed:
                print(f"shards: {failed} calls failed with {n}")
                return False
            cost[n].append(ours / 5_000 * 1e6)
    one, two = (statistics.median(cost[n]) for n in (1, 2))
    print(f"shards: {one:.0f} us a call with one shard, {two:.0f} with two: {two / one:.2f} times (medians of {cost[1]} and {cost[2]})")
    return True


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    if os.environ.get("CAUSEWAY_SCALE_INSIDE") != "1":
        os.execvpe("unshare", ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, *sys.argv],
                   {**os.environ, "CAUSEWAY_SCALE_INSIDE": "1"})
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    steps = {"memory": memory, "idle": idle, "rate": rate, "shards": shards}
    good = True
    for name in sys.argv[2:] or steps:
        good = steps[name](build) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
