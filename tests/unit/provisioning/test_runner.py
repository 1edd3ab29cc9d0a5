"""Settings of CI hosts: checked there, and on no appliance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import trustme

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Check


def test_good_settings_have_no_problem(check: Check) -> None:
    assert check({}, of_runner=True) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cellar_runner_address": ""}, "cellar_runner_address: is empty; write the IP address"),
        ({"cellar_runner_address": "cellar"}, "cellar_runner_address: is not an IP address"),
        ({"cellar_runner_server_name": ""}, "cellar_runner_server_name: is empty; write the name"),
        ({"cellar_runner_server_name": "ci_1"}, "cellar_runner_server_name: is not a DNS name"),
        ({"cellar_runner_appliance": "a b"}, "cellar_runner_appliance: is not a name that a host"),
        ({"cellar_runner_mode": "both"}, "cellar_runner_mode: is not auto or index or proxy or"),
        ({"cellar_runner_fail": "ajar"}, "cellar_runner_fail: is not open or closed"),
        ({"cellar_runner_proxy_port": 0}, "cellar_runner_proxy_port: is not between 1 and 65535"),
        ({"cellar_runner_no_proxy": ["*"]}, "cellar_runner_no_proxy: is a wildcard"),
        ({"cellar_runner_no_proxy": ["10.0.0.1/8"]}, "cellar_runner_no_proxy: has bits behind"),
        ({"cellar_runner_targets": ["podmann"]}, "cellar_runner_targets: an item is not shell or"),
        ({"cellar_runner_ca_files": ["ca.pem"]}, "cellar_runner_ca_files: is not an absolute path"),
        (
            {"cellar_runner_ca_files": ["/nowhere/ca.pem"]},
            "cellar_runner_ca_files[0]: /nowhere/ca.pem cannot be read on the controller",
        ),
        (
            {"cellar_runner_mode": "intercept", "cellar_runner_https_port": 8443},
            'cellar_runner_https_port: is not 443 (8443), and the clients of mode "intercept"',
        ),
        ({"cellar_runner_mod": "auto"}, "cellar_runner_mod: is not a setting of Cellar; did you"),
        ({"cellar_pypi_index_host": "*"}, "cellar_pypi_index_host: is a wildcard"),
    ],
    ids=str,
)
def test_a_problem_is_named_alone(check: Check, changes: dict[str, object], expected: str) -> None:
    (line,) = check(changes, of_runner=True)

    assert line.startswith(expected)


def test_all_problems_are_listed_at_once_in_the_order_of_the_settings(check: Check) -> None:
    changes = {
        "cellar_runner_fail": "ajar",
        "cellar_runner_address": "",
        "cellar_runner_mode": "both",
        "cellar_runner_ca_files": ["/nowhere/ca.pem"],
    }

    names = [line.partition(":")[0] for line in check(changes, of_runner=True)]

    assert names == [
        "cellar_runner_mode",
        "cellar_runner_address",
        "cellar_runner_ca_files[0]",
        "cellar_runner_fail",
    ]


def test_another_port_is_none_of_the_index_doors_trouble(check: Check) -> None:
    for mode in ("index", "auto"):
        changes = {"cellar_runner_mode": mode, "cellar_runner_https_port": 8443}
        assert check(changes, of_runner=True) == []


def test_pods_are_asked_for_twice_or_not_at_all(check: Check) -> None:
    """A list of targets that lacks containerd would silently win."""
    changes: dict[str, Any] = {"cellar_runner_containerd": True, "cellar_runner_targets": ["pip"]}

    (line,) = check(changes, of_runner=True)

    assert line.startswith("cellar_runner_containerd: is true, and cellar_runner_targets does not")
    for targets in ([], ["pip", "containerd"]):
        changes["cellar_runner_targets"] = targets
        assert check(changes, of_runner=True) == []


def test_a_host_that_is_to_become_what_it_was_needs_no_appliance(check: Check) -> None:
    changes = {
        "cellar_runner_state": "absent",
        "cellar_runner_address": "",
        "cellar_runner_ca_files": ["/nowhere/ca.pem"],
    }

    assert check(changes, of_runner=True) == []


def test_an_appliance_does_not_look_at_settings_of_ci_hosts_nor_the_other_way_round(
    check: Check,
) -> None:
    assert check({"cellar_runner_address": "", "cellar_runner_mode": "both"}) == []
    assert check({"cellar_server_names": ["ci_1"], "cellar_log_days": 0}, of_runner=True) == []


def test_what_is_no_valid_ca_is_refused(check: Check, tmp_path: Path) -> None:
    """On the controller, before any host is touched; the others of the file may be right."""
    authority = trustme.CA()
    good, leaf, text = tmp_path / "good.pem", tmp_path / "leaf.pem", tmp_path / "text.pem"
    authority.cert_pem.write_to_path(good)
    authority.cert_pem.write_to_path(leaf)
    authority.issue_cert("cellar.example").cert_chain_pems[0].write_to_path(leaf, append=True)
    text.write_text("nothing")

    def problems(path: Path, now: datetime | None = None) -> list[str]:
        return check({"cellar_runner_ca_files": [str(path)]}, now=now, of_runner=True)

    assert problems(good) == []
    (line,) = problems(leaf)
    assert "has a certificate that is not a CA's (" in line
    (line,) = problems(text)
    assert "holds no certificate in PEM" in line
    (line,) = problems(good, datetime.now(UTC) + timedelta(days=365_000))
    assert "has a CA that is not valid today (" in line
