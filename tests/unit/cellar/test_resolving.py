"""Names of upstream hosts become addresses that the engine can start with, whatever DNS does."""

import contextlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellar.resolving import Addresses, ResolvingError, resolve
from cellar.resolving.addresses import servers, updated, usable
from cellar.resolving.lookup import is_own, lookup
from unit.cellar.support import settings

FILES = "files.example"
INDEX = "index.example"


def nobody(_: str) -> bool:
    return False


class Resolver:
    """A resolver in a directory of its own, with a DNS and a clock that a test sets."""

    def __init__(self, directory: Path) -> None:
        (directory / "upstreams").mkdir()
        self.directory = directory
        self.answers: dict[str, list[str] | str] = {}
        self.time = 1000.0
        pools = [{"name": "pypi_files_host", "host": FILES, "port": 443}]
        pools += [{"name": "pypi_index_host", "host": INDEX, "port": 443}]
        place = {"servers": [], "directory": str(directory)}
        self._settings = settings(directory, resolver=place, pools=pools)

    def run(
        self, is_own: Callable[[str], bool] = lambda address: address.startswith("10.")
    ) -> list[str]:
        def look_up(host: str, _: Any) -> list[str]:
            answer = self.answers.get(host, "look for it")
            if isinstance(answer, str):
                raise ResolvingError(f"{host} cannot be resolved", answer)
            return answer

        return list(
            resolve(
                self._settings,
                look_up=look_up,
                is_own=is_own,
                now=lambda: self.time,
            )
        )

    def file(self, pool: str = "pypi_files_host") -> str:
        return (self.directory / f"upstreams/{pool}.servers").read_text()

    def known(self, host: str = FILES) -> list[str]:
        return Addresses(self.directory / "addresses.json").of(host)


@pytest.fixture
def resolver(tmp_path: Path) -> Resolver:
    found = Resolver(tmp_path)
    found.answers = {FILES: ["192.0.2.2", "192.0.2.1"], INDEX: ["2001:db8::1"]}
    return found


def test_every_address_is_written_for_the_engine_and_an_only_one_twice(resolver: Resolver) -> None:
    assert resolver.run() == []

    assert resolver.file() == (
        "server 192.0.2.1:443 max_fails=0;\nserver 192.0.2.2:443 max_fails=0;\n"
    )
    assert resolver.file("pypi_index_host") == "server [2001:db8::1]:443 max_fails=0;\n" * 2
    assert set(resolver.known()) == {"192.0.2.1", "192.0.2.2"}


def test_without_an_answer_the_last_good_one_stays_for_ever(resolver: Resolver) -> None:
    resolver.run()
    before = resolver.file()
    resolver.answers = {INDEX: ["2001:db8::1"]}
    resolver.time += 10**7

    (sentence,) = resolver.run()

    assert sentence == f"{FILES} cannot be resolved; look for it. What was known of it stays."
    assert resolver.file() == before
    assert set(resolver.known()) == {"192.0.2.1", "192.0.2.2"}


def test_an_address_that_is_named_no_more_counts_for_ten_minutes(resolver: Resolver) -> None:
    resolver.run()
    resolver.answers[FILES] = ["192.0.2.3"]
    resolver.time += 599
    resolver.run()
    assert resolver.known() == ["192.0.2.3", "192.0.2.1", "192.0.2.2"]

    resolver.time += 1
    resolver.run()
    assert resolver.file() == "server 192.0.2.3:443 max_fails=0;\n" * 2


def test_what_did_not_change_is_not_written(resolver: Resolver) -> None:
    """A file that is written makes the engine read its configuration again."""
    resolver.run()
    path = resolver.directory / "upstreams/pypi_files_host.servers"
    before = path.stat()
    resolver.answers[FILES] = ["192.0.2.1", "192.0.2.2"]
    resolver.time += 60

    resolver.run()

    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert sorted(p.name for p in (resolver.directory / "upstreams").iterdir()) == [
        "pypi_files_host.servers",
        "pypi_index_host.servers",
    ]


def test_the_engine_is_told_once_and_after_all_its_files_changed(resolver: Resolver) -> None:
    """systemd would miss the second of two changes, or give up after the third."""
    revision = resolver.directory / "revision"
    resolver.run()
    before = revision.stat()
    resolver.run()
    assert (revision.stat().st_mtime_ns, revision.stat().st_ino) == (
        before.st_mtime_ns,
        before.st_ino,
    )

    resolver.answers = {FILES: ["192.0.2.3"], INDEX: ["2001:db8::2"]}
    resolver.run()
    files = [*(resolver.directory / "upstreams").iterdir()]
    assert revision.stat().st_ino != before.st_ino
    assert revision.stat().st_mtime_ns >= max(path.stat().st_mtime_ns for path in files)


def test_a_run_that_was_cut_off_before_it_told_the_engine_is_made_good(resolver: Resolver) -> None:
    revision = resolver.directory / "revision"
    resolver.run()
    before = revision.read_text()
    resolver.answers[FILES] = ["192.0.2.3"]
    resolver.run()
    after = revision.read_text()
    assert after != before

    revision.write_text(before)
    resolver.run()

    assert revision.read_text() == after


def test_the_appliances_own_address_is_never_taken_for_upstreams(resolver: Resolver) -> None:
    """A DNS for all machines that leads PyPI's names here would make it ask itself for ever."""
    resolver.answers[FILES] = ["10.0.0.1", "192.0.2.1"]
    assert resolver.run() == []
    assert "10.0.0.1" not in resolver.file()

    resolver.answers[FILES] = ["10.0.0.1"]
    (sentence,) = resolver.run()
    assert sentence.startswith(f"{FILES} resolves to 10.0.0.1, which is this appliance; ")
    assert "cellar_dns_servers" in sentence
    assert sentence.endswith("What was known of it stays.")
    assert resolver.known() == ["192.0.2.1"]


def test_a_name_that_never_resolved_has_no_file(resolver: Resolver) -> None:
    del resolver.answers[FILES]

    (sentence,) = resolver.run()

    assert sentence.endswith("Nothing is known of it.")
    assert not (resolver.directory / "upstreams/pypi_files_host.servers").exists()
    assert resolver.known() == []


@pytest.mark.parametrize("text", ["", "[]", '{"a": {"x": 1}}', '{"a": 5}', "\x00"])
def test_a_damaged_file_of_addresses_is_made_anew(resolver: Resolver, text: str) -> None:
    (resolver.directory / "addresses.json").write_text(text)

    assert resolver.known() == []
    assert resolver.run() == []
    assert set(resolver.known()) == {"192.0.2.1", "192.0.2.2"}


def test_a_reader_sees_what_was_replaced(resolver: Resolver) -> None:
    addresses = Addresses(resolver.directory / "addresses.json")
    assert addresses.of(FILES) == []
    resolver.run()
    assert set(addresses.of(FILES)) == {"192.0.2.1", "192.0.2.2"}
    (resolver.directory / "addresses.json").unlink()
    assert set(addresses.of(FILES)) == {"192.0.2.1", "192.0.2.2"}


addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)


@given(
    st.dictionaries(addresses, st.floats(0, 2000), max_size=4),
    st.lists(addresses, max_size=4),
    st.sets(addresses, max_size=3),
)
def test_the_engines_file_is_never_empty_and_has_no_address_of_its_own(
    seen: dict[str, float], named: list[str], own: set[str]
) -> None:
    known = {address: when for address, when in seen.items() if address not in own}
    try:
        found = updated(known, usable("a.example", named, own.__contains__), 2000)
    except ResolvingError:
        assert set(named) <= own
        return

    lines = servers(found, 443).splitlines()
    assert len(lines) >= 2
    assert own.isdisjoint(found)
    assert set(named) - own <= set(found)


def test_an_address_at_which_this_machine_answers_is_its_own() -> None:
    for address in ("127.0.0.1", "127.8.9.10", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"):
        assert is_own(address)
    listed = subprocess.run(["ip", "-json", "address"], capture_output=True, check=True).stdout
    for link in json.loads(listed):
        for entry in link["addr_info"]:
            assert is_own(entry["local"])


def test_no_other_address_is_its_own() -> None:
    # Of documentation's (RFC 5737, RFC 3849), a broadcast, and one that nothing is routed to.
    for address in ("192.0.2.1", "198.51.100.9", "2001:db8::1", "255.255.255.255", "240.0.0.1"):
        assert not is_own(address)


def test_without_a_way_to_tell_nothing_is_changed(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver.run()
    before = resolver.file()
    monkeypatch.setenv("PATH", "/nonexistent")
    resolver.answers[FILES] = ["192.0.2.9"]

    sentences = resolver.run(is_own)

    assert len(sentences) == 2
    assert sentences[0].startswith("whether 192.0.2.9 is this appliance cannot be told: ")
    assert "install the package iproute2" in sentences[0]
    assert resolver.file() == before


@pytest.fixture
def dns_server() -> Iterator[tuple[int, dict[tuple[str, str], list[str]]]]:
    """Run a DNS server on loopback: its port, and what it answers to name and kind."""
    answers: dict[tuple[str, str], list[str]] = {}
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                packet, client = server.recvfrom(4096)
            except OSError:
                return
            if not packet:
                return  # it was shut down
            query = dns.message.from_wire(packet)
            question = query.question[0]
            name = question.name.to_text(omit_final_dot=True)
            kind = dns.rdatatype.to_text(question.rdtype)
            answer = dns.message.make_response(query)
            if (name, kind) in answers:
                found = answers[name, kind]
                if found:
                    answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
            else:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            server.sendto(answer.to_wire(), client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1], answers
    with contextlib.suppress(OSError):
        server.shutdown(socket.SHUT_RDWR)  # ends the wait of the thread
    server.close()
    thread.join(5)


def test_the_operators_dns_servers_are_asked(
    dns_server: tuple[int, dict[tuple[str, str], list[str]]],
) -> None:
    port, answers = dns_server
    answers[FILES, "A"] = ["127.0.0.9", "127.0.0.8"]
    answers[FILES, "AAAA"] = []

    assert sorted(lookup(FILES, ["127.0.0.1"], port)) == ["127.0.0.8", "127.0.0.9"]
    with pytest.raises(ResolvingError) as raised:
        lookup("other.example", ["127.0.0.1"], port)
    assert raised.value.problem == (
        "other.example cannot be resolved by 127.0.0.1: there is no such name"
    )


def test_an_address_of_one_link_only_is_none_for_the_engine(
    dns_server: tuple[int, dict[tuple[str, str], list[str]]],
) -> None:
    port, answers = dns_server
    answers[FILES, "A"] = ["169.254.0.9", "127.0.0.8"]
    answers[FILES, "AAAA"] = []

    assert lookup(FILES, ["127.0.0.1"], port) == ["127.0.0.8"]


def test_a_dns_server_that_does_not_answer_is_waited_for_five_seconds_in_all() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        begin = time.monotonic()
        with pytest.raises(ResolvingError, match="no answer within 5 seconds; "):
            lookup(FILES, ["127.0.0.1"], silent.getsockname()[1])
        assert 4 < time.monotonic() - begin < 7


def test_the_machines_own_resolver_is_not_waited_for_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would wait for each server of resolv.conf, twice, and take all other names with it."""
    monkeypatch.setattr("cellar.resolving.lookup._LIFETIME", 0.2)
    over = threading.Event()

    def slow(*_: Any, **__: Any) -> list[Any]:
        over.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    begin = time.monotonic()
    with pytest.raises(ResolvingError, match=r"files\.example cannot be resolved: no answer"):
        lookup(FILES, [])
    over.set()
    assert time.monotonic() - begin < 5


def test_without_dns_servers_the_machine_resolves_and_an_address_is_its_own_answer() -> None:
    assert "127.0.0.1" in lookup("localhost", [])
    assert lookup("127.0.0.7", []) == ["127.0.0.7"]
    with pytest.raises(ResolvingError, match=r"nothing\.invalid cannot be resolved: "):
        lookup("nothing.invalid", [])
