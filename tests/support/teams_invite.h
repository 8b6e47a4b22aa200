// A Direct Routing style INVITE of about 2.1 kB, as Phone System sends it: the message that parser
// tests, benchmarks and instruction budgets share. Names and keys are examples.
#pragma once

#include <string>

namespace causeway::testing {

inline std::string teams_sdp() {
  return "v=0\r\n"
         "o=- 1741 0 IN IP4 127.0.0.1\r\n"
         "s=session\r\n"
         "c=IN IP4 52.112.10.41\r\n"
         "b=CT:10000000\r\n"
         "t=0 0\r\n"
         "m=audio 51264 RTP/SAVP 104 117 9 103 111 18 0 8 97 13 118 101\r\n"
         "c=IN IP4 52.112.10.41\r\n"
         "a=rtcp:51265\r\n"
         "a=ice-ufrag:Gh7A\r\n"
         "a=ice-pwd:pM3cTq0Jq6k5R2vYxX1sWb9d\r\n"
         "a=rtcp-mux\r\n"
         "a=candidate:1 1 UDP 2130706431 52.112.10.41 51264 typ srflx raddr 10.0.32.17 rport "
         "51264\r\n"
         "a=candidate:1 2 UDP 2130705918 52.112.10.41 51265 typ srflx raddr 10.0.32.17 rport "
         "51265\r\n"
         "a=candidate:2 1 tcp-act 2121006078 52.112.10.41 49152 typ srflx raddr 10.0.32.17 rport "
         "49152\r\n"
         "a=candidate:2 2 tcp-act 2121006078 52.112.10.41 49152 typ srflx raddr 10.0.32.17 rport "
         "49152\r\n"
         "a=label:main-audio\r\n"
         "a=mid:1\r\n"
         "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "
         "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^31\r\n"
         "a=sendrecv\r\n"
         "a=rtpmap:104 SILK/16000\r\n"
         "a=rtpmap:117 G722/8000/2\r\n"
         "a=rtpmap:9 G722/8000\r\n"
         "a=rtpmap:103 SILK/8000\r\n"
         "a=rtpmap:111 SIREN/16000\r\n"
         "a=fmtp:111 bitrate=16000\r\n"
         "a=rtpmap:18 G729/8000\r\n"
         "a=fmtp:18 annexb=no\r\n"
         "a=rtpmap:0 PCMU/8000\r\n"
         "a=rtpmap:8 PCMA/8000\r\n"
         "a=rtpmap:97 RED/8000\r\n"
         "a=rtpmap:13 CN/8000\r\n"
         "a=rtpmap:118 CN/16000\r\n"
         "a=rtpmap:101 telephone-event/8000\r\n"
         "a=fmtp:101 0-16\r\n"
         "a=ptime:20\r\n";
}

inline std::string teams_invite() {
  const std::string sdp = teams_sdp();
  return "INVITE sip:+4930901820@sbc1.customers.example.net:5061;user=phone;transport=tls "
         "SIP/2.0\r\n"
         "FROM: \"Ada Example\"<sip:+14255550100@sip.pstnhub.microsoft.com:5061;user=phone>"
         ";tag=1c6f2a4e9b7d4d0f\r\n"
         "TO: <sip:+4930901820@sbc1.customers.example.net:5061;user=phone>\r\n"
         "CSEQ: 1 INVITE\r\n"
         "CALL-ID: 7f2b6f3c1d6f5d7c8a1e3b5f9d0c2a4e\r\n"
         "MAX-FORWARDS: 70\r\n"
         "VIA: SIP/2.0/TLS 52.114.75.24:5061;branch=z9hG4bKac3f1e22\r\n"
         "RECORD-ROUTE: <sip:sip-du-a-eu.pstnhub.microsoft.com:5061;transport=tls;lr>\r\n"
         "CONTACT: <sip:api-du-a-euwe.pstnhub.microsoft.com:443"
         ";x-i=2f1c7a3e-54d0-4b1e-9d28-0f6f4e1b7c11;x-c=7f2b6f3c1d6f5d7c8a1e3b5f9d0c2a4e/d/8/"
         "5a8b6c2d9e0f41a3>\r\n"
         "CONTENT-LENGTH: " +
         std::to_string(sdp.size()) +
         "\r\n"
         "MIN-SE: 300\r\n"
         "SUPPORTED: histinfo,timer\r\n"
         "USER-AGENT: Microsoft.PSTNHub.SIPProxy v.2026.10.28.1 i.EUWE.3\r\n"
         "CONTENT-TYPE: application/sdp\r\n"
         "ALLOW: INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY\r\n"
         "P-ASSERTED-IDENTITY: <tel:+14255550100>,<sip:ada@contoso.example.com>\r\n"
         "PRIVACY: id\r\n"
         "SESSION-EXPIRES: 3600\r\n"
         "\r\n" +
         sdp;
}

}  // namespace causeway::testing
