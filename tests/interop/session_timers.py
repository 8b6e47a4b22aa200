"""Session timers and the old form of hold, with SIPp on both sides."""
from scenarios import *

@test()
def timers():
    """422 to a caller with less than Min-SE, 422 of the called side is asked again, and both dialogs are refreshed by us at half of the interval"""
    g = several(['session_timer = "request"\nsession_expires = "90s"'], "timed")
    refresh = '<recv request="UPDATE" timeout="60000"/>' + say(200, invite=False, headers=["Session-Expires: 92;refresher=uac"])
    # Asked again within the same call of SIPp's: with that Call-ID, and a CSeq of its own.
    again = ('<recv request="INVITE"><action><ereg regexp="Session-Expires: 92" search_in="msg" check_it="true" assign_to="1"/>'
             '<ereg regexp="2 INVITE" search_in="hdr" header="CSeq:" check_it="true" assign_to="2"/></action></recv>')
    answering = Sipp(scenario(
        "timed", '<recv request="INVITE"/>', say(422, tag="x", headers=["Min-SE: 92"]), '<recv request="ACK"/>', again,
        '<Reference variables="1,2"/>', say(200, True, ["Session-Expires: 92;refresher=uac", "Require: timer", "Allow: INVITE, ACK, CANCEL, BYE, UPDATE"]),
        '<recv request="ACK"/>', refresh, '<recv request="BYE"/>', say(200, invite=False)), CALLEE, 5060,
        extra=("-trace_msg", "-message_file", WORK / "timed.messages"))
    Sipp(scenario("too_short", *caller_invite(["Supported: timer", "Session-Expires: 60"]), '<recv response="100" optional="true"/>',
                  '<recv response="422"><action><ereg regexp="90" search_in="hdr" header="Min-SE:" check_it="true" assign_to="1"/></action></recv>',
                  '<Reference variables="1"/>', caller_ack()), "127.0.1.1", 5060, f"{GATEWAY}:5060", 1, 1, limit=20).finish(20)
    # The caller knows no timers: it is refreshed all the same.
    calling = Sipp(scenario("untimed", *caller_invite(["Allow: INVITE, ACK, CANCEL, BYE, UPDATE"]), '<recv response="100" optional="true"/>',
                            '<recv response="200" rrs="true"/>', request("ACK", 1), '<recv request="UPDATE" timeout="60000"/>',
                            say(200, invite=False), pause(2500), request("BYE", 3), '<recv response="200"/>'),
                   "127.0.1.1", 5060, f"{GATEWAY}:5060", 1, 1, limit=70)
    calling.finish(70)
    g.expect_idle()
    time.sleep(1.1)
    expect(answering.counts()[1:] == (1, 0), f"{answering.name}: {answering.counts()} {answering.why()}")
    answering.kill()
    g.stop()


@test("TDR-94")
def old_hold():
    """hold by c=0.0.0.0 of SIPp: the other side sees its direction and an address of ours, and the resumption"""
    g = several([""])
    seen = '<recv request="INVITE"><action><ereg regexp="{}" search_in="msg" check_it="true" assign_to="{}"/></action></recv>'
    answering = phone("held", say(200, True), '<recv request="ACK"/>', seen.format("a=(sendonly|inactive)", 1),
                      say(200, True, invite=False).replace("a=ptime:20", "a=inactive"), '<recv request="ACK"/>', seen.format("m=audio [1-9]", 2),
                      say(200, True, invite=False), '<recv request="ACK"/>', '<recv request="BYE"/>', say(200, invite=False),
                      '<Reference variables="1,2"/>')
    offer = SDP.format(port=30000)

    def again(cseq, sdp):
        return ("<send>" + message("INVITE [next_url] SIP/2.0", [*DIALOG, TO + "[peer_tag_param]", "[routes]", f"CSeq: {cseq} INVITE"], sdp) + "</send>"
                '<recv response="100" optional="true"/><recv response="200" rrs="true"/>' + request("ACK", cseq) + pause(200))

    Sipp(scenario("holds", *caller_invite([]), '<recv response="100" optional="true"/><recv response="200" rrs="true"/>', request("ACK", 1), pause(200),
                  again(2, offer.replace("c=IN IP4 [media_ip]", "c=IN IP4 0.0.0.0").replace("sipp 100 1", "sipp 100 2")),
                  again(3, offer.replace("sipp 100 1", "sipp 100 3")), request("BYE", 4), '<recv response="200"/>'),
         "127.0.1.1", 5060, f"{GATEWAY}:5060", 1, 1, limit=20).finish(20)
    g.expect_idle()
    time.sleep(1.1)
    expect(answering.counts()[1:] == (1, 0), f"{answering.name}: {answering.why()}")
    received = "".join(x for x in re.split(r"^-{20,}", (WORK / "held.messages").read_text(), flags=re.M) if "message received" in x)
    expect("IP4 0.0.0.0" not in received, "0.0.0.0 was written to the other side")
    resumed = received[received.rindex("INVITE sip:"):]
    expect(re.findall(r"^a=(sendrecv|sendonly|recvonly|inactive)", resumed, re.M) in ([], ["sendrecv"]), "the call is not resumed")
    answering.kill()
    g.stop()


main()
