#!/usr/bin/env python3
"""Instructions per operation, counted by callgrind, against bench/budgets.json.

Counts repeat exactly, so they say on any machine whether a change made a hot path dearer. Each
benchmark runs twice with a fixed number of iterations; the difference leaves setup out.

usage: check-budgets.py BUILD_DIR [--measure]     (--measure prints and never fails)
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

FEW, MANY = 10, 110


def instructions(binary, name, iterations):
    with tempfile.TemporaryDirectory() as scratch:
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={scratch}/out", str(binary),
             f"--benchmark_filter=^{re.escape(name)}(/.*)?$"],
            env={**os.environ, "CAUSEWAY_BENCH_ITERATIONS": str(iterations)},
            capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or not found:
        sys.exit(f"{name}: callgrind failed\n{run.stdout}{run.stderr}")
    return int(found.group(1))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    binary = pathlib.Path(sys.argv[1]) / "causeway_bench"
    budgets = json.loads((pathlib.Path(__file__).parent / "budgets.json").read_text())
    listed = subprocess.run([binary, "--benchmark_list_tests"], capture_output=True, text=True,
                            check=True).stdout.split()
    names = {re.sub(r"/iterations:\d+$", "", n) for n in listed}
    over = [f"{n} has a budget but no benchmark" for n in sorted(set(budgets) - names)]
    over += [f"{n} has no budget in bench/budgets.json" for n in sorted(names - set(budgets))]
    print(f"{'benchmark':32} {'instructions':>12} {'budget':>9}")
    for name in sorted(names):
        each = (instructions(binary, name, MANY) - instructions(binary, name, FEW)) / (MANY - FEW)
        budget = budgets.get(name)
        print(f"{name:32} {each:12.0f} {budget if budget else '-':>9}", flush=True)
        if each <= 0:
            over.append(f"{name} does not use CAUSEWAY_BENCHMARK: its iterations cannot be fixed")
        elif budget and each > budget:
            over.append(f"{name}: {each:.0f} instructions, budget {budget}")
    for line in over:
        print("over budget: " + line)
    if over and "--measure" not in sys.argv:
        sys.exit(1)


if __name__ == "__main__":
    main()
