"""The demo, as a newcomer starts it."""
from support import *


@test()
def once():
    """scripts/demo --once plays sixteen calls, judges all of them good and leaves nothing running, within 45 s"""
    if BUILD != ROOT / "build" / "release":
        raise Skip(f"the demo runs build/release, and this is a test of {BUILD}")
    before = {p for p in os.listdir("/proc") if p.isdigit()}
    began = time.monotonic()
    # Of a newcomer's environment: neither apt nor the network is there, and neither is asked for.
    demo = Process("demo", [ROOT / "scripts" / "demo", "--once"], env={"TMPDIR": str(WORK), "http_proxy": "http://127.0.0.1:9"})
    code = demo.wait(60)
    took = time.monotonic() - began
    expect(code == 0, f"exit status {code}:\n{demo.tail(40)}")
    expect(took < 45, f"it took {took:.0f} s")
    good = re.search(r"^demo: (\d+) of (\d+) calls good", demo.output(), re.M)
    expect(good and good[1] == good[2] and int(good[1]) >= 8, f"its verdict:\n{demo.tail(20)}")
    left = {p for p in os.listdir("/proc") if p.isdigit()} - before
    expect(not left, f"still running: {[pathlib.Path(f'/proc/{p}/cmdline').read_bytes() for p in left]}")
    expect(not list(WORK.glob("causeway-demo.*")), "its folder is left behind")


main()
