"""The report's page in a real browser, light and dark, narrow and wide, as nginx would send it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from cellar.report import as_html
from cellar.report.page import TABLES
from support import nginx
from support.browser import Browser, opened_browser
from support.nginx import name, server
from support.rendering import ROOT
from unit.report.test_figures import reported
from unit.roles.variants import HOSTS
from unit.traffic.logs import DAY, HOUR, NOON, Logs, answer, fetch, missed, streamed, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

M = 2**20
PICTURES = ROOT / ".cellar/report"
WIDTHS = (320, 390, 1400)
SCHEMES = {"light": "rgb(245, 246, 248)", "dark": "rgb(18, 21, 24)"}
# What nobody can read, because it is cut off or leads out of the window.
CUT_OFF = """
[...document.querySelectorAll('body *:not(.scroll):not(.scroll *):not(svg *)')]
    .filter(each => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0
        && getComputedStyle(each).display !== 'inline')
    .map(each => `${each.tagName} ${each.getAttribute('class')}: ${each.textContent}`)
"""
# Heights of the bars of the first chart that is as wide as what it stands in.
BARS = """
[...document.querySelector('.chart').querySelectorAll('rect.served')]
    .map(bar => bar.getBoundingClientRect().height)
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the page of a week with a bit of everything, and with long names."""
    logs = Logs(tmp_path_factory.mktemp("logs"), files={"size_limit": 100 * M})
    long = "a-name-that-goes-on-and-on-as-those-of-internal-services-do-client"
    for day in range(7):
        at = NOON - day * DAY
        for place, project in enumerate(("numpy", "torch", "requests", long)):
            path = wheel(f"{project.replace('-', '_')}-1.0-py3-none-any.whl", str(place))
            logs.answered(*[answer(path, bytes=(day + 1) * 10**7, at=at)] * (9 - 2 * place))
            logs.answered(missed(path, bytes=10**7, at=at - HOUR))
            logs.fetched(fetch(path, bytes=str(10**7), at=at - HOUR))
        logs.answered(
            answer("/simple/none/", status=404, bytes=60, at=at),
            answer("/simple/numpy/", status=503, cache="", upstream_status="502", at=at),
            answer("/search", cache="", upstream_status="200", bytes=9000, at=at),
            streamed(wheel("torch-9.0.zip"), bytes=150 * M, at=at),
        )
        logs.fetched(fetch(wheel("torch-9.0.zip"), bytes=str(150 * M), cache="", at=at))
    return as_html(reported(logs, *TABLES))


@pytest.fixture(scope="module")
def url(page: str) -> Iterator[str]:
    with served(page) as url:
        yield url


@contextmanager
def served(page: str) -> Iterator[str]:
    """Serve a page with the header fields that the role's nginx.conf has for it."""
    locations = server(nginx.rendered(**HOSTS), "cellar.example").all("location")
    (location,) = [each for each in locations if name(each) == "= /report.html"]
    header = [(field, value) for field, value, *_ in location.values("add_header")]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/report.html" else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            for field, value in header:
                self.send_header(field, value)
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}/report.html"
        httpd.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with opened_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_of_the_page_is_cut_off_and_it_asks_for_nothing(
    browser: Browser, url: str, width: int, scheme: str
) -> None:
    """Its picture is in .cellar/report, to be looked at."""
    browser.show(url, width=width, scheme=scheme)
    browser.photograph(PICTURES / f"{width}-{scheme}.png")
    assert browser.evaluate("innerWidth") == width
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(CUT_OFF) == []
    asked = [e for e in browser.events if e["method"] == "Network.requestWillBeSent"]
    # Browsers look for an icon by themselves.
    urls = {e["params"]["request"]["url"] for e in asked} - {
        url.replace("report.html", "favicon.ico")
    }
    assert urls == {url}
    background = "getComputedStyle(document.body).backgroundColor"
    assert browser.evaluate(background) == SCHEMES[scheme], "the style does not count"
    said = [e["params"] for e in browser.events if e["method"] == "Log.entryAdded"]
    assert [each for each in said if "favicon" not in str(each)] == []


def test_bars_are_as_high_as_what_they_show(browser: Browser, url: str) -> None:
    browser.show(url, width=1400, scheme="light")
    heights = browser.evaluate(BARS)
    # The oldest day stands first; see the lines above.
    rest = 4 * 10**7 + 150 * M + 60 + 9000 + 1000
    served = [24 * day * 10**7 + rest for day in range(7, 0, -1)]
    assert heights[0] > 100
    shares = [height / heights[0] for height in heights]
    assert shares == pytest.approx([count / served[0] for count in served], abs=0.01)


def test_numbers_by_day_can_be_opened(browser: Browser, url: str) -> None:
    browser.show(url, width=390, scheme="light")
    is_shown = "document.querySelector('details table').checkVisibility()"
    assert not browser.evaluate(is_shown)
    browser.evaluate("document.querySelector('summary').click()")
    assert browser.evaluate(is_shown)


def test_a_report_of_nothing_can_be_looked_at(browser: Browser, tmp_path: Path) -> None:
    with served(as_html(reported(Logs(tmp_path), *TABLES))) as url:
        browser.show(url, width=390, scheme="dark")
        browser.photograph(PICTURES / "nothing.png")
        assert browser.evaluate(CUT_OFF) == []
