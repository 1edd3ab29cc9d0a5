"""The page needs nothing but itself, can be read by everybody, and says what the report says."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from cellar.report import as_html
from cellar.report.charts import scale
from cellar.report.markup import document, tag
from cellar.report.page import TABLES
from unit.cellar.support import FILE_RULE
from unit.report.test_figures import reported
from unit.traffic.logs import DAY, NOON, answer, fetch, streamed, wheel

if TYPE_CHECKING:
    from unit.traffic.logs import Logs

M = 2**20
SCHEMES = ("light", "dark")


class Page(HTMLParser):
    """What is in a page: its elements with their attributes, and its texts by element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in {"meta", "link"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> ends something else"

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self._open[-1] if self._open else "", []).append(data)

    def all(self, name: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag == name]


@pytest.fixture
def text(logs: Logs) -> str:
    rule = {**FILE_RULE, "name": "kept-out", "answer": "stream", "projects": ["torch"]}
    logs.change(files={"size_limit": 100 * M}, file_rules=[{**rule, "younger_than_days": 0}])
    for day in range(5):
        logs.answered(
            answer(bytes=10**6, at=NOON - day * DAY),
            streamed(wheel("large-1.0.zip"), bytes=150 * M, at=NOON - day * DAY),
            streamed(wheel("torch-1.0.zip"), bytes=M, at=NOON - day * DAY),
        )
        logs.fetched(fetch(bytes="1000", at=NOON - day * DAY))
    return as_html(reported(logs, *TABLES))


@pytest.fixture
def page(text: str) -> Page:
    return Page(text)


def test_it_is_one_file_with_no_script_and_nothing_from_elsewhere(text: str, page: Page) -> None:
    assert {name for name, _ in page.elements}.isdisjoint(
        {"script", "link", "img", "iframe", "object", "embed", "base", "form", "a", "use", "image"}
    )
    attributes = {name for _, found in page.elements for name in found}
    assert attributes.isdisjoint({"src", "href", "xlink:href", "srcset", "action", "style"})
    assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"https?:|url\(|@import", text)


def test_its_own_policy_allows_its_style_and_nothing_else(page: Page) -> None:
    (policy,) = [
        meta["content"]
        for meta in page.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    digest = b64encode(sha256("".join(page.texts["style"]).encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'"


def test_it_fits_small_screens(page: Page) -> None:
    viewports = [meta["content"] for meta in page.all("meta") if meta.get("name") == "viewport"]
    assert viewports == ["width=device-width, initial-scale=1"]
    # Only what scrolls by itself may be wider than the screen.
    elements = [(name, found.get("class", "")) for name, found in page.elements]
    for place, (name, _) in enumerate(elements):
        if name == "table":
            assert elements[place - 1] == ("div", "scroll")
    css = "".join(page.texts["style"])
    assert ".scroll { overflow-x: auto; }" in css
    fixed = re.findall(r"(?<![a-z-])(?:min-)?width:\s*(\d+(?:\.\d+)?)(px|rem)", css)
    assert all(float(number) * {"px": 1, "rem": 16}[unit] <= 300 for number, unit in fixed)


def test_every_chart_has_a_name_and_its_numbers_in_a_table(page: Page) -> None:
    charts = [svg for svg in page.all("svg") if svg.get("class") == "chart"]
    assert [svg["aria-label"] for svg in charts] == [
        "Bytes served and fetched by day",
        "Share of answers from the cache by day",
    ]
    assert all(svg["role"] == "img" for svg in charts)
    # All other pictures stand in cells of tables, beside the number.
    assert {svg["aria-hidden"] for svg in page.all("svg") if svg not in charts} == {"true"}
    summary = [name for name, _ in page.elements].index("details")
    assert "table" in [name for name, _ in page.elements[summary:]]
    bars = [text for text in page.texts["title"] if text.startswith("2026-11-24")]
    numbers = "159.3 MB served, 1.0 kB fetched"
    assert bars == [f"2026-11-24: {numbers}"] * 2 + ["2026-11-24: 33.3 % from the cache"]
    assert {"2026-11-24", "159.3 MB", "1.0 kB", "33.3 %"} <= {*page.texts["th"], *page.texts["td"]}


def test_tables_that_scroll_can_be_scrolled_without_a_mouse(page: Page) -> None:
    regions = [div for div in page.all("div") if div.get("class") == "scroll"]
    assert len(regions) == 6
    assert all((div["tabindex"], div["role"]) == ("0", "region") for div in regions)
    labels = [div["aria-label"] for div in regions]
    assert len(set(labels)) == len(labels)
    assert all(th.get("scope") in {"row", "col"} for th in page.all("th"))


def test_it_says_what_the_report_says(page: Page) -> None:
    assert page.texts["strong"] == ["796.7 MB", "5.0 kB", "796.7 MB", "33.3 %"]
    assert {"demo", "large", "torch"} <= set(page.texts["th"])
    assert page.texts["code"] == ["cellar_file_size_limit", "kept-out"]
    (suggestion,) = page.texts["li"]
    assert suggestion.startswith("cellar_file_size_limit, which is 100m, kept out 1 file ")


def test_no_text_becomes_markup() -> None:
    nasty = "<script>alert('&quot;\"')</script>"
    found = Page(document(tag("html", tag("p", nasty, title=nasty))))
    assert [name for name, _ in found.elements] == ["html", "p"]
    assert "".join(found.texts["p"]) == nasty
    assert found.all("p") == [{"title": nasty}]


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb (WCAG 2.2)."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def colours(page: Page, scheme: str) -> dict[str, str]:
    css = "".join(page.texts["style"])
    light, dark = re.findall(r":root \{([^}]*)\}", css)
    assert css.index("prefers-color-scheme: dark") < css.index(dark)
    found = re.findall(r"--([a-z]+): (#[0-9a-f]{6});", light if scheme == "light" else dark)
    return dict(found)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("ground", ["ground", "panel"])
def test_text_and_bars_stand_out_from_what_is_behind_them(
    page: Page, scheme: str, ground: str
) -> None:
    """WCAG 2.2: text 4.5 to 1 (1.4.3), what else carries meaning 3 to 1 (1.4.11)."""
    found = colours(page, scheme)
    behind = found[ground]
    least = {"text": 4.5, "muted": 4.5, "served": 3.0, "fetched": 3.0, "focus": 3.0}
    for name, ratio in least.items():
        assert contrast(found[name], behind) >= ratio, name


def test_both_schemes_have_the_same_colours_and_no_other_is_used(page: Page) -> None:
    assert colours(page, "light").keys() == colours(page, "dark").keys()
    css = "".join(page.texts["style"])
    beside = re.sub(r":root \{[^}]*\}", "", css)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", beside) == []
    assert set(re.findall(r"var\(--([a-z]+)\)", css)) == colours(page, "light").keys()


@pytest.mark.parametrize(
    ("greatest", "lines"),
    [
        (0, [0, 1]),
        (4, [0, 1, 2, 3, 4]),
        (100, [0, 25, 50, 75, 100]),
        (13.9e9, [0, 5e9, 10e9, 15e9]),
        (1, [0, 0.25, 0.5, 0.75, 1]),
    ],
)
def test_lines_stand_at_round_numbers_and_no_bar_is_higher_than_the_last(
    greatest: float, lines: list[float]
) -> None:
    assert scale(greatest) == pytest.approx(lines)
