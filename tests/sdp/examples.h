// Session descriptions that several tests share.
#pragma once

#include <string>

namespace causeway::sdp::examples {

// The shape of an offer of Teams Direct Routing: two crypto lines with tags 0 and 1, candidates,
// x-candidate lines, telephone-event with two clocks.
inline const std::string kTeams =
    "v=0\r\n"
    "o=- 145690 1 IN IP4 52.112.0.10\r\n"
    "s=session\r\n"
    "c=IN IP4 52.113.7.21\r\n"
    "b=CT:10000000\r\n"
    "t=0 0\r\n"
    "m=audio 50588 RTP/SAVP 104 9 103 111 18 0 8 97 101 13 118\r\n"
    "c=IN IP4 52.113.7.22\r\n"
    "a=rtcp:50589\r\n"
    "a=candidate:1 1 UDP 2130706431 52.113.7.22 50588 typ srflx raddr 10.0.136.4 rport 50588\r\n"
    "a=candidate:1 2 UDP 2130705918 52.113.7.22 50589 typ srflx raddr 10.0.136.4 rport 50589\r\n"
    "a=x-candidate-ipv6:2 1 UDP 2130705919 2603:1020::9 50590 typ host\r\n"
    "a=candidate:3 1 tcp-act 2121006078 52.113.7.22 49152 typ srflx raddr 10.0.136.4 rport "
    "49152\r\n"
    "a=label:main-audio\r\n"
    "a=mid:1\r\n"
    "a=crypto:0 AES_CM_128_HMAC_SHA1_32 inline:NlZ+oH8NtEbk7nLAfH+ySxPl5eQ5gWcN4Rc7uEgt|2^31\r\n"
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "
    "inline:pUJmrkBB1pNAZKjTHW5tB5cLeC0B7Nd10eR9vY8a|2^31|1:1\r\n"
    "a=crypto:2 AEAD_AES_256_GCM "
    "inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n"
    "a=sendrecv\r\n"
    "a=rtpmap:104 SILK/16000\r\n"
    "a=rtpmap:9 G722/8000\r\n"
    "a=rtpmap:103 SILK/8000\r\n"
    "a=rtpmap:111 SIREN/16000\r\n"
    "a=fmtp:111 bitrate=16000\r\n"
    "a=rtpmap:18 G729/8000\r\n"
    "a=fmtp:18 annexb=no\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:97 RED/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-16\r\n"
    "a=rtpmap:13 CN/8000\r\n"
    "a=rtpmap:118 CN/16000\r\n"
    "a=rtcp-mux\r\n"
    "a=ptime:20\r\n";

inline const std::string kCore =
    "v=0\r\n"
    "o=core 77 3 IN IP4 192.0.2.10\r\n"
    "s=-\r\n"
    "c=IN IP4 192.0.2.10\r\n"
    "t=0 0\r\n"
    "m=audio 30000 RTP/AVP 8 0 96\r\n"
    "a=rtpmap:96 telephone-event/8000\r\n"
    "a=fmtp:96 0-15\r\n"
    "a=sendonly\r\n"
    "a=X-site-info:north\r\n"
    "m=image 30002 udptl t38\r\n"
    "m=video 30004 RTP/AVP 31\r\n";

}  // namespace causeway::sdp::examples
