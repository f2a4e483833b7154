"""What columns of logs are called, by what they mean, and which of our columns that fills in each table."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from herdsight.tables import (
    AUTHENTICATION,
    COMMON_SECURITY_LOG,
    DEVICE_NETWORK_EVENTS,
    DHCP,
    DNS_ACTIVITY,
    DNS_EVENTS,
    NETWORK_SESSION,
    WEB_SESSION,
)


class Kind(StrEnum):
    """What the values of a column must look like for it to have a meaning."""

    TIME = "a time"
    ADDRESS = "an address"
    PORT = "a port"
    PROTOCOL = "a protocol"
    COUNT = "a count"
    LENGTH = "a duration"
    NUMBER = "a number"
    TEXT = "a text"


@dataclass(frozen=True, slots=True)
class Meaning:
    """Something that logs tell: how to call it, what its values look like, and the names that columns of it have.

    A name of letters and digits alone stands for all its spellings (`srcip`: src_ip, src.ip, SrcIp); any other for
    itself, in any case. The earlier name is the likelier. The names are those of Elastic's common schema, CEF, W3C's
    extended log, Splunk's common information model, Zeek, NetFlow, and what firewalls and proxies write.
    """

    said: str
    kind: Kind
    names: tuple[str, ...]


def _meaning(said: str, kind: Kind, names: str) -> Meaning:
    return Meaning(said, kind, tuple(names.split()))


MEANINGS: Mapping[str, Meaning] = {
    "time": _meaning(
        "the event's time",
        Kind.TIME,
        "timestamp ts time datetime eventtime starttime eventstart start begin flowstart firstseen timestart "
        "firstswitched "
        "flowstartmilliseconds timegenerated generatedtime eventcreated logtime date-time rt receipttime "
        "devicereceipttime timereceived received occurred created createdat unixtime epoch when date",
    ),
    "end": _meaning(
        "its end", Kind.TIME, "endtime end eventend flowend lastseen lastswitched flowendmilliseconds finish finishtime"
    ),
    "src": _meaning(
        "the source's address",
        Kind.ADDRESS,
        "srcip srcipaddr src sourceip sourceaddress sourceaddr srcaddr srcaddress idorigh origh clientip clientaddress "
        "clientaddr client cip sip saddr ipsrc ipv4srcaddr ipv6srcaddr source remoteaddr remotehost callingip "
        "fromip from",
    ),
    "dst": _meaning(
        "the destination's address",
        Kind.ADDRESS,
        "dstip dstipaddr dst destip destinationip destinationaddress destinationaddr destaddr dstaddr destaddress "
        "dstaddress idresph resph serverip serveraddress server s-ip r-ip dip daddr ipdst ipv4dstaddr ipv6dstaddr "
        "destination dest target targetip remoteip toip to",
    ),
    "src_port": _meaning(
        "the source's port",
        Kind.PORT,
        "srcport srcportnumber sourceport idorigp origp clientport cport sport spt l4srcport tcpsrcport",
    ),
    "dst_port": _meaning(
        "the destination's port",
        Kind.PORT,
        "dstport dstportnumber destport destinationport idrespp respp serverport s-port r-port dport dpt l4dstport "
        "tcpdstport targetport remoteport port",
    ),
    "protocol": _meaning(
        "the transport",
        Kind.PROTOCOL,
        "proto protocol ipprotocol ipproto networktransport transport transportprotocol l4proto networkiananumber "
        "networkprotocol protocolidentifier protocolname prot",
    ),
    "application": _meaning(
        "the protocol above the transport",
        Kind.TEXT,
        "appproto applicationprotocol networkprotocol networkapplicationprotocol appprotocol service app application "
        "networkapplication",
    ),
    "src_bytes": _meaning(
        "bytes that the source sent",
        Kind.COUNT,
        "srcbytes sourcebytes origbytes bytestoserver cs-bytes sentbytes sentbyte bytessent bytesout outbytes "
        "clientbytes "
        "txbytes uploadbytes bytesup upload up sbytes out",
    ),
    "dst_bytes": _meaning(
        "bytes that the destination sent",
        Kind.COUNT,
        "dstbytes destinationbytes destbytes respbytes bytestoclient sc-bytes receivedbytes rcvdbyte rcvdbytes "
        "bytesreceived bytesin inbytes serverbytes rxbytes downloadbytes bytesdown download down dbytes in",
    ),
    "all_bytes": _meaning(
        "bytes both ways", Kind.COUNT, "bytes totalbytes networkbytes bytestotal totbytes bytecount octets numbytes"
    ),
    "src_packets": _meaning(
        "packets of the source",
        Kind.COUNT,
        "srcpackets sourcepackets origpkts pktstoserver sentpackets sentpkt packetsout packetssent outpkts "
        "spkts txpackets",
    ),
    "dst_packets": _meaning(
        "packets of the destination",
        Kind.COUNT,
        "dstpackets destinationpackets resppkts pktstoclient receivedpackets rcvdpkt packetsin packetsreceived inpkts "
        "dpkts rxpackets",
    ),
    "all_packets": _meaning(
        "packets both ways", Kind.COUNT, "packets pkts networkpackets totalpackets totpkts packettotal numpackets"
    ),
    "duration": _meaning(
        "how long it took",
        Kind.LENGTH,
        "duration dur eventduration sessionduration flowduration connectionduration time-taken timetaken elapsed "
        "elapsedtime secs seconds responsetime",
    ),
    "action": _meaning(
        "what the device did",
        Kind.TEXT,
        "action act eventaction deviceaction s-action vendoraction verdict disposition",
    ),
    "outcome": _meaning("how it ended", Kind.TEXT, "result outcome eventoutcome eventresult state connstate"),
    "src_host": _meaning(
        "the source's name",
        Kind.TEXT,
        "srchost srchostname sourcehost sourcehostname shost clienthost clienthostname clientname srcname sourcedomain "
        "srcfqdn",
    ),
    "dst_host": _meaning(
        "the destination's name",
        Kind.TEXT,
        "dsthost dsthostname desthost destinationhost destinationhostname dhost destinationdomain serverhost "
        "serverhostname servername dstname remotehostname dstfqdn",
    ),
    "device": _meaning(
        "who reports it",
        Kind.TEXT,
        "dvc dvchost dvchostname devicename observername observerhostname s-computername computer computername sensor "
        "probe hostname hostname agentname host device",
    ),
    "user": _meaning(
        "the user",
        Kind.TEXT,
        "user username srcuser sourceuser sourceusername suser cs-username clientuser usrname login",
    ),
    "session": _meaning(
        "the session's number",
        Kind.TEXT,
        "sessionid session uid flowid connid connectionid networksessionid conversationid",
    ),
    "rule": _meaning("the rule that decided", Kind.TEXT, "rulename rule policyname policy acl aclname ruleid policyid"),
    "query": _meaning(
        "the name that was asked for",
        Kind.TEXT,
        "query qname dnsquestionname questionname queryname dnsquery rrname domainname domain question fqdn name",
    ),
    "query_type": _meaning(
        "the type of record that was asked for",
        Kind.TEXT,
        "qtypename querytype qtype dnsquestiontype questiontype recordtype rrtype dnsquerytype type",
    ),
    "response_code": _meaning(
        "the answer's code",
        Kind.TEXT,
        "rcodename rcode dnsresponsecode responsecode replycode replycodeid dnsrcode resultcode status",
    ),
    "answers": _meaning(
        "what was answered",
        Kind.TEXT,
        "answers answer dnsanswers dnsresolvedip rdata responsename dnsresponse response",
    ),
    "url": _meaning(
        "the address that was asked for",
        Kind.TEXT,
        "url uri requesturl urlfull urloriginal requesturi cs-uri c-uri x-cs-uri httpurl urlpath cs-uri-stem request",
    ),
    "http_host": _meaning(
        "the site", Kind.TEXT, "httphost cs-host urldomain requesthost httprequesthost site servername vhost host"
    ),
    "method": _meaning(
        "the request's method", Kind.TEXT, "httpmethod requestmethod httprequestmethod cs-method method verb"
    ),
    "status": _meaning(
        "the response's status",
        Kind.NUMBER,
        "statuscode httpstatus httpstatuscode httpresponsestatuscode sc-status responsestatus responsecode "
        "returncode status",
    ),
    "agent": _meaning(
        "the client's program",
        Kind.TEXT,
        "useragent httpuseragent useragentoriginal cs(user-agent) requestclientapplication ua agent",
    ),
    "referrer": _meaning(
        "the page that led there",
        Kind.TEXT,
        "referer referrer httpreferrer httpreferer httprequestreferrer cs(referer)",
    ),
    "process": _meaning(
        "the program",
        Kind.TEXT,
        "processname process initiatingprocessfilename image processexecutable exe exename program comm",
    ),
    "command": _meaning(
        "its command line", Kind.TEXT, "commandline processcommandline initiatingprocesscommandline cmdline cmd"
    ),
    "pid": _meaning("its number", Kind.NUMBER, "pid processid processpid initiatingprocessid"),
}

_ENDS = {"src": "SrcIpAddr", "dst": "DstIpAddr", "src_port": "SrcPortNumber", "dst_port": "DstPortNumber"}
_NORMAL = {
    "time": "TimeGenerated",
    "end": "EventEndTime",
    **_ENDS,
    "protocol": "NetworkProtocol",
    "src_host": "SrcHostname",
    "dst_host": "DstHostname",
    "user": "SrcUsername",
    "device": "DvcHostname",
}
_TRAFFIC = {
    "application": "NetworkApplicationProtocol",
    "src_bytes": "SrcBytes",
    "dst_bytes": "DstBytes",
    "all_bytes": "NetworkBytes",
    "src_packets": "SrcPackets",
    "dst_packets": "DstPackets",
    "all_packets": "NetworkPackets",
    "duration": "NetworkDuration",
    "session": "NetworkSessionId",
    "action": "DvcOriginalAction",
}

# In the order in which columns are looked for: what comes first has the first choice.
FILLED: Mapping[str, Mapping[str, str]] = {
    NETWORK_SESSION: {**_NORMAL, **_TRAFFIC, "outcome": "EventOriginalResultDetails", "rule": "NetworkRuleName"},
    WEB_SESSION: {
        "url": "Url",
        "http_host": "HttpHost",
        "method": "HttpRequestMethod",
        "status": "EventResultDetails",
        "agent": "HttpUserAgent",
        "referrer": "HttpReferrer",
        **_NORMAL,
        **_TRAFFIC,
        "rule": "RuleName",
    },
    DNS_ACTIVITY: {
        "query": "DnsQuery",
        "query_type": "DnsQueryTypeName",
        "response_code": "EventResultDetails",
        "answers": "DnsResponseName",
        **_NORMAL,
        "session": "DnsSessionId",
    },
    COMMON_SECURITY_LOG: {
        "time": "TimeGenerated",
        "end": "EndTime",
        "src": "SourceIP",
        "dst": "DestinationIP",
        "src_port": "SourcePort",
        "dst_port": "DestinationPort",
        "protocol": "Protocol",
        "application": "ApplicationProtocol",
        "src_bytes": "SentBytes",
        "dst_bytes": "ReceivedBytes",
        "action": "DeviceAction",
        "outcome": "EventOutcome",
        "src_host": "SourceHostName",
        "dst_host": "DestinationHostName",
        "user": "SourceUserName",
        "url": "RequestURL",
        "method": "RequestMethod",
        "agent": "RequestClientApplication",
        "device": "Computer",
        "session": "ExtID",
    },
    DEVICE_NETWORK_EVENTS: {
        "time": "TimeGenerated",
        "src": "LocalIP",
        "dst": "RemoteIP",
        "src_port": "LocalPort",
        "dst_port": "RemotePort",
        "protocol": "Protocol",
        "process": "InitiatingProcessFileName",
        "command": "InitiatingProcessCommandLine",
        "pid": "InitiatingProcessId",
        "user": "InitiatingProcessAccountName",
        "device": "DeviceName",
        "action": "ActionType",
        "url": "RemoteUrl",
    },
    DNS_EVENTS: {
        "query": "Name",
        "query_type": "QueryType",
        "answers": "IPAddresses",
        "time": "TimeGenerated",
        "src": "ClientIP",
        "device": "Computer",
    },
    AUTHENTICATION: {
        "time": "TimeGenerated",
        "src": "SrcIpAddr",
        "dst": "TargetIpAddr",
        "src_port": "SrcPortNumber",
        "user": "TargetUsername",
        "device": "DvcHostname",
        "src_host": "SrcHostname",
        "outcome": "EventResult",
    },
    DHCP: {"time": "TimeGenerated", "src": "SrcIpAddr", "src_host": "SrcHostname", "device": "DvcHostname"},
}


def filled_by(table: str) -> Mapping[str, str]:
    """By meaning, the columns of a table that are looked for; of a table without a list, its time."""
    return FILLED.get(table, {"time": "TimeGenerated"})


_OTHER = re.compile(r"[^a-z0-9]+")
_PARTS = 3  # of a dotted name, from its end, that may be what it is called


def likeness(name: str, meaning: Meaning) -> tuple[int, int] | None:
    """How much a column's name is like those of a meaning, the less the more; None where it is not.

    The first number tells a name as it is (0) from one spelt otherwise (1) and one inside of others (2), the second
    the place among the names.
    """
    lower = name.lower()
    parts = [part for part in re.split(r"[.]", lower) if part]
    written = {lower: 0, lower.lstrip("@_"): 0}
    spelt = {_OTHER.sub("", lower): 1}
    for count in range(1, min(len(parts), _PARTS + 1)):
        spelt.setdefault(_OTHER.sub("", ".".join(parts[-count:])), 2)
    found = [
        (rank, place)
        for place, each in enumerate(meaning.names)
        if (rank := written.get(each, spelt.get(each))) is not None
    ]
    return min(found, default=None)
