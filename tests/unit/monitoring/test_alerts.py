"""The alerts that operators are given: each fires for its trouble, and for no other."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from support.debian import find_program
from support.rendering import ROOT

if TYPE_CHECKING:
    from pathlib import Path

RULES = ROOT / "docs/monitoring/alerts.yml"
ALERTS = [rule["alert"] for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]]
# What is looked at: the end of series with a sample a minute, a day and an hour after the time 0.
MINUTES = 1500
DAY = 86400

# A good appliance, in promtool's notation: a value, what is added a minute, how many minutes.
GOOD = {
    'up{job="cellar"}': f"1x{MINUTES}",
    "cellar_metrics_timestamp_seconds": f"0+60x{MINUTES}",
    "cellar_problems": f"0x{MINUTES}",
    'cellar_door_up{door="index"}': f"1x{MINUTES}",
    "cellar_rewriter_up": f"1x{MINUTES}",
    "cellar_stores": f"1x{MINUTES}",
    "cellar_upstream_up": f"1x{MINUTES}",
    "cellar_upstream_names_up": f"1x{MINUTES}",
    "cellar_resolver_last_run_timestamp_seconds": f"0+60x{MINUTES}",
    'cellar_upstream_requests_total{host="files.example"}': f"0+100x{MINUTES}",
    'cellar_upstream_errors_total{host="files.example"}': f"0+1x{MINUTES}",
    'cellar_certificate_end_timestamp_seconds{name="cellar.example"}': f"{15 * DAY + 7200}x1500",
    "cellar_ca_end_timestamp_seconds": f"{62 * DAY}x{MINUTES}",
    "cellar_disk_free_bytes": f"1100x{MINUTES}",
    "cellar_disk_min_free_bytes": f"2000x{MINUTES}",
    "cellar_verify_removed_records_total": f"7x{MINUTES}",
    "cellar_verify_last_run_timestamp_seconds": f"0+60x{MINUTES}",
    'cellar_requests_total{outcome="hit"}': f"0+90x{MINUTES}",
    'cellar_requests_total{outcome="miss"}': f"0+10x{MINUTES}",
    'cellar_requests_total{outcome="neither"}': f"0+90x{MINUTES}",
    "cellar_traffic_timestamp_seconds": f"0+60x{MINUTES}",
}
SERIES = list(GOOD)

TROUBLES: dict[str, dict[str, str]] = {
    "CellarUnreachable": {'up{job="cellar"}': "1x1470 0x30"},
    "CellarMetricsStale": {"cellar_metrics_timestamp_seconds": "0+60x1470 88200x30"},
    "CellarDoorDown": {'cellar_door_up{door="index"}': "1x1470 0x30"},
    "CellarRewriterDown": {"cellar_rewriter_up": "1x1470 0x30"},
    "CellarStoresNothing": {"cellar_stores": "1x1470 0x30"},
    "CellarUpstreamDown": {"cellar_upstream_up": "1x1470 0x30"},
    "CellarUpstreamErrors": {'cellar_upstream_errors_total{host="files.example"}': "0+6x1500"},
    "CellarNamesUnresolved": {"cellar_upstream_names_up": "1x1470 0x30"},
    "CellarCertificateEnds": {
        'cellar_certificate_end_timestamp_seconds{name="cellar.example"}': f"{14 * DAY}x1500"
    },
    "CellarAuthorityEnds": {"cellar_ca_end_timestamp_seconds": f"{60 * DAY}x1500"},
    "CellarDiskAtFloor": {"cellar_disk_free_bytes": "900x1500"},
    "CellarVerifyFoundDamage": {"cellar_verify_removed_records_total": "7x1470 8x30"},
    "CellarVerifyLate": {"cellar_verify_last_run_timestamp_seconds": f"-{2 * DAY}x1500"},
    "CellarHitRatioDropped": {
        'cellar_requests_total{outcome="hit"}': "0+90x1380 124200+50x120",
        'cellar_requests_total{outcome="miss"}': "0+10x1380 13800+50x120",
    },
    "CellarTrafficNotCounted": {"cellar_traffic_timestamp_seconds": "0+60x1470 88200x30"},
    "CellarNeedsAHand": {"cellar_problems": "0x1460 1x40"},
}

# Troubles that an alert has to bear.
PASSING: dict[str, dict[str, str]] = {
    "a restart of nginx": {
        'up{job="cellar"}': "1x1490 0x2 1x8",
        'cellar_door_up{door="index"}': "1x1490 0x2 1x8",
        "cellar_problems": "0x1490 3x2 0x8",
    },
    "a few errors of upstream at night": {
        'cellar_upstream_requests_total{host="files.example"}': "0+0.2x1500",
        'cellar_upstream_errors_total{host="files.example"}': "0+0.1x1500",
    },
    "a bad ratio of a few requests": {
        'cellar_requests_total{outcome="hit"}': "0+90x1380 124200+5x120",
        'cellar_requests_total{outcome="miss"}': "0+10x1380 13800+5x120",
    },
    "damage of this morning": {"cellar_verify_removed_records_total": "7x1400 8x100"},
    "a verifier that was late yesterday": {
        "cellar_verify_last_run_timestamp_seconds": f"-{2 * DAY}x1380 82800x120"
    },
}


@pytest.fixture(scope="session")
def promtool() -> Path:
    return find_program("prometheus", "usr/bin/promtool")


def firing(promtool: Path, directory: Path, series: dict[str, str], *alerts: str) -> str:
    """Let promtool expect that just these alerts fire; return what it has to say against it."""
    test: dict[str, Any] = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": f"{MINUTES}m",
                "exp_samples": [
                    {"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in alerts
                ],
            }
        ],
    }
    path = directory / "test.yml"
    path.write_text(
        yaml.safe_dump(
            {"rule_files": [str(RULES)], "evaluation_interval": "5m", "tests": [test]},
        )
    )
    done = subprocess.run(
        [promtool, "test", "rules", path], capture_output=True, text=True, timeout=60, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_prometheus_understands_every_rule(promtool: Path) -> None:
    done = subprocess.run(
        [promtool, "check", "rules", RULES], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SUCCESS: {len(ALERTS)} rules found" in done.stdout


def test_no_alert_fires_for_a_good_appliance(promtool: Path, tmp_path: Path) -> None:
    assert firing(promtool, tmp_path, GOOD) == ""


def test_every_alert_has_its_trouble() -> None:
    assert list(TROUBLES) == ALERTS
    assert {name for series in [*TROUBLES.values(), *PASSING.values()] for name in series} <= {
        *SERIES
    }


@pytest.mark.parametrize("alert", TROUBLES)
def test_an_alert_fires_for_its_trouble_and_no_other_does(
    promtool: Path, tmp_path: Path, alert: str
) -> None:
    assert firing(promtool, tmp_path, {**GOOD, **TROUBLES[alert]}, alert) == ""


@pytest.mark.parametrize("trouble", PASSING)
def test_no_alert_fires_for_what_passes(promtool: Path, tmp_path: Path, trouble: str) -> None:
    assert firing(promtool, tmp_path, {**GOOD, **PASSING[trouble]}) == ""
