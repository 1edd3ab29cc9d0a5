"""What is documented, alerted on and drawn is what there is."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from support.rendering import ROOT
from unit.cellar.conftest import world
from unit.cellar.watched import Left
from unit.monitoring.test_alerts import ALERTS, GOOD, RULES, promtool
from unit.traffic.logs import fetch, streamed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from unit.cellar.appliance import World

__all__ = ["promtool", "world"]

GUIDE = (ROOT / "docs/monitoring.md").read_text()
DASHBOARD: dict[str, Any] = json.loads((ROOT / "docs/monitoring/dashboard.json").read_text())
PANELS = DASHBOARD["panels"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
NAME = re.compile(r"\bcellar_\w+")


@pytest.fixture
def there(world: World) -> dict[str, set[str] | None]:
    """Return the names of all metrics, each with those of its labels, None if it has no sample."""
    left = Left(world)
    now = int(left.now)
    failed = fetch(at=now, status="502")
    left.traffic(60, streamed(at=now, status=502, upstream_status="502"), fetches=(failed,))
    left.counted(pages={"records": 1, "bytes": 4096})
    assert world.run("metrics").exit_code == 0
    text = (world.directory / "metrics/metrics").read_text()
    return {
        family.name + ("_total" if family.type == "counter" else ""): {
            label for sample in family.samples for label in sample.labels
        }
        if family.samples
        else None
        for family in text_string_to_metric_families(text)
    }


def test_every_metric_is_documented_with_its_labels_and_no_other_is(
    there: dict[str, set[str] | None],
) -> None:
    rows = re.findall(r"(?m)^\| `(cellar_\w+)` \|(.*?)\| \S.*\|$", GUIDE)
    documented = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}

    assert documented == there


def test_alerts_and_dashboard_use_only_metrics_that_there_are(
    there: dict[str, set[str] | None],
) -> None:
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    alerted = {name for rule in rules for name in NAME.findall(rule["expr"])}
    drawn = {name for query in QUERIES for name in NAME.findall(query)}

    assert len(alerted) > 10
    assert alerted - there.keys() == set()
    assert drawn - there.keys() == set()
    # What nobody looks at need not be measured; lines of logs are for whoever wonders.
    assert there.keys() - alerted - drawn == {"cellar_unreadable_log_lines_total"}


def test_the_tests_of_alerts_are_about_metrics_that_there_are(
    there: dict[str, set[str] | None],
) -> None:
    assert {NAME.findall(name)[0] for name in GOOD if not name.startswith("up")} <= there.keys()


def test_every_alert_is_documented_with_what_to_do() -> None:
    rows = re.findall(r"(?m)^\| (`Cellar.*?) \| \S.*\|$", GUIDE)

    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)) == sorted(ALERTS)


def test_alerts_name_a_severity_and_what_is_wrong() -> None:
    for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert "{{ $labels.instance }}" in rule["annotations"]["summary"]
        assert rule["annotations"]["description"].endswith((".", "?"))


def sources(part: object) -> Iterator[object]:
    """Yield every `datasource` in a part of the dashboard."""
    if isinstance(part, dict):
        if "datasource" in part:
            yield part["datasource"]
        for value in part.values():
            yield from sources(value)
    elif isinstance(part, list):
        for value in part:
            yield from sources(value)


def test_the_dashboard_is_for_any_data_source() -> None:
    source, instance = DASHBOARD["templating"]["list"]

    assert (source["name"], source["type"], source["query"]) == ("DS", "datasource", "prometheus")
    assert (instance["name"], instance["query"]["query"]) == (
        "instance",
        "label_values(cellar_info, instance)",
    )
    found = list(sources(DASHBOARD))
    assert len(found) > len(PANELS)
    assert all(each == {"type": "prometheus", "uid": "${DS}"} for each in found)


def test_panels_have_a_title_and_a_place_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert panel["title"]
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in PANELS}) == len({panel["title"] for panel in PANELS})
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_prometheus_understands_every_query_of_the_dashboard(
    promtool: Path, tmp_path: Path
) -> None:
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(QUERIES)
    ]
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))

    done = subprocess.run(
        [promtool, "check", "rules", path], capture_output=True, text=True, timeout=30, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert all("$instance" in query for query in QUERIES)
