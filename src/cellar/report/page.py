"""The report as one page of HTML: no scripts, and nothing from elsewhere."""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from xml.etree.ElementTree import Element

from cellar.report.charts import Bars, bar_chart, scale, share_bar
from cellar.report.columns import columns
from cellar.report.contents import Report
from cellar.report.figures import By, Figures, Row, Table
from cellar.report.markup import Content, document, tag
from cellar.report.text import counted, name_of
from cellar.units import number, percentage, size

#: What the page has tables of.
TABLES = (By.DAY, By.PROJECT, By.KIND, By.DOOR, By.UPSTREAM)

_HEADINGS = {
    By.DAY: "Day by day",
    By.PROJECT: "Projects",
    By.KIND: "Kinds of requests",
    By.DOOR: "Doors",
    By.UPSTREAM: "Upstreams",
}
# Where bars show of what was served which part was fetched.
_SAVINGS = {By.PROJECT, By.KIND}
_FULL = 100.0
_CSS = files("cellar.report").joinpath("report.css").read_text(encoding="utf-8")
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_CSS.encode()).digest()).decode()}'"
)


def as_html(report: Report) -> str:
    """Return the page; the report has to have all of TABLES."""
    title = f"{report.appliance}: what it served and saved"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="robots", content="noindex"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("title", title),
        tag("style", _CSS),
    )
    span = report.span
    main = tag(
        "main",
        tag(
            "header",
            tag("h1", report.appliance),
            tag(
                "p",
                f"What it served and saved from {span.first} to {span.last}, UTC."
                f" {counted(report)}",
            ),
        ),
        _tiles(report.total),
        _days(report),
        _suggestions(report),
        _not_cached(report),
        *[_section(report, by) for by in TABLES if by is not By.DAY],
        _words(),
    )
    return document(tag("html", head, tag("body", main), lang="en"))


def _tiles(total: Figures) -> Element:
    tiles = [
        ("Served", size(total.served), f"{number(total.requests)} requests"),
        ("Fetched", size(total.fetched), f"{number(total.fetches)} requests to upstream"),
        ("Saved", size(total.saved), _share_saved(total)),
        ("Hit ratio", percentage(total.hit_ratio), f"{number(total.hits)} from the cache"),
    ]
    return tag(
        "dl",
        *[
            tag("div", tag("dt", name), tag("dd", tag("strong", value), tag("span", more)))
            for name, value, more in tiles
        ],
        class_="tiles",
    )


def _share_saved(total: Figures) -> str:
    if not total.served or total.saved is None:
        return "nothing was served"
    return f"{percentage(max(0.0, total.saved / total.served))} of what was served"


def _days(report: Report) -> Element:
    rows = report.tables[By.DAY].rows
    bytes_titles = [
        f"{row.name}: {size(row.figures.served)} served, {size(row.figures.fetched)} fetched"
        for row in rows
    ]
    served = [float(row.figures.served or 0) for row in rows]
    fetched = [float(row.figures.fetched or 0) for row in rows]
    ratios = [(row.figures.hit_ratio or 0.0) * _FULL for row in rows]
    ratio_titles = [
        f"{row.name}: {percentage(row.figures.hit_ratio)} from the cache" for row in rows
    ]
    lines = scale(max(served + fetched))
    return tag(
        "section",
        tag("h2", _HEADINGS[By.DAY]),
        _figure(
            "Bytes by day",
            tag("p", _key("served", "served"), " ", _key("fetched", "fetched"), class_="legend"),
            bar_chart(
                "Bytes served and fetched by day",
                [Bars("served", served, bytes_titles), Bars("fetched", fetched, bytes_titles)],
                lines,
            ),
            [size(line) for line in lines],
            rows,
        ),
        _figure(
            "Hit ratio by day",
            None,
            bar_chart(
                "Share of answers from the cache by day",
                [Bars("ratio", ratios, ratio_titles)],
                [0.0, 25.0, 50.0, 75.0, _FULL],
            ),
            ["0 %", "25 %", "50 %", "75 %", "100 %"],
            rows,
        ),
        tag(
            "details",
            tag("summary", "Numbers by day"),
            _table(report.tables[By.DAY], report.total, bars=False),
        ),
    )


def _figure(
    caption: str, legend: Element | None, chart: Element, lines: Sequence[str], rows: Sequence[Row]
) -> Element:
    labels = [tag("span", line) for line in reversed(lines)]
    days = [rows[0].name, rows[-1].name] if len(rows) > 1 else [rows[0].name]
    return tag(
        "figure",
        tag("figcaption", caption),
        *([] if legend is None else [legend]),
        tag(
            "div",
            tag("div", *labels, class_="scale", aria_hidden="true"),
            tag("div", chart, class_="plot"),
            tag("div", *[tag("span", day) for day in days], class_="ends", aria_hidden="true"),
            class_="frame",
        ),
    )


def _key(role: str, word: str) -> Element:
    return tag("span", tag("span", class_=f"key {role}", aria_hidden="true"), word, class_="entry")


def _section(report: Report, by: By) -> Element:
    table = report.tables[by]
    content: list[Content] = [tag("p", "Nothing.")]
    if table.rows:
        content = [_table(table, report.total, bars=True)]
    if table.rows and by in _SAVINGS:
        keys = _key("fetched", "fetched"), " ", _key("served", "saved")
        content.insert(0, tag("p", *keys, class_="legend"))
    return tag("section", tag("h2", _HEADINGS[by]), *content)


def _table(table: Table, total: Figures, *, bars: bool) -> Element:
    """Return figures as a table; with bars, of the greatest row's bytes."""
    greatest = max((max(_bytes(row.figures)) for row in table.rows), default=0) or 1
    rows = [
        tag(
            "tr",
            tag(
                "th",
                name_of(table, row.name),
                *([_bar(row.figures, greatest)] if bars else []),
                scope="row",
            ),
            *_cells(table.by, row.figures),
        )
        for row in table.rows
    ]
    head = [tag("th", table.by.value.capitalize(), scope="col")]
    head += [tag("th", column.heading.capitalize(), scope="col") for column in columns(table.by)]
    foot = tag("tr", tag("th", "All", scope="row"), *_cells(table.by, total))
    return tag(
        "div",
        tag(
            "table",
            tag("thead", tag("tr", *head)),
            tag("tbody", *rows),
            tag("tfoot", foot),
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=f"{_HEADINGS[table.by]}, in numbers",
    )


def _bytes(figures: Figures) -> tuple[int, int]:
    return figures.served or 0, figures.fetched or 0


def _bar(figures: Figures, greatest: int) -> Element:
    """Return a bar of what was saved and what was fetched; together they are what was served."""
    served, fetched = _bytes(figures)
    saved = max(0, served - fetched) if figures.fetched is not None else served
    return share_bar([("fetched", fetched / greatest), ("served", saved / greatest)])


def _cells(by: By, figures: Figures) -> list[Element]:
    return [tag("td", column.cell(figures)) for column in columns(by)]


def _not_cached(report: Report) -> Element:
    greatest = max((each.requests for each in report.not_cached), default=0) or 1
    rows = [
        tag(
            "tr",
            tag("th", each.why, share_bar([("fetched", each.requests / greatest)]), scope="row"),
            tag("td", number(each.requests)),
            tag("td", size(each.bytes)),
            tag("td", tag("code", each.rule) if each.rule else "", class_="word"),
        )
        for each in report.not_cached
    ]
    head = [
        tag("th", "Why", scope="col"),
        tag("th", "Requests", scope="col"),
        tag("th", "Bytes", scope="col"),
        tag("th", "Setting or rule", scope="col", class_="word"),
    ]
    content: Content = tag(
        "div",
        tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows)),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label="What was not cached, and why, in numbers",
    )
    if not rows:
        content = tag("p", "Everything came from the cache, or went into it.")
    return tag("section", tag("h2", "What was not cached, and why"), content)


def _suggestions(report: Report) -> Element:
    items = [tag("li", each.sentence) for each in report.suggestions]
    content = (
        tag("ul", *items) if items else tag("p", "None: the limits and sizes fit what was seen.")
    )
    return tag("section", tag("h2", "Suggestions"), content, class_="suggestions")


def _words() -> Element:
    """Return what the words mean."""
    meanings = {
        "Served": "bytes of bodies that clients got.",
        "Fetched": "bytes of bodies that upstream sent, whoever asked for them.",
        "Saved": "served less fetched. It is negative where more was fetched than served.",
        "From cache": "answers that the cache had, also those that upstream was asked to confirm.",
        "Hit ratio": "their share of the answers that the cache can have a part in: pages, lists, "
        "documents, files and metadata that clients were given.",
        "Evicted soon": "files that were fetched again within thirty days of their last use.",
    }
    terms = [
        each for word, words in meanings.items() for each in (tag("dt", word), tag("dd", words))
    ]
    return tag("footer", tag("h2", "Words"), tag("dl", *terms, class_="words"))
