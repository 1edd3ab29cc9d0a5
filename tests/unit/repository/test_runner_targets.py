"""What operators can name is what the program knows."""

from pathlib import Path

import yaml

from cellar_runner.targets.every import TARGETS

REPOSITORY = Path(__file__).resolve().parents[3]


def test_the_settings_name_each_target_of_the_program_and_no_other() -> None:
    text = (REPOSITORY / "roles/settings/meta/argument_specs.yml").read_text()
    specs = yaml.safe_load(text)["argument_specs"]
    options = {name: spec for entry in specs.values() for name, spec in entry["options"].items()}
    choices = options["cellar_runner_targets"]["choices"]
    assert sorted(choices) == sorted(target.name for target in TARGETS)


def test_the_operators_page_has_a_row_for_each_target() -> None:
    page = (REPOSITORY / "docs/ci-providers.md").read_text()
    for target in TARGETS:
        assert f"`{target.name}`" in page, target.name
