"""IPv6 on one side and IPv4 on the other, with SIPp."""
from support import *

SIX = "::1"

LISTENERS = """
[[listener]]
name = "a-udp6"
realm = "a"
transport = "udp"
address = "[::1]:5060"
[[listener]]
name = "a-tcp6"
realm = "a"
transport = "tcp"
address = "[::1]:5060"
"""


def gateway(transport, calls_from_six):
    six = group("six", SIX, 5080, f"a-{transport}6", routes_to=["four"], recognise='sources = ["::1/128"]')
    four = group("four", CALLEE if calls_from_six else CALLER, 5060, "b-udp", routes_to=["six"])
    text = configuration(six, four, listeners=LISTENERS)
    return Gateway(text.replace(f'media_addresses = ["{GATEWAY}"]', f'media_addresses = ["{GATEWAY}", "::1"]', 1))


def calls(transport):
    g = gateway(transport, True)
    answering = Sipp("uas_hold", CALLEE, 5060)
    Sipp("uac_hold", SIX, 5080, "[::1]:5060", 100, 50, 300, transport).finish(60)
    g.expect_idle()
    time.sleep(1.2)
    expect(answering.counts()[2] == 0, answering.why())
    n = g.numbers()
    expect(n["answered"] == 100 and n["failed"] == 0, f"the gateway counts otherwise: {n}")
    g.stop()


@test("TDR-30")
def six_to_four():
    """calls with hold from [::1] by UDP to IPv4"""
    calls("udp")


@test("TDR-30")
def six_to_four_by_tcp():
    """calls with hold from [::1] by TCP to IPv4"""
    calls("tcp")


@test("TDR-30")
def media_of_the_other_family():
    """calls with hold signalled from [::1] whose media is IPv4: so is ours"""
    g = gateway("udp", True)
    answering = Sipp("uas_hold", CALLEE, 5060)
    said = WORK / "media_of_the_other_family.messages"
    extra = ("-mi", CALLER, "-trace_msg", "-message_file", said)
    Sipp("uac_hold", SIX, 5080, "[::1]:5060", 50, 50, 300, extra=extra).finish(60)
    g.expect_idle()
    text = said.read_text(errors="replace")
    expect(f"c=IN IP4 {GATEWAY}" in text and "IN IP6" not in text, f"our SDP is not of IPv4:\n{text[-1500:]}")
    time.sleep(1.2)
    expect(answering.counts()[2] == 0, answering.why())
    g.stop()


@test("TDR-30")
def four_to_six():
    """calls with hold from IPv4 to [::1]"""
    g = gateway("udp", False)
    answering = Sipp("uas_hold", SIX, 5080)
    Sipp("uac_hold", CALLER, 5060, f"{GATEWAY}:5070", 100, 50, 300).finish(60)
    g.expect_idle()
    time.sleep(1.2)
    expect(answering.counts()[2] == 0, answering.why())
    g.stop()


main()
