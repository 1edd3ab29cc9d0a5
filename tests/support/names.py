"""A DNS for one appliance: it listens on its own loopback and says what a test wants."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from support.deployment import Appliance

ADDRESS = "127.0.0.53"
_UNIT = "test-dns.service"
_ANSWERS = "/run/test-dns.json"
_SETTINGS = "/etc/cellar/cellar.toml"

# It runs with the Python of the appliance's own release, which has dnspython.
_PROGRAM = f"""
import json, socket
import dns.message, dns.rcode, dns.rdatatype, dns.rrset
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("{ADDRESS}", 53))
while True:
    packet, client = server.recvfrom(4096)
    query = dns.message.from_wire(packet)
    question = query.question[0]
    answer = dns.message.make_response(query)
    named = json.load(open("{_ANSWERS}")).get(question.name.to_text(omit_final_dot=True))
    if named is None:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    elif question.rdtype == dns.rdatatype.A:
        answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", *named))
    server.sendto(answer.to_wire(), client)
"""


class Dns:
    """The DNS that an appliance asks."""

    def __init__(self, appliance: Appliance) -> None:
        """Take the appliance; `running` makes it ask here."""
        self._appliance = appliance

    def say(self, answers: Mapping[str, Sequence[str]]) -> None:
        """Replace all answers: IPv4 addresses by name. Other names do not exist."""
        self._appliance.run(f"echo %s > {_ANSWERS}.new", json.dumps(answers))
        self._appliance.run(f"mv {_ANSWERS}.new {_ANSWERS}")

    def start(self) -> None:
        """Answer."""
        python = "$(dirname $(readlink /usr/local/bin/cellar))/python3"
        self._appliance.run(f"systemd-run --quiet --unit={_UNIT} {python} -c %s", _PROGRAM)
        self._appliance.run(
            f"timeout 10 sh -c 'until ss -Hlun | grep -qF {ADDRESS}:53; do :; done'"
        )

    def stop(self) -> None:
        """Be gone: from now on nobody listens."""
        self._appliance.run(f"systemctl stop {_UNIT}")


def resolve(appliance: Appliance) -> bool:
    """Run the appliance's resolver, from its beginning, and return whether it resolved all."""
    # Not `start`, which would be content with a run of the timer's that has asked already.
    return bool(appliance.box.run("systemctl restart cellar-resolver.service").rc == 0)


@contextmanager
def running(appliance: Appliance, answers: Mapping[str, Sequence[str]]) -> Iterator[Dns]:
    """
    Let an appliance ask a DNS of its own, and nothing else, for as long as the block lasts.

    Its hosts file names none of upstream's hosts meanwhile.
    """
    dns = Dns(appliance)
    appliance.run(f"cp --preserve {_SETTINGS} /run/test-cellar.toml; cp /etc/hosts /run/test-hosts")
    # The timer may fire at any time, and must not ask the machine's DNS for the real addresses: so
    # the hosts file is without the names only while the settings name this DNS.
    try:
        dns.say(answers)
        dns.start()
        appliance.run(f"sed -i 's/^servers = .*/servers = [\"{ADDRESS}\"]/' {_SETTINGS}")
        # Not `sed --in-place`: Podman mounts that file.
        real = vars(appliance.names).values()
        appliance.run("grep -vwF -e %s -e %s /run/test-hosts > /etc/hosts", *real)
        yield dns
    finally:
        appliance.run("cat /run/test-hosts > /etc/hosts")
        appliance.run(f"cp --preserve /run/test-cellar.toml {_SETTINGS}")
        appliance.box.run(f"systemctl stop {_UNIT}")
        # What the DNS said counts for ten minutes, in which other tests would connect to it.
        appliance.run("systemctl stop cellar-resolver.service")
        appliance.run("rm -f /var/lib/cellar/addresses.json")
        resolve(appliance)
