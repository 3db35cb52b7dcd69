"""`.. cpp-header:: perdita/tensor/autograd.hpp` shows what a header declares, `.. cpp-losses::` the loss types.

A public name without a comment is a warning, and so an error of the build.
"""

import itertools
import pathlib
import re

import cpp_headers
import plain_text
from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LOG = logging.getLogger(__name__)
_ENTRY = re.compile(r"\bX\(([A-Z]\w*), (\w+), (\w+)\)")
_PARAMETER = re.compile(r'parameter<&\w+::(\w+)>\(\s*"\w+",\s*((?:"[^"]*"\s*)+)')
_MANY = 4  # from so many names on the functions that share a comment are listed below it
_OBJECT_TYPES = {
    "function": "function", "variable": "var", "typedef": "type", "enum": "enum", "class": "class", "struct": "class",
}  # fmt: skip


def setup(app):
    app.add_directive("cpp-header", Header)
    app.add_directive("cpp-losses", Losses)
    app.connect("builder-inited", _read)
    return {"version": "1", "parallel_read_safe": True}


def _read(app):
    root = pathlib.Path(app.srcdir).parent
    app.env.cpp_root = root
    app.env.cpp_headers = cpp_headers.read(root, pathlib.Path(app.doctreedir) / "doxygen")
    entries = _ENTRY.findall((root / "perdita/losses/list.hpp").read_text())
    pages = {path.stem for path in (root / "docs/reference").glob("*.md")}
    app.env.cpp_losses = [
        (structure, function, module, name)
        for structure, function, module in entries
        for name in [_reference_page(app.env.cpp_headers, structure, pages)]
    ]


def _reference_page(headers, structure, pages):
    for declarations in headers.values():
        for declaration in declarations:
            if declaration.name == f"perdita::{structure}":
                info = " ".join(member.text for member in declaration.members if member.name.endswith("::info"))
                name = re.search(r'\.name = "(\w+)"', info)
                return name[1] if name and name[1] in pages else None
    return None


class _Shown(SphinxDirective):
    def text(self, text, language="cpp"):
        return self.parse_text_to_nodes("\n".join(plain_text.to_rst(text, language)))

    def entry(self, declarations, content):
        """A description of declarations that share it."""
        shown = addnodes.desc(domain="cpp", objtype=_OBJECT_TYPES[declarations[0].kind], noindex=False, classes=["cpp"])
        shown["no-contents-entry"] = False
        for declaration in declarations:
            shown += self.signature(declaration)
        shown += addnodes.desc_content("", *content)
        return [addnodes.index(entries=self.index_entries(shown, declarations)), shown]

    def signature(self, declaration):
        short = declaration.name.rsplit("::", 1)[-1]
        signature = addnodes.desc_signature("", "", is_multiline="\n" in declaration.text)
        *template, line = declaration.text.split("\n")
        position = re.search(rf"(?<![\w:])(?:{re.escape(declaration.name)}|{re.escape(short)})(?![\w])", line)
        start, end = position.span() if position else (0, 0)
        target = [addnodes.desc_sig_element("", text) for text in template]
        parts = [
            addnodes.desc_sig_keyword_type("", line[:start]),
            addnodes.desc_name("", line[start:end]),
            addnodes.desc_sig_element("", line[end:]),
        ]
        if template:
            signature += [addnodes.desc_signature_line("", "", element) for element in target]
            signature += addnodes.desc_signature_line("", "", *parts)
        else:
            signature += parts
        name_id = nodes.make_id("cpp-" + declaration.name.removeprefix("perdita::"))
        if name_id not in self.state.document.ids and declaration.kind != "variable":
            signature["ids"].append(name_id)
            self.state.document.note_explicit_target(signature)
            signature["_toc_name"] = short
            signature["_toc_parts"] = (declaration.name,)
        else:
            signature["_toc_name"] = ""
        return signature

    def index_entries(self, shown, declarations):
        return [
            ("single", f"{declaration.name.removeprefix('perdita::')} (C++)", signature["ids"][0], "", None)
            for signature, declaration in zip(shown, declarations, strict=False)
            if signature["ids"]
        ]


class Header(_Shown):
    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self):
        result = []
        for header in self.arguments[0].split():
            path = self.env.cpp_root / header
            self.env.note_dependency(str(path))
            if not path.is_file():
                raise self.error(f"header {header} was not found")
            self.introduction = cpp_headers.introduction(path)
            self.add_comments(self.env.cpp_headers.get(header, []))
            include = nodes.literal_block("", f"#include <{header}>", language="cpp")
            result += [include, *self.text(self.introduction), *self.groups(self.env.cpp_headers.get(header, []))]
        return result

    def add_comments(self, declarations):
        """The content of the directive, lines of `name: text`, comments names that the header leaves without."""
        for line in self.content:
            name, text = line.split(": ", 1)
            named = [
                each
                for declaration in declarations
                for each in (declaration, *declaration.members)
                if each.name.removeprefix("perdita::") == name
            ]
            if not named or any(each.comment not in ("", text) for each in named):
                raise self.error(f"{self.arguments[0]} has no {name}, or has a comment for it")
            for each in named:
                each.comment = text

    def groups(self, declarations):
        result = []
        for key, group in itertools.groupby(declarations, lambda each: (each.comment_line, bool(each.members))):
            group = list(group)
            names = list(dict.fromkeys(each.name for each in group))
            if key[0] and len(names) > _MANY:
                result += self.text(group[0].comment)
                for name in names:
                    same = [each for each in group if each.name == name]
                    result += self.entry(same, self.reference_of(name))
            elif key[0] and not key[1]:
                links = [node for name in names for node in self.reference_of(name)]
                result += self.entry(group, [*self.text(group[0].comment), *links])
            else:
                for each in group:
                    result += self.single(each)
        return result

    def single(self, declaration):
        if not declaration.is_documented and not self.is_introduced(declaration):
            place = f"{declaration.header}:{declaration.line}"
            LOG.warning("%s: %s has no comment", place, declaration.name, type="cpp", subtype="undocumented")
        content = self.text(declaration.comment)
        own_names = re.escape(declaration.name.rsplit("::", 1)[-1])
        for _, group in itertools.groupby(declaration.members, lambda each: each.comment_line or -each.line):
            group = list(group)
            if not re.search(rf"{own_names}|operator|override", group[0].text):
                self.check_member(group[0], declaration)
            content += self.entry(group, self.text(group[0].comment))
        return self.entry([declaration], content)

    def check_member(self, member, declaration):
        """Fields say what they are by name and default; functions need a comment, or a title above them."""
        if member.kind == "function" and not member.is_documented:
            place = f"{member.header}:{member.line}"
            LOG.warning("%s: %s has no comment", place, member.name, type="cpp", subtype="undocumented")

    def is_introduced(self, declaration):
        return re.search(rf"\b{re.escape(declaration.name.rsplit('::', 1)[-1])}\b", self.introduction)

    def reference_of(self, name):
        short = name.rsplit("::", 1)[-1]
        for _, function, module, page in self.env.cpp_losses:
            if short in (function, module) and page:
                return self.parse_text_to_nodes(f"Reference: :doc:`{page} </reference/{page}>`")
        return []


class Losses(_Shown):
    """The types of the losses: their parameters with defaults, their function, module and reference page."""

    def run(self):
        structures = {
            declaration.name.removeprefix("perdita::"): declaration
            for declarations in self.env.cpp_headers.values()
            for declaration in declarations
        }
        result = []
        for structure, function, module, page in sorted(self.env.cpp_losses):
            declaration = structures[structure]
            source = (self.env.cpp_root / declaration.header).read_text()
            self.env.note_dependency(str(self.env.cpp_root / declaration.header))
            meanings = {name: "".join(re.findall(r'"([^"]*)"', text)) for name, text in _PARAMETER.findall(source)}
            if not declaration.comment:
                LOG.warning("%s: %s has no comment", declaration.header, structure, type="cpp", subtype="undocumented")
            content = self.text(declaration.comment)
            for member in declaration.members:
                if member.kind == "variable" and not member.name.endswith("::info"):
                    short = member.name.rsplit("::", 1)[-1]
                    content += self.entry([member], self.text(member.comment or meanings.get(short, "")))
            links = f"``functional::{function}``, ``nn::{module}``"
            if page:
                links += f"; reference: :doc:`{page} </reference/{page}>`"
            content += self.parse_text_to_nodes(links)
            result += self.entry([declaration], content)
        return result
