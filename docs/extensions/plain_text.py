"""Turns comments and docstrings, which are plain text in this project, into reStructuredText."""

import itertools
import re
import textwrap

_MARKUP = re.compile(r"([\\*_|`<>])")
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_TITLE = re.compile(r"^[A-Z][\w ,'()]*:$")
_ITEM = re.compile(r"^([\w., ]+?): (.*)$")
_LABELLED = re.compile(r"^([A-Z][\w ]{2,30}): (.+)$")
_LIST_MARK = re.compile(r"^(?:[-+*•]|\(?(?:\w|\d+)[.)]|:\w[^:]*:|\.\.|>>>)(?= |$)")


def inline(text):
    """One paragraph in one line; `names` in backquotes become code, everything else is taken as it is written."""
    parts = _CODE.split(" ".join(text.split()))
    escaped = [f"``{part}``" if i % 2 else _MARKUP.sub(r"\\\1", part) for i, part in enumerate(parts)]
    line = escaped[0]
    for before, part in itertools.pairwise(escaped):
        # Inline code needs a boundary on both sides; "\ " is one that is not shown.
        line += part if not before or before[-1:].isspace() or part[:1].isspace() else "\\ " + part
    line = re.sub(r":(:)$", r"\1", line)
    return "\\" + line if _LIST_MARK.match(line) else line


def to_rst(text, language):
    """The lines of reStructuredText for a plain text; its indented parts are code in `language`, or lists of items."""
    lines, title = [], ""
    for is_indented, block in _blocks(text.expandtabs().splitlines()):
        content = textwrap.dedent("\n".join(block))
        if is_indented and title and all(_ITEM.match(item) for item in _items(content)):
            lines += [line for item in _items(content) for line in (_shown(item), "")]
        elif is_indented:
            lines += [f".. code-block:: {language}", "", *textwrap.indent(content, "   ").splitlines(), ""]
        elif len(block) > 1 and all(_LABELLED.match(line) for line in block):
            lines += [line for item in block for line in (_shown(item, ""), "")]
        else:
            *above, last = block
            title = last if _TITLE.match(last) else ""
            for bullet in re.split(r"(?m)^(?=- )", "\n".join(above if title else block)):
                if bullet.strip():
                    lines += ["- " + inline(bullet[2:]) if bullet.startswith("- ") else inline(bullet), ""]
            if title:
                lines += [f"**{inline(title[:-1])}**", ""]
    return lines


def _blocks(lines):
    """(whether indented, lines) of each stretch between blank lines or changes of indentation."""
    block, was_indented = [], False
    for line in [*lines, ""]:
        in_bullet = block and not was_indented and any(each.startswith("- ") for each in block)
        is_indented = line.startswith("  ") and not in_bullet
        if block and (not line.strip() and not was_indented or line.strip() and is_indented != was_indented):
            yield was_indented, _trimmed(block)
            block = []
        if line.strip() or block:
            block.append(line)
            was_indented = is_indented if line.strip() else was_indented
    if block:
        yield was_indented, _trimmed(block)


def _trimmed(block):
    while not block[-1].strip():
        block = block[:-1]
    return block


def _items(content):
    """The items of a list: each begins at the margin, and its later lines are indented."""
    return [" ".join(item.split()) for item in re.split(r"\n(?=\S)", content)]


def _shown(item, mark="- "):
    name, text = item.split(": ", 1)
    return f"{mark}**{inline(name)}**: {inline(text)}"
