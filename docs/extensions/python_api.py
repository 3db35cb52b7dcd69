"""Docstrings as pages: they are plain text, and every public name must have one."""

import pathlib

import plain_text
import public_names
from sphinx.util import logging

LOG = logging.getLogger(__name__)
_REFERENCE = "reference/README"


def setup(app):
    app.connect("autodoc-process-docstring", _as_rst)
    app.connect("builder-inited", _check)
    app.connect("source-read", _list_losses)
    return {"version": "1", "parallel_read_safe": True}


def _as_rst(app, what, name, object, options, lines):
    text = getattr(object, "__doc__", None)
    has_own = isinstance(text, str) and what != "attribute"
    lines[:] = plain_text.to_rst(_dedented(text) if has_own else "\n".join(lines), "python")


def _dedented(text):
    """A docstring without its margin, which is that of its last line. (autodoc's own takes code for the margin.)"""
    first, *rest = text.expandtabs().split("\n")
    if not rest:
        return first
    margins = [len(line) - len(line.lstrip()) for line in rest if line.strip()]
    margin = len(rest[-1]) if not rest[-1].strip() else min(margins, default=0)
    return "\n".join([first.lstrip(), *(line[margin:] for line in rest)])


def _check(app):
    """Warns of public modules without a page, and of their names without a docstring."""
    pages = "\n".join(path.read_text() for path in (pathlib.Path(app.srcdir) / "api/python").glob("*.rst"))
    for name in public_names.modules():
        if f"automodule:: {name}\n" not in pages:
            LOG.warning("%s has no page in docs/api/python", name, type="python", subtype="undocumented")
    for name in public_names.undocumented():
        LOG.warning("%s has no docstring", name, type="python", subtype="undocumented")


def _list_losses(app, docname, source):
    """The table of losses is generated, and has no list of pages for the sidebar."""
    if docname == _REFERENCE:
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\n*\n```\n"
