#!/usr/bin/env python3
"""User-space instructions of a complete back-to-back call, counted by callgrind with real SIPps on both sides.

A call is INVITE, 100, 180, 200, ACK, BYE, 200 on each leg, with media ports held on both. The gateway runs on one
shard with examples/bench.toml in a network namespace of its own; instructions of all its threads count, from the
first call to the end of the last. Setup and the first calls (pools, caches) are left out.

With --rules the same with the ten rules of examples/bench-rules.toml, which may cost at most RULES times as much.

usage: call_cost.py BUILD_DIR [--calls N] [--out FILE] [--rules]     --out: the callgrind file, for callgrind_annotate
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIPP = ROOT / "tests" / "interop" / "sipp"
BUDGET = 500_000  # instructions a call
WARM_UP = 50
RULES = 1.25


def inside(build, calls, out, config):
    """In the namespace: returns instructions a call."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    state = pathlib.Path(re.search(r'state_directory = "(.*)"', config.read_text())[1])
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir()
    gateway = subprocess.Popen(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--instr-atstart=no", str(build / "causeway"), "run", "--config",
         str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    callee = None
    try:
        for _ in range(300):
            if (state / "control.sock").exists():
                break
            time.sleep(0.1)
        else:
            sys.exit("the gateway did not start under valgrind within 30 s")
        callee = subprocess.Popen(["sipp", "-sf", str(SIPP / "uas.xml"), "-i", "127.0.0.1", "-p", "5080", "-nostdin"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def call(n, rate):
            r = subprocess.run(["sipp", "127.0.0.1:5060", "-sf", str(SIPP / "uac.xml"), "-i", "127.0.0.1", "-p", "5070", "-s", "callee",
                                "-m", str(n), "-r", str(rate), "-d", "500", "-nostdin", "-timeout", "120"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            if r.returncode != 0:
                sys.exit(f"SIPp: exit status {r.returncode}\n{r.stderr[-2000:]}")

        def instrument(on):
            subprocess.run(["callgrind_control", "-i", "on" if on else "off", str(gateway.pid)], check=True, stdout=subprocess.DEVNULL)

        call(WARM_UP, 10)
        instrument(True)
        call(calls, 20)
        instrument(False)
    finally:
        if callee:
            callee.kill()
        gateway.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        if gateway.poll() is None:
            gateway.send_signal(signal.SIGTERM)
        _, said = gateway.communicate(timeout=60)
    total = re.search(r"Collected : (\d+)", said)
    if not total or total[1] == "0":
        sys.exit(f"callgrind counted nothing\n{said[-2000:]}")
    return int(total[1]) / calls


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("build", type=pathlib.Path)
    a.add_argument("--calls", type=int, default=300)
    a.add_argument("--out")
    a.add_argument("--rules", action="store_true")
    o = a.parse_args()
    if "CAUSEWAY_CALL_COST_INSIDE" not in os.environ:
        missing = [p for p in ("sipp", "valgrind", "unshare") if not shutil.which(p)]
        if missing:
            sys.exit(f"not installed: {' '.join(missing)} (scripts/install-dependencies)")
        os.execvpe("unshare", ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, *sys.argv],
                   {**os.environ, "CAUSEWAY_CALL_COST_INSIDE": "1"})
    with tempfile.TemporaryDirectory() as scratch:
        cost = inside(o.build.resolve(), o.calls, o.out or f"{scratch}/out", ROOT / "examples" / "bench.toml")
        ruled = o.rules and inside(o.build.resolve(), o.calls, f"{scratch}/ruled", ROOT / "examples" / "bench-rules.toml")
    print(f"{'a complete call':32} {cost:12.0f} {BUDGET:>9}")
    if cost > BUDGET:
        print(f"over budget: {cost:.0f} instructions a call, budget {BUDGET}")
        sys.exit(1)
    if ruled:
        print(f"{'... with ten rules':32} {ruled:12.0f} {ruled / cost:9.3f} times, at most {RULES}")
        sys.exit(1 if ruled > RULES * cost else 0)


if __name__ == "__main__":
    main()
