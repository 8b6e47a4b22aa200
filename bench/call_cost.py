#!/usr/bin/env python3
"""User-space instructions of a complete back-to-back call, counted by callgrind with real SIPps on both sides.

A call is INVITE, 100, 180, 200, ACK, BYE, 200 on each leg, with media ports held on both. The gateway runs on one
shard with examples/bench.toml in a network namespace of its own; instructions of all its threads count, from the
first call to the end of the last. Setup and the first calls (pools, caches) are left out.

With --rules the same with the ten rules of examples/bench-rules.toml, and with those between the profiles `ims-core` and
`teams-direct-routing`, in both directions: each may cost at most RULES times as much. The service's profile says TLS and SRTP;
here it is overridden, so that SIPp's UDP and RTP can play it: what is compared is the profile, not encryption. SIPp sends no
RTP: half a second of silence for each call is the profile's (fill_silence), and counts.

usage: call_cost.py BUILD_DIR [--calls N] [--rate N] [--out FILE] [--rules]     --out: the callgrind file, for callgrind_annotate
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
SERVICE = """extends = "teams-direct-routing"
contact_host = "sbc.example.com"
"""
AS_RTP = """
[profile.sdp]
security = "rtp"
"""


def inside(build, calls, rate, out, config):
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

        call(WARM_UP, min(rate, 10))
        instrument(True)
        call(calls, rate)
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


def between_profiles(ruled, caller):
    """The text of bench-rules.toml with the two profiles in place of its one; `caller`: whose the calling side is."""
    profile = ruled[ruled.index('[[profile]]\nname = "ruled"'):ruled.index("[[peer_group]]")]
    rules = profile[profile.index("rules_in"):].rstrip() + "\n"
    core = f'[[profile]]\nname = "core"\nextends = "ims-core"\n{rules}\n'
    service = f'[[profile]]\nname = "service"\n{SERVICE}{rules}{AS_RTP}\n'
    text = ruled.replace(profile, core + service)
    for name in (caller, "service" if caller == "core" else "core"):
        text = text.replace('profile = "ruled"', f'profile = "{name}"', 1)
    return text


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("build", type=pathlib.Path)
    a.add_argument("--calls", type=int, default=300)
    a.add_argument("--rate", type=int, default=20, help="calls a second; fewer where others use the processors")
    a.add_argument("--out")
    a.add_argument("--rules", action="store_true")
    o = a.parse_args()
    if "CAUSEWAY_CALL_COST_INSIDE" not in os.environ:
        missing = [p for p in ("sipp", "valgrind", "unshare") if not shutil.which(p)]
        if missing:
            sys.exit(f"not installed: {' '.join(missing)} (scripts/install-dependencies)")
        os.execvpe("unshare", ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, *sys.argv],
                   {**os.environ, "CAUSEWAY_CALL_COST_INSIDE": "1"})
    build = o.build.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        cost = inside(build, o.calls, o.rate, o.out or f"{scratch}/out", ROOT / "examples" / "bench.toml")
        ruled = {}
        if o.rules:
            rules = ROOT / "examples" / "bench-rules.toml"
            ruled["... with ten rules"] = inside(build, o.calls, o.rate, f"{scratch}/ruled", rules)
            for caller, to in (("core", "ims-core to service"), ("service", "service to ims-core")):
                config = pathlib.Path(scratch) / f"{caller}.toml"
                config.write_text(between_profiles(rules.read_text(), caller))
                ruled[f"... {to}"] = inside(build, o.calls, o.rate, f"{scratch}/{caller}", config)
    print(f"{'a complete call':32} {cost:12.0f} {BUDGET:>9}")
    for what, instructions in ruled.items():
        print(f"{what:32} {instructions:12.0f} {instructions / cost:9.3f} times, at most {RULES}")
    if cost > BUDGET:
        print(f"over budget: {cost:.0f} instructions a call, budget {BUDGET}")
        sys.exit(1)
    sys.exit(1 if any(i > RULES * cost for i in ruled.values()) else 0)


if __name__ == "__main__":
    main()
