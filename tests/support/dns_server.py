"""
A name server that knows a few names, for a host in a test: `dns_server.py NAME=ADDRESS …`.

It listens on 127.0.0.1 and runs on any Python 3. A name has one address of IPv4 and none of IPv6;
no other name exists (RFC 1035).
"""

import socket
import struct
import sys

_A = 1
_NXDOMAIN = 3


def answer(query: bytes, names: dict[str, str]) -> bytes:
    """Return the answer to a query of one question."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii"))
        at += 1 + query[at]
    (kind,) = struct.unpack_from("!H", query, at + 1)
    question = query[12 : at + 5]
    address = names.get(".".join(labels).lower())
    found = address is not None and kind == _A
    status = 0 if address is not None else _NXDOMAIN
    head = query[:2] + struct.pack("!HHHHH", 0x8580 | status, 1, int(found), 0, 0)
    record = b""
    if address is not None and found:
        record = b"\xc0\x0c" + struct.pack("!HHIH", _A, 1, 0, 4) + socket.inet_aton(address)
    return head + question + record


def main() -> None:
    """Answer for ever."""
    names = dict(argument.split("=", 1) for argument in sys.argv[1:])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 53))
        while True:
            query, client = server.recvfrom(512)
            server.sendto(answer(query, names), client)


if __name__ == "__main__":
    main()
