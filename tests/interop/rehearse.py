"""causeway-lab rehearse: an operator's configuration as it would be live, behind NAT and with the service's real names."""
import concurrent.futures

from rehearsals import *


@test()
def good_ones():
    """good configurations pass every rule: a trunk routed by number to tenants, one enterprise's, and Zoom's"""
    # One after the other: what is heard is judged, and that takes its share of a processor.
    for name, changes in (("tenants", BY_NUMBER), ("single", {}), ("zoom", {"of": "zoom-provider-exchange", "names": ZOOM})):
        code, rules, why = rehearse(name, **changes)
        expect(code == 0 and len(rules) > 15 and {x["state"] for x in rules.values()} == {"passed"},
               why_not(name, code, rules, why))


@test()
def broken_ones():
    """what the service would refuse or not understand fails by its rule, with what was seen and the remedy"""
    broken = (("plain-rtp", "TDM-01", {"profile": '[profile.sdp]\nsecurity = "rtp"\n'}),
              ("sendonly", "TDR-93", {"profile": '[profile.sdp]\nhold = "rfc3264"\n'}),
              ("two-names", "TDR-01", {"third": ""}),
              ("no-refer", "TDR-99", {"profile": 'transfer = "refuse"'}),
              ("seldom", "TDR-34", {"interval": "300s", "profile": 'replaces = "off"'}),
              ("gcm", "TDM-05", {"profile": '[profile.sdp]\nsuites = ["AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80"]\n'}),
              ("zoom-ptime", "ZM-04", {"of": "zoom-provider-exchange", "names": ZOOM, "profile": "[profile.sdp]\nptime = 30\n"}))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda b: rehearse(b[0], **b[2]), broken))
    for (name, rule, _), (code, rules, why) in zip(broken, results):
        expect(code == 1 and rule in failed(rules), f"{name}: exit {code}, failed {failed(rules)} {why}")
        expect(rules[rule]["seen"] and rules[rule]["remedy"], f"{name}: {rules[rule]}")
    expect("TDR-105" in failed(results[4][1]), f"seldom: failed {failed(results[4][1])}")
    refused = (WORK / "plain-rtp/out/messages.txt").read_text(errors="replace")
    expect("488 Not Acceptable Here" in refused and 'text="TDM-01: media profile RTP/AVP' in refused, "the refusal names its rule")


@test()
def untrusted():
    """a certificate that leads to no public root is TDR-12, and what cannot be played says why"""
    code, rules, why = rehearse("untrusted", trust=False, certificate="other-ca")
    expect(code == 1 and "TDR-12" in failed(rules), f"exit {code}, failed {failed(rules)} {why}")
    code, _, why = rehearse("no-such", of="teams-direct-routing", asked="teams-for-cats")
    expect(code == 2 and "teams-direct-routing" in why, why)
    code, _, why = rehearse("not-its", asked="teams-phone-mobile")
    expect(code == 2 and "no peer_group has a profile" in why and "--group" in why, why)


main()
