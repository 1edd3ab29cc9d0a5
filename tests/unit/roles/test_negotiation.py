"""The form of a project page is the one that the client asked for: nginx itself decides here."""

from __future__ import annotations

import re
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.rendering import render_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    # Accept lines of a request and its query; gives form, a space, media type.
    Ask = Callable[..., str]

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
LATEST_JSON = "application/vnd.pypi.simple.latest+json"
LATEST_HTML = "application/vnd.pypi.simple.latest+html"

AS_JSON = "json"
AS_HTML = f"html {HTML}"
AS_TEXT = "html text/html; charset=utf-8"

# What real clients send, measured.
CLIENTS = {
    "pip 26.3": (f"{JSON}, {HTML}; q=0.1, text/html; q=0.01", AS_JSON),
    "pip 20": ("text/html", AS_TEXT),
    "uv": (f"{JSON}, {HTML};q=0.2, text/html;q=0.01", AS_JSON),
    "Poetry, PyPI source": (JSON, AS_JSON),
    "Poetry, another source": (f"{JSON}, */*;q=0.1", AS_JSON),
    "PDM": (f"{JSON}, {HTML};q=0.1, text/html;q=0.01", AS_JSON),
    "requests, curl, wget": ("*/*", AS_TEXT),
    "a browser": (
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
        AS_TEXT,
    ),
}

# RFC 9110 sections 12.4.2 and 12.5.1, PEP 691.
STANDARD = {
    "only the new name of HTML": (HTML, AS_HTML),
    "latest JSON": (LATEST_JSON, AS_JSON),
    "latest HTML": (LATEST_HTML, AS_HTML),
    "upper case": (JSON.upper(), AS_JSON),
    "upper case weight": (f"{JSON};Q=0.3, TEXT/HTML;Q=0.4", AS_TEXT),
    "no space at all": (f"text/html;q=0.5,{JSON};q=0.9", AS_JSON),
    "odd spacing": (f"  text/html ;  q=0.5 ,\t{JSON} ;\tq=0.9  ", AS_JSON),
    "empty members of the list": (f", ,text/html;q=0.5,, {JSON};q=0.9,", AS_JSON),
    "weight 1 in full": (f"{JSON};q=1.000, text/html;q=0.999", AS_JSON),
    "weight of three digits": (f"{JSON};q=0.250, text/html;q=0.125", AS_JSON),
    "HTML preferred": (f"{JSON};q=0.5, text/html", AS_TEXT),
    "HTML preferred by a tenth": (f"{JSON};q=0.8, text/html;q=0.9", AS_TEXT),
    "JSON preferred by a tenth": (f"{JSON};q=0.2, text/html;q=0.1", AS_JSON),
    "HTML preferred, both small": (f"{JSON};q=0.01, text/html;q=0.1", AS_TEXT),
    "JSON preferred, both small": (f"text/html;q=0.01, {JSON};q=0.1", AS_JSON),
    "JSON wanted as little as can be": (f"{JSON};q=0.001", AS_JSON),
    "the best of two names of JSON": (
        f"{JSON};q=0.1, {LATEST_JSON};q=0.9, text/html;q=0.5",
        AS_JSON,
    ),
    "the best of two names of HTML": (f"{JSON};q=0.5, text/html;q=0.1, {HTML};q=0.9", AS_HTML),
    "the old name of HTML before the new": (f"text/html, {HTML};q=0.1", AS_TEXT),
    "the new name of HTML before the old": (f"text/html;q=0.3, {HTML};q=0.4", AS_HTML),
    "JSON refused": (f"{JSON};q=0, text/html;q=0.1", AS_TEXT),
    "JSON refused in full": (f"{JSON};q=0.000, text/html;q=0.001", AS_TEXT),
    "HTML refused": (f"text/html;q=0, {JSON};q=0.1", AS_JSON),
    "the new name of HTML refused": (f"{HTML};q=0, text/html;q=0.2", AS_TEXT),
    "anything rather than JSON": (f"{JSON};q=0.5, */*", AS_TEXT),
    "any text rather than JSON": (f"{JSON};q=0.5, text/*;q=0.6", AS_TEXT),
    "anything, but JSON first": (f"*/*;q=0.8, {JSON}", AS_JSON),
    "what is named in full wins over a range": (f"{JSON};q=0.5, text/html;q=0.1, */*", AS_JSON),
    "HTML refused in full, anything else": (f"{JSON};q=0.5, text/html;q=0.0, */*", AS_JSON),
    "any text wins over anything": (f"{JSON};q=0.5, text/*;q=0.4, */*", AS_JSON),
    "JSON preferred by a hundredth": (f"text/html;q=0.54, {JSON};q=0.55", AS_JSON),
    "HTML preferred by a hundredth": (f"{JSON};q=0.54, text/html;q=0.55", AS_TEXT),
    "JSON preferred by a thousandth": (f"text/html;q=0.998, {JSON};q=0.999", AS_JSON),
    "HTML preferred by a thousandth": (f"{JSON};q=0.1, {HTML};q=0.101", AS_HTML),
    "the best of two names, digit by digit": (
        f"{JSON};q=0.19, {LATEST_JSON};q=0.21, text/html;q=0.25",
        AS_TEXT,
    ),
    "parameters of a type": (f"{JSON};charset=utf-8;q=0.2, text/html;level=1;q=0.1", AS_JSON),
    "an extension after the weight": (f"{JSON};q=0.2;a=b, text/html;q=0.1;c=d", AS_JSON),
    "named twice, the first counts": (f"{JSON};q=0.1, text/html;q=0.5, {JSON}", AS_TEXT),
    "a weight that is none": (f"{JSON};q=high, text/html;q=0.001", AS_TEXT),
    "a weight above 1": (f"{JSON};q=1.5, text/html;q=0.001", AS_TEXT),
}

# PyPI answers what cannot be met with text/html, never 406.
UNMET = {
    "nothing known": ("image/png", AS_TEXT),
    "empty": ("", AS_TEXT),
    "plain JSON": ("application/json", AS_TEXT),
    "any application": ("application/*", AS_TEXT),
    "another version": ("application/vnd.pypi.simple.v2+json", AS_TEXT),
    "a longer name": (f"{JSON}x", AS_TEXT),
    "a name in another's middle": (f"x{JSON}", AS_TEXT),
    "dots are dots": ("application/vndXpypiXsimpleXv1+json", AS_TEXT),
    "everything refused": (f"{JSON};q=0, {HTML};q=0, text/html;q=0, */*;q=0", AS_TEXT),
    "not a list at all": ("\x7f;;;=,", AS_TEXT),
}

# ?format= wins over Accept (PEP 691), whether its plus and slash are encoded or not.
FORMATS = {
    "JSON": (f"format={JSON}", "text/html", AS_JSON),
    "JSON, encoded": ("format=application%2Fvnd.pypi.simple.v1%2Bjson", "text/html", AS_JSON),
    "JSON, encoded in lower case": (
        "format=application%2fvnd.pypi.simple.v1%2bjson",
        "text/html",
        AS_JSON,
    ),
    "latest JSON": (f"format={LATEST_JSON}", "*/*", AS_JSON),
    "the new name of HTML": (f"format={HTML}", JSON, AS_HTML),
    "the old name of HTML": ("format=text/html", f"{JSON}, {HTML};q=0.1", AS_TEXT),
    "the old name of HTML, encoded": ("format=text%2Fhtml", f"{JSON}, {HTML};q=0.1", AS_TEXT),
    "among others": (f"a=b&format={JSON}&c=d", "text/html", AS_JSON),
    "another parameter": (f"reformat={JSON}", "text/html", AS_TEXT),
    "empty": ("format=", JSON, AS_JSON),
}


@pytest.fixture(scope="module")
def ask(nginx_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Start nginx with the role's maps behind a Unix socket; give a function that asks it."""
    directory = tmp_path_factory.mktemp("n")
    maps = render_text(
        "nginx", "#jinja2: lstrip_blocks: True\n{% include 'nginx.conf/negotiation.j2' %}"
    )
    temporary = "".join(
        f"{kind}_temp_path {directory};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (directory / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {directory}/pid; error_log stderr notice;\n"
        "events { }\n"
        f"http {{\n{temporary}access_log off; map_hash_bucket_size 512;\n{maps}\n"
        f"server {{ listen unix:{directory}/s; return 200 '$page_form $html_type'; }}\n}}\n"
    )
    command = [str(nginx_program), "-p", str(directory), "-e", "stderr"]
    command += ["-c", f"{directory}/nginx.conf"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:  # ends when nginx does
            said.append(line)
            if "start worker process " in line:
                break
        else:
            pytest.fail("nginx did not start:\n" + "".join(said))

        def get(*accept: str, query: str = "") -> str:
            lines = [f"GET /?{query} HTTP/1.1", "Host: index.example", "Connection: close"]
            lines += [f"Accept: {value}" for value in accept]
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(10)
                connection.connect(f"{directory}/s")
                connection.sendall("\r\n".join([*lines, "", ""]).encode())
                with connection.makefile("rb") as stream:
                    head, _, body = stream.read().decode().partition("\r\n\r\n")
            assert head.startswith("HTTP/1.1 200 "), head
            return body

        yield get
        process.terminate()


def _answers(answer: str, expected: str) -> bool:
    """Return whether form and media type are the expected; JSON's type is not a map's business."""
    return answer == expected or (expected == AS_JSON and answer.startswith(f"{AS_JSON} "))


@pytest.mark.parametrize(
    ("accept", "expected"), [pytest.param(*case, id=name) for name, case in CLIENTS.items()]
)
def test_real_clients_get_the_form_that_they_read(ask: Ask, accept: str, expected: str) -> None:
    answer = ask(accept)

    assert _answers(answer, expected), answer


@pytest.mark.parametrize(
    ("accept", "expected"), [pytest.param(*case, id=name) for name, case in STANDARD.items()]
)
def test_the_form_with_the_greatest_weight_is_chosen(ask: Ask, accept: str, expected: str) -> None:
    answer = ask(accept)

    assert _answers(answer, expected), answer


@pytest.mark.parametrize(
    ("accept", "expected"), [pytest.param(*case, id=name) for name, case in UNMET.items()]
)
def test_who_asks_for_what_there_is_not_gets_html(ask: Ask, accept: str, expected: str) -> None:
    answer = ask(accept)

    assert _answers(answer, expected), answer


def test_who_names_no_form_gets_html(ask: Ask) -> None:
    assert ask() == AS_TEXT


@pytest.mark.parametrize("accept", [f"{JSON}, text/html", f"text/html, {JSON}", f"*/*, {JSON}"])
def test_who_wants_json_as_much_as_html_gets_json(ask: Ask, accept: str) -> None:
    """It is the smaller form to parse, and the only one that gains keys (PEP 833)."""
    assert _answers(ask(accept), AS_JSON)


def weights(accept: str) -> dict[str, int]:
    """Return the weight of every name of a header, in thousandths; the first mention counts."""
    found: dict[str, int] = {}
    for member in accept.lower().split(","):
        name, *parameters = (part.strip(" \t") for part in member.split(";"))
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        if re.fullmatch(r"1(?:\.0*)?", weight):
            found.setdefault(name, 1000)
        elif re.fullmatch(r"0?\.[0-9]+", weight):
            found.setdefault(name, int(weight.partition(".")[2][:3].ljust(3, "0")))
        else:
            found.setdefault(name, 0)
    return found


def reference(accept: str) -> str:
    """Return the answer by RFC 9110 section 12.5.1 and PEP 691, and by PyPI's default."""
    of = weights(accept)
    text = next((of[name] for name in ("text/html", "text/*", "*/*") if name in of), 0)
    html = max(of.get(HTML, 0), of.get(LATEST_HTML, 0))
    json = max(of.get(JSON, 0), of.get(LATEST_JSON, 0))
    if json > 0 and json >= max(html, text):
        return AS_JSON
    return AS_HTML if html > 0 and html >= text else AS_TEXT


def test_every_thousandth_counts(ask: Ask) -> None:
    """Each weight against its neighbours, for both kinds of HTML."""
    for thousandths in range(1001):
        for other in {max(thousandths - 1, 0), thousandths, min(thousandths + 1, 1000)}:
            for name in (HTML, "text/html"):
                accept = f"{JSON};q={thousandths / 1000:.3f}, {name};q={other / 1000:.3f}"
                answer = ask(accept)
                assert _answers(answer, reference(accept)), accept


_spaces = st.sampled_from(["", "", " ", "\t", "  "])
_names = st.sampled_from(
    [JSON, LATEST_JSON, HTML, LATEST_HTML, "text/html", "text/*", "*/*", JSON.upper()]
) | st.sampled_from(["application/*", "application/json", f"{JSON}x", "text/htm"])
_decimals = st.from_regex(r"\A(?:0?\.[0-9]{1,4}|0\.?|1|1\.0{0,4})\Z")
_weights = _decimals | st.sampled_from(["", "1.5", "2", "-1", "high", "0.5x", "0,5"])
_members = st.builds(
    lambda lead, name, gap, parameter, weight, end: lead + name + gap + parameter + weight + end,
    _spaces,
    _names,
    _spaces,
    st.sampled_from(["", "", "", ";a=b", "; charset=utf-8 ", ";quality=0.9"]),
    st.just("") | st.builds("{}q={}".format, st.sampled_from([";", "; ", ";\tQ=0.3;"]), _weights),
    _spaces,
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_members | st.sampled_from(["", " "]), max_size=6).map(",".join))
def test_whatever_is_asked_is_weighed_as_the_standard_says(ask: Ask, accept: str) -> None:
    answer = ask(accept)

    assert _answers(answer, reference(accept)), answer


@pytest.mark.parametrize("accept", [accept for accept, _ in CLIENTS.values()])
def test_the_table_of_known_clients_agrees_with_the_weighing(ask: Ask, accept: str) -> None:
    """A member that matters to nobody makes another header of it, which is not in the table."""
    assert ask(accept) == ask(f"{accept}, image/x-none;q=0.001")


@pytest.mark.parametrize(
    ("query", "accept", "expected"),
    [pytest.param(*case, id=name) for name, case in FORMATS.items()],
)
def test_the_format_parameter_wins_over_accept(
    ask: Ask, query: str, accept: str, expected: str
) -> None:
    answer = ask(accept, query=query)

    assert _answers(answer, expected), answer
