"""Applying, withdrawing, restoring and removing, on a host that is a folder."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from cellar_runner import cli, routing
from cellar_runner.converging import converge
from cellar_runner.plan import Mode
from cellar_runner.refusal import Refusal
from cellar_runner.settings import read_settings
from unit.runner.conftest import NAMES, Appliance, install_settings, settings_of
from unit.runner.trees import snapshot, write

if TYPE_CHECKING:
    from cellar_runner.host import Host

BUNDLE = "/etc/cellar-runner/ca-bundle.pem"
TRUST = {
    "SSL_CERT_FILE": BUNDLE,
    "REQUESTS_CA_BUNDLE": BUNDLE,
    "CURL_CA_BUNDLE": BUNDLE,
    "PIP_CERT": BUNDLE,
}


def text(host: Host, name: str) -> str:
    return host.path(name).read_text()


def environment(host: Host) -> dict[str, str]:
    lines = text(host, "/etc/cellar-runner/environment").splitlines()
    return dict(line.split("=", 1) for line in lines)


def login(host: Host, script: str = "env", **variables: str) -> dict[str, str]:
    """Return the variables of a login shell, which reads our profile."""
    profile = text(host, "/etc/profile.d/cellar-runner.sh").replace(
        "/etc/cellar-runner/", str(host.path("/etc/cellar-runner/")) + "/"
    )
    done = subprocess.run(
        ["/bin/sh", "-euc", f"{profile}\n{script}"],
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def proxied(appliance: Appliance) -> dict[str, str]:
    url = f"http://127.0.0.1:{appliance.proxy_port}"
    bypass = "localhost,127.0.0.1,::1"
    return {"HTTPS_PROXY": url, "https_proxy": url, "NO_PROXY": bypass, "no_proxy": bypass}


@pytest.mark.parametrize("mode", ["index", "proxy", "intercept"])
def test_every_mode_goes_byte_for_byte(host: Host, appliance: Appliance, mode: str) -> None:
    before = snapshot(host.root / "etc"), snapshot(host.root / "usr")
    install_settings(host, settings_of(appliance, mode=mode))

    routing.apply(host)
    assert snapshot(host.root / "etc") != before[0]
    routing.remove(host)

    assert (snapshot(host.root / "etc"), snapshot(host.root / "usr")) == before
    assert not host.path("/var/lib/cellar-runner").exists()
    assert not host.path("/run/cellar-runner.lock").exists()


def test_intercept_leads_names_and_gives_trust(
    host: Host, appliance: Appliance, root_pem: str, commands: list[tuple[str, ...]]
) -> None:
    install_settings(host, settings_of(appliance))

    routing.apply(host)

    assert f"127.0.0.1 {NAMES[0]} {NAMES[1]}" in text(host, "/etc/hosts").splitlines()
    assert environment(host) == TRUST
    assert text(host, BUNDLE) == root_pem + appliance.pem
    (anchor,) = host.path("/usr/local/share/ca-certificates").iterdir()
    assert anchor.read_text() == appliance.pem
    assert [command[0] for command in commands] == ["update-ca-certificates", "find"]
    assert not host.path("/etc/xdg").exists(), "no index is set"


def test_proxy_gives_proxy_and_trust_in_the_same_places(host: Host, appliance: Appliance) -> None:
    install_settings(host, settings_of(appliance, mode="proxy"))

    routing.apply(host)

    expected = TRUST | proxied(appliance)
    assert environment(host) == expected
    assert text(host, "/etc/profile.d/cellar-runner.sh")
    assert text(host, "/etc/hosts") == "127.0.0.1 localhost\n"
    assert text(host, "/etc/cellar-runner/pip.conf") == f"[global]\ncert = {BUNDLE}\n"
    assert not host.path("/usr/local/share/ca-certificates").exists()


def test_index_sets_only_what_no_lock_file_shows(host: Host, appliance: Appliance) -> None:
    """Never UV_DEFAULT_INDEX, never PIP_INDEX_URL: a project's own settings win."""
    install_settings(host, settings_of(appliance, mode="index"))

    routing.apply(host)

    url = f"https://127.0.0.1:{appliance.port}/simple"
    expected = TRUST | {"PDM_PYPI_URL": url, "PIPENV_PYPI_MIRROR": url}
    assert environment(host) == expected
    pip = f"[global]\nindex-url = {url}/\ncert = {BUNDLE}\n"
    assert text(host, "/etc/xdg/pip/pip.conf") == pip
    assert tomllib.loads(text(host, "/etc/uv/uv.toml")) == {
        "pip": {"index-url": f"{url}/"},
        "native-tls": True,
    }
    pdm = {"pypi": {"url": url, "ca_certs": BUNDLE}}
    assert tomllib.loads(text(host, "/etc/xdg/pdm/config.toml")) == pdm
    assert text(host, "/etc/cellar-runner/pip.conf") == pip


def test_an_appliance_with_a_public_certificate_needs_no_trust(
    host: Host, appliance: Appliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "try_doors", lambda *_: None)  # nothing here is public
    install_settings(host, settings_of(appliance, mode="index", authorities=[]))

    routing.apply(host)

    assert set(environment(host)) == {"PDM_PYPI_URL", "PIPENV_PYPI_MIRROR"}
    assert "cert" not in text(host, "/etc/xdg/pip/pip.conf")
    assert set(tomllib.loads(text(host, "/etc/uv/uv.toml"))) == {"pip"}
    assert set(tomllib.loads(text(host, "/etc/xdg/pdm/config.toml"))["pypi"]) == {"url"}
    assert not host.path("/usr/local/share/ca-certificates").exists()


def test_withdrawing_leaves_trust_and_takes_the_routes(host: Host, appliance: Appliance) -> None:
    for mode in ("proxy", "index", "intercept"):
        install_settings(host, settings_of(appliance, mode=mode))
        routing.apply(host)
        full = snapshot(host.root / "etc")

        routing.set_routed(host, routed=False, why="it is gone")

        assert environment(host) == TRUST, mode
        assert text(host, "/etc/hosts") == "127.0.0.1 localhost\n"
        assert "index-url" not in text(host, "/etc/cellar-runner/pip.conf")
        assert not host.path("/etc/xdg/pip/pip.conf").exists()
        assert appliance.pem in text(host, BUNDLE)
        routing.set_routed(host, routed=True, why="it is back")
        assert snapshot(host.root / "etc") == full, mode


@pytest.mark.parametrize("mode", ["proxy", "index", "intercept"])
def test_a_session_that_lasts_is_given_what_does_no_harm_and_nothing_else(
    host: Host, appliance: Appliance, mode: str
) -> None:
    """What PAM gives to a session stays until its end, also while the appliance is away."""
    install_settings(host, settings_of(appliance, mode=mode))

    routing.apply(host)

    lines = text(host, "/etc/environment").splitlines()
    given = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert given == TRUST | {"CELLAR_RUNNER_VARIABLES": f'"{" ".join(TRUST)}"'}
    routing.set_routed(host, routed=False, why="it is gone")
    assert text(host, "/etc/environment").splitlines() == lines


def test_another_authority_comes_and_goes_while_jobs_are_led_as_before(
    host: Host, appliance: Appliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host may have no other way, and a job may begin at any moment."""
    led: list[bool] = []

    def run(_: object) -> str:
        led.append(NAMES[0] in text(host, "/etc/hosts"))
        return ""

    monkeypatch.setattr(routing, "_run", run)
    install_settings(host, settings_of(appliance, mode="intercept"))
    routing.apply(host)
    assert led[0] is False, "at first it comes before the routes"
    other = trustme.CA().cert_pem.bytes().decode()
    for authorities in ([appliance.pem, other], [appliance.pem]):
        led.clear()
        install_settings(host, settings_of(appliance, mode="intercept", authorities=authorities))
        routing.apply(host)
        assert (other in text(host, BUNDLE)) is (other in authorities)
        assert led
        assert all(led)


def test_state_says_since_when_and_why(host: Host, appliance: Appliance) -> None:
    install_settings(host, settings_of(appliance))
    routing.apply(host)
    first = routing.read_state(host)
    assert first is not None
    assert (first.routed, first.mode) == (True, Mode.INTERCEPT)

    routing.set_routed(host, routed=False, why="no answer")
    gone = routing.read_state(host)
    routing.set_routed(host, routed=False, why="still no answer")

    assert gone is not None
    assert (gone.routed, gone.why) == (False, "no answer")
    assert gone.since > first.since
    assert routing.read_state(host) == gone, "the first reason and the first time"


def test_a_second_apply_changes_nothing_and_leaves_the_guard_its_decision(
    host: Host, appliance: Appliance, commands: list[tuple[str, ...]]
) -> None:
    install_settings(host, settings_of(appliance))
    routing.apply(host)
    times = {p: p.lstat().st_mtime_ns for p in host.root.rglob("*") if p.is_file()}
    commands.clear()

    assert routing.apply(host).changed == ()
    assert {p: p.lstat().st_mtime_ns for p in times} == times
    assert commands == []
    routing.set_routed(host, routed=False, why="no answer")
    assert routing.apply(host).changed == ()
    assert text(host, "/etc/hosts") == "127.0.0.1 localhost\n"


def test_trust_comes_before_routes_with_its_command(
    host: Host, appliance: Appliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_settings(host, settings_of(appliance))
    seen = []

    def run(command: Any) -> str:
        seen.append((command.arguments[0], NAMES[0] in text(host, "/etc/hosts")))
        return ""

    monkeypatch.setattr(routing, "_run", run)
    routing.apply(host)

    assert seen == [("update-ca-certificates", False), ("find", False)]


def test_old_and_new_ca_overlap(host: Host, appliances: Any) -> None:
    old, new = appliances(), appliances()
    settings = settings_of(old)
    install_settings(host, settings)
    routing.apply(host)

    install_settings(host, {**settings, "authorities": [old.pem, new.pem]})
    routing.apply(host)
    assert text(host, BUNDLE).endswith(old.pem + new.pem)

    ports = {"https_port": new.port, "proxy_port": new.proxy_port}
    install_settings(host, {**settings, **ports, "authorities": [old.pem, new.pem]})
    routing.apply(host)
    install_settings(host, {**settings, **ports, "authorities": [new.pem]})
    routing.apply(host)
    assert old.pem not in text(host, BUNDLE)
    assert len(list(host.path("/usr/local/share/ca-certificates").iterdir())) == 1


def test_bundle_follows_the_system_and_never_has_the_ca_twice(
    host: Host, appliance: Appliance, root_pem: str, appliances: Any
) -> None:
    install_settings(host, settings_of(appliance))
    routing.apply(host)
    more = appliances().pem
    # What update-ca-certificates makes of the anchor that we gave it.
    write(host.path("/etc/ssl/certs/ca-certificates.crt"), appliance.pem + root_pem + more)

    outcome = routing.refresh(host)

    assert text(host, BUNDLE) == root_pem + more + appliance.pem
    assert [path.name for path in outcome.changed] == ["ca-bundle.pem"]
    assert routing.refresh(host).changed == ()


@pytest.mark.parametrize(
    "place",
    [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ],
)
def test_system_roots_are_found_on_debian_rhel_and_alpine(
    host: Host, appliance: Appliance, root_pem: str, place: str
) -> None:
    host.path("/etc/ssl/certs/ca-certificates.crt").unlink()
    write(host.path(place), root_pem)
    install_settings(host, settings_of(appliance))

    routing.apply(host)

    assert text(host, BUNDLE) == root_pem + appliance.pem


def test_a_host_of_the_redhat_kind_has_its_own_trust_store(
    host: Host, appliance: Appliance, commands: list[tuple[str, ...]]
) -> None:
    host.path("/usr/sbin/update-ca-certificates").unlink()
    write(host.path("/usr/bin/update-ca-trust"), "#!/bin/sh\n", 0o755)
    install_settings(host, settings_of(appliance))

    routing.apply(host)

    (anchor,) = host.path("/etc/pki/ca-trust/source/anchors").iterdir()
    assert anchor.read_text() == appliance.pem
    assert commands == [("update-ca-trust", "extract")]


def test_links_to_a_ca_that_has_gone_are_removed_and_no_others(
    host: Host, appliance: Appliance, commands: list[tuple[str, ...]]
) -> None:
    """What Debian's program leaves of a certificate: a link to it, and one to that by its hash."""
    certs = host.path("/etc/ssl/certs")
    install_settings(host, settings_of(appliance))
    routing.apply(host)
    (anchor,) = host.path("/usr/local/share/ca-certificates").iterdir()
    links = {
        anchor.with_suffix(".pem").name: f"/usr/local/share/ca-certificates/{anchor.name}",
        "0123abcd.0": anchor.with_suffix(".pem").name,
        "theirs.pem": "/usr/local/share/ca-certificates/theirs.crt",
        "4567abcd.0": "theirs.pem",
    }
    for name, target in links.items():
        (certs / name).symlink_to(target)
    (certs / "cellar-runner-kept.pem").symlink_to("ca-certificates.crt")
    find = [str(certs) if word == "/etc/ssl/certs" else word for word in commands[-1]]

    subprocess.run(find, check=True)

    assert {path.name for path in certs.iterdir()} == {
        *("ca-certificates.crt", "cellar-runner-kept.pem", "theirs.pem", "4567abcd.0")
    }


def refused(host: Host) -> str:
    """Return the sentence of a refusal, after which everything is as before."""
    host.path("/run/cellar-runner.lock").unlink(missing_ok=True)
    before = snapshot(host.root)
    with pytest.raises(Refusal) as refusal:
        routing.apply(host)
    host.path("/run/cellar-runner.lock").unlink(missing_ok=True)
    assert snapshot(host.root) == before
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_an_appliance_that_does_not_answer_is_refused(host: Host, appliance: Appliance) -> None:
    appliance.close()
    for mode in ("index", "proxy", "intercept"):
        install_settings(host, settings_of(appliance, mode=mode))
        assert "does not answer for" in refused(host)
        assert "Connection refused" in refused(host)


@pytest.mark.parametrize("mode", ["index", "proxy", "intercept"])
def test_a_foreign_certificate_is_refused(host: Host, appliances: Any, mode: str) -> None:
    mine, other = appliances(), appliances()
    install_settings(host, settings_of(mine, mode=mode, authorities=[other.pem]))

    assert "with a certificate that does not fit to cellar_runner_ca_files" in refused(host)


def test_an_appliance_that_does_not_answer_for_pypi_is_refused(host: Host, appliances: Any) -> None:
    install_settings(host, settings_of(appliances(NAMES[0], "127.0.0.1")))

    assert f"answers for {NAMES[1]} with a certificate that does not fit" in refused(host)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "does not let jobs reach index.example: HTTP/1.1 403"),
        (b"HTTP/1.1 400 Bad", "is no proxy"),
    ],
)
def test_a_proxy_that_does_not_tunnel_is_refused(
    host: Host, appliance: Appliance, answer: bytes, sentence: str
) -> None:
    appliance.answer = answer
    install_settings(host, settings_of(appliance, mode="proxy"))

    if b"\r\n\r\n" not in answer:
        appliance.answer = answer + b" " * 70000
    assert sentence in refused(host)
    assert appliance.asked[0] == "CONNECT index.example:443 HTTP/1.1"


def test_a_pip_conf_that_cannot_be_read_is_refused(host: Host, appliance: Appliance) -> None:
    write(host.path("/etc/xdg/pip/pip.conf"), "index-url = x\n")
    install_settings(host, settings_of(appliance, mode="index"))

    assert "/etc/xdg/pip/pip.conf cannot be read as settings" in refused(host)


def test_a_host_without_systemd_is_refused(host: Host, appliance: Appliance) -> None:
    host.path("/run/systemd/system").rmdir()
    install_settings(host, settings_of(appliance))

    assert "not started by systemd" in refused(host)


def test_sessions_that_trust_others_are_not_led_to_the_appliance(
    host: Host, appliance: Appliance
) -> None:
    write(host.path("/etc/environment"), "REQUESTS_CA_BUNDLE=/etc/theirs.pem\n")
    install_settings(host, settings_of(appliance))

    assert "sets REQUESTS_CA_BUNDLE to other certificates" in refused(host)
    install_settings(host, settings_of(appliance, mode="proxy"))
    (note,) = routing.apply(host).notes
    assert "sets REQUESTS_CA_BUNDLE otherwise" in note
    assert text(host, "/etc/environment") == "REQUESTS_CA_BUNDLE=/etc/theirs.pem\n"


def test_an_operators_index_or_certificates_keep_ours_out_of_pip(
    host: Host, appliance: Appliance
) -> None:
    write(host.path("/etc/pip.conf"), "[global]\ncert = /etc/theirs.pem\n")
    install_settings(host, settings_of(appliance, mode="index"))

    routing.apply(host)

    assert not host.path("/etc/xdg/pip").exists()


def test_unknown_and_absent_targets_are_refused_by_name(host: Host, appliance: Appliance) -> None:
    install_settings(host, settings_of(appliance, targets=["pip", "pop"]))

    assert "cellar_runner_targets names pop, which is none of" in refused(host)


def test_an_appliance_that_is_away_lets_a_withdrawn_host_be_applied(
    host: Host, appliance: Appliance
) -> None:
    """A playbook may run while the guard has withdrawn."""
    install_settings(host, settings_of(appliance))
    routing.apply(host)
    appliance.close()
    assert "does not answer" in refused(host), "routed, and the address may be a wrong one"
    routing.set_routed(host, routed=False, why="no answer")

    assert routing.apply(host).changed == ()


def test_auto_takes_the_door_that_is_there(host: Host, appliance: Appliance) -> None:
    install_settings(host, settings_of(appliance, mode="auto"))
    routing.apply(host)
    state = routing.read_state(host)
    assert state is not None
    assert (state.mode, state.mode_why) == (Mode.INTERCEPT, "nothing here starts containers")


def test_auto_takes_the_proxy_where_containers_are(
    host: Host, appliance: Appliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Engine:
        name = "engine"

        def found(self, _: Host) -> bool:
            return True

    monkeypatch.setattr("cellar_runner.choosing.CONTAINER_TARGETS", [Engine()])
    install_settings(host, settings_of(appliance, mode="auto"))
    mode, why, outcome = routing.check(host, read_settings(host))
    assert (mode, why) == (Mode.PROXY, "engine may start containers here")
    assert outcome.changed
    gone = settings_of(appliance, mode="auto", proxy_port=1)
    install_settings(host, gone)
    mode, why, _ = routing.check(host, read_settings(host))
    assert mode is Mode.INDEX
    assert "port 1) does not answer" in why


def test_check_changes_nothing(host: Host, appliance: Appliance) -> None:
    before = snapshot(host.root)
    settings = json.dumps(settings_of(appliance))

    assert cli.main(["check", "--json", "--settings", settings], host) == 0

    assert snapshot(host.root) == before


def test_removing_a_host_that_was_never_ours_is_no_error(host: Host) -> None:
    before = snapshot(host.root)

    assert cli.main(["remove"], host) == 0

    assert snapshot(host.root) == before


def test_removing_after_half_a_run_leaves_nothing(
    host: Host, appliance: Appliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(host.root / "etc")
    install_settings(host, settings_of(appliance))
    done = []

    def second_fails(*arguments: Any, **options: Any) -> Any:
        done.append(1)
        if len(done) == 2:
            raise KeyboardInterrupt
        return converge(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(routing, "converge", second_fails)
        with pytest.raises(KeyboardInterrupt):
            routing.apply(host)
    host.path("/var/lib/cellar-runner/settings.json").write_text("{")

    assert cli.main(["remove"], host) == 0

    assert snapshot(host.root / "etc") == before
    assert not host.path("/var/lib/cellar-runner").exists()


def test_a_file_that_cannot_be_undone_is_named_and_kept_for_the_next_run(
    host: Host, appliance: Appliance, capsys: pytest.CaptureFixture[str]
) -> None:
    write(host.path("/etc/xdg/pip/pip.conf"), "[global]\ntimeout = 5\n")
    install_settings(host, settings_of(appliance, mode="index"))
    routing.apply(host)
    host.path("/etc/xdg/pip/pip.conf").write_text("broken")

    assert cli.main(["remove"], host) == 1

    assert "/etc/xdg/pip/pip.conf cannot be read as settings" in capsys.readouterr().err
    assert not host.path(BUNDLE).exists()
    host.path("/etc/xdg/pip/pip.conf").write_text("[global]\n")
    assert cli.main(["remove"], host) == 0
    assert not host.path("/var/lib/cellar-runner").exists()


def test_pause_and_resume(host: Host, appliance: Appliance) -> None:
    install_settings(host, settings_of(appliance))
    routing.apply(host)

    assert cli.main(["pause"], host) == 0
    state = routing.read_state(host)
    assert state is not None
    assert (state.routed, state.paused, state.why) == (False, True, "paused")
    assert text(host, "/etc/hosts") == "127.0.0.1 localhost\n"
    assert cli.main(["resume"], host) == 0
    state = routing.read_state(host)
    assert state is not None
    assert (state.routed, state.paused) == (False, False)


def test_status_says_it_in_one_screen(
    host: Host, appliance: Appliance, capsys: pytest.CaptureFixture[str]
) -> None:
    install_settings(host, settings_of(appliance))
    routing.apply(host)
    assert cli.main(["status"], host) == 0
    said = capsys.readouterr().out
    assert said.startswith("Jobs go through the appliance since ")
    assert f"{host.path('/etc/hosts')} (shell)" in said
    assert "Target     pip: nothing to write" in said
    assert len(said.splitlines()) < 25

    routing.set_routed(host, routed=False, why="no answer")
    assert cli.main(["status", "--json"], host) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["routed"], document["why"]) == (False, "no answer")
    assert document["certificate_days"] > 1


def test_commands_on_a_host_that_is_not_ours_are_refused(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("apply", "refresh", "status", "pause", "resume", "check"):
        assert cli.main([command], host) == 2
        assert "is missing" in capsys.readouterr().err


def test_two_runs_never_change_a_host_at_the_same_time(host: Host) -> None:
    seen = []

    def second() -> None:
        with routing.locked(host):
            seen.append("second")

    with routing.locked(host):
        other = threading.Thread(target=second)
        other.start()
        time.sleep(0.2)
        seen.append("first")
        # As `remove` does at its end: who waits must not go in beside who comes next.
        host.path(routing.LOCK).unlink()
    other.join(5)
    assert seen == ["first", "second"]
    assert host.path(routing.LOCK).exists()


def test_login_shells_follow_the_guard(host: Host, appliance: Appliance) -> None:
    install_settings(host, settings_of(appliance, mode="proxy"))
    routing.apply(host)
    routed = login(host)
    assert {n: routed[n] for n in TRUST | proxied(appliance)} == TRUST | proxied(appliance)

    routing.set_routed(host, routed=False, why="no answer")

    # What an agent has that was started while jobs were routed.
    inherited = {n: v for n, v in routed.items() if n != "PATH"}
    later = login(host, **inherited)
    assert {n for n in later if "proxy" in n.lower()} == set()
    assert {n: later[n] for n in TRUST} == TRUST


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "SSL_CERT_FILE"])
def test_a_shell_with_settings_of_its_own_keeps_them_and_gets_none_of_ours(
    host: Host, appliance: Appliance, name: str
) -> None:
    install_settings(host, settings_of(appliance, mode="proxy"))
    routing.apply(host)

    found = login(host, **{name: "theirs"})

    ours = {n for n in found if n in TRUST | proxied(appliance)}
    assert (ours, found[name]) == ({name}, "theirs")


def test_a_shell_is_unharmed_where_the_payload_has_gone(host: Host, appliance: Appliance) -> None:
    install_settings(host, settings_of(appliance, mode="proxy"))
    routing.apply(host)
    host.path("/etc/cellar-runner/environment").unlink()

    assert set(login(host, EDITOR="vi")) >= {"EDITOR"}
