"""Settings that are right, written by hand: independent of the role's defaults."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cellar.provisioning import read_options, setting_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cellar.provisioning.specification import Options

    # Changes to good settings, variables whose template failed, and the time; gives the lines.
    Check = Callable[..., list[str]]

ROOT = Path(__file__).resolve().parents[3]

GOOD: Mapping[str, Any] = {
    "cellar_server_names": ["cellar.example"],
    "cellar_server_addresses": ["192.0.2.10", "2001:db8::10"],
    "cellar_listen_addresses": [],
    "cellar_loopback_addresses": [],
    "cellar_https_port": 443,
    "cellar_http_port": 80,
    "cellar_intercept": True,
    "cellar_proxy": False,
    "cellar_proxy_port": 3128,
    "cellar_proxy_networks": ["10.0.0.0/8"],
    "cellar_proxy_others": "tunnel",
    "cellar_proxy_ports": [443],
    "cellar_proxy_allowed": [],
    "cellar_pypi_index_host": "index.example",
    "cellar_pypi_files_host": "files.example",
    "cellar_upstream_ca_file": "",
    "cellar_dns_servers": [],
    "cellar_upstream_contact": "",
    "cellar_page_max_age": 600,
    "cellar_indexes": [],
    "cellar_routes": [],
    "cellar_file_rules": [],
    "cellar_file_size_limit": "2g",
    "cellar_file_over_limit": "stream",
    "cellar_file_zones": [],
    "cellar_slice_size": "8m",
    "cellar_cache_dir": "/var/cache/cellar",
    "cellar_files_max_size": "40g",
    "cellar_metadata_max_size": "1g",
    "cellar_pages_max_size": "2g",
    "cellar_cache_min_free": "2g",
    "cellar_certificate_source": "own_ca",
    "cellar_ca_key_location": "appliance",
    "cellar_ca_controller_dir": "",
    "cellar_ca_common_name": "Cellar CA of cellar",
    "cellar_ca_reissue": False,
    "cellar_ca_rotation": "none",
    "cellar_ca_valid_days": 3650,
    "cellar_certificate_valid_days": 397,
    "cellar_certificate_renew_days": 30,
    "cellar_certificate_file": "",
    "cellar_certificate_key_file": "",
    "cellar_certificate_ca_file": "",
    "cellar_rewriter_workers": 2,
    "cellar_selftest_project": "six",
    "cellar_verify_days": 1,
    "cellar_verify_rate": "50m",
    "cellar_metrics_networks": ["127.0.0.1", "::1"],
    "cellar_log_days": 14,
    "cellar_report_days": 90,
    "cellar_report_networks": ["127.0.0.1", "::1"],
    "cellar_runner_state": "present",
    "cellar_runner_mode": "auto",
    "cellar_runner_appliance": "cellar.example",
    "cellar_runner_address": "192.0.2.10",
    "cellar_runner_server_name": "cellar.example",
    "cellar_runner_https_port": 443,
    "cellar_runner_proxy_port": 3128,
    "cellar_runner_ca_files": [],
    "cellar_runner_no_proxy": ["localhost", ".corp.example", "10.0.0.0/8", "::1"],
    "cellar_runner_targets": [],
    "cellar_runner_docker_users": [],
    "cellar_runner_containerd": False,
    "cellar_runner_fail": "open",
    "cellar_runner_metrics_file": "/run/cellar-runner/cellar-runner.prom",
}


@pytest.fixture(scope="session")
def options() -> Options:
    return read_options(ROOT / "roles/settings/meta/argument_specs.yml")


@pytest.fixture
def check(options: Options) -> Check:
    """Return a function that gives the report for good settings with some changes."""

    def lines(
        changes: Mapping[str, Any],
        unresolved: Mapping[str, str] | None = None,
        now: datetime | None = None,
        *,
        of_runner: bool = False,
    ) -> list[str]:
        unresolved = unresolved or {}
        values = {name: v for name, v in {**GOOD, **changes}.items() if name not in unresolved}
        problems = setting_problems(
            values, unresolved, options, now or datetime.now(UTC), of_runner=of_runner
        )
        return [str(problem) for problem in problems]

    return lines
