"""What was served and what it saved, by day and by project: as text, as JSON and as one page."""

from cellar.report.contents import Report, Wanted, report_on
from cellar.report.document import as_json
from cellar.report.figures import By
from cellar.report.page import as_html
from cellar.report.span import Span, day_at
from cellar.report.text import as_text

__all__ = ["By", "Report", "Span", "Wanted", "as_html", "as_json", "as_text", "day_at", "report_on"]
