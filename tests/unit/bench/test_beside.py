"""What the appliance stands beside is the same nginx: only what is said to differ does."""

from __future__ import annotations

from bench.subjects.nginxes import PLAIN_PORT, STATIC, without_tls
from support.nginx import Directive, rendered


def test_without_tls_only_the_addresses_differ() -> None:
    http = rendered()
    (plain,) = without_tls([http])

    listens = {words[0] for server in plain.all("server") for words in server.values("listen")}
    sockets = {words[0] for server in http.all("server") for words in server.values("listen")}
    assert listens == {f"127.0.0.1:{PLAIN_PORT}"} | {s for s in sockets if s.startswith("unix:")}
    assert not any({"ssl", "http2"} & set(d.arguments) for d in plain.walk() if d.name == "listen")

    def rest(directive: Directive) -> list[Directive]:
        own = {"listen", "server", "http2"}
        return [d for d in directive.block if d.name not in own]

    assert rest(plain) == rest(http)


def test_without_tls_a_door_has_all_its_locations_and_a_place_for_plain_files() -> None:
    http = rendered()
    (plain,) = without_tls([http])

    def locations(of: Directive) -> list[tuple[str, ...]]:
        (door,) = (s for s in of.all("server") if "cellar.example" in s.values("server_name")[0])
        return door.values("location")

    assert locations(plain) == [(STATIC,), *locations(http)]
