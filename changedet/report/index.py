"""The index of a batch: one page, one table and one document for many towns."""

from __future__ import annotations

from changedet.report.summary import summary_rows
from changedet.report.towns.document import index_document
from changedet.report.towns.entry import TownEntry
from changedet.report.towns.page import render_index

__all__ = ["TownEntry", "index_document", "render_index", "summary_rows"]
