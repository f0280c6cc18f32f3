"""Texts made safe for the format that they are put into."""

from __future__ import annotations


def for_markdown(text: str) -> str:
    """``text`` with what Markdown and HTML would interpret made plain."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
    return plain.replace("\n", " ").strip()
