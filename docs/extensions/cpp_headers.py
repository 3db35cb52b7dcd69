"""What the public headers declare: Doxygen reads the C++, the comments are taken from the sources.

A comment of `///` is of all declarations that follow it without a blank line, as the sources have it; a title such as
`// ---- views ----` counts for those that say what they are by their names.
"""

import dataclasses
import pathlib
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import cpp_macros

CONFIGURATION = """
INPUT = {root}
FILE_PATTERNS = *.hpp
RECURSIVE = YES
STRIP_FROM_PATH = {root}
OUTPUT_DIRECTORY = {output}
GENERATE_HTML = NO
GENERATE_LATEX = NO
GENERATE_XML = YES
XML_PROGRAMLISTING = NO
EXTRACT_ALL = YES
AUTOLINK_SUPPORT = NO
MARKDOWN_SUPPORT = NO
WARNINGS = NO
WARN_IF_DOC_ERROR = NO
QUIET = YES
CLASS_GRAPH = NO
"""
_SHOWN_KINDS = {"function", "variable", "typedef", "enum"}
_SECTION = re.compile(r"^\s*// ---- (.+?)(?:: .*)? ----$")


@dataclasses.dataclass
class Declaration:
    """A name with its text as a user would write it. `members` are those of a class."""

    kind: str
    name: str
    text: str
    header: str
    line: int
    comment: str = ""
    comment_line: int = 0  # 0 without one above
    section: str = ""
    members: list = dataclasses.field(default_factory=list)

    @property
    def is_documented(self):
        return bool(self.comment or self.section)


def read(root, output):
    """The public declarations of each header of the library, by its path, in the order of their lines."""
    root, output = pathlib.Path(root), pathlib.Path(output)
    output.mkdir(parents=True, exist_ok=True)
    cpp_macros.expand(root / "perdita", output / "sources/perdita")
    configuration = CONFIGURATION.format(root=output / "sources", output=output / "doxygen")
    subprocess.run(["doxygen", "-"], input=configuration, text=True, check=True)
    headers = {}
    for path in sorted((output / "doxygen/xml").glob("*.xml")):
        for compound in ElementTree.parse(path).getroot().iter("compounddef"):
            for declaration in _declarations(compound):
                headers.setdefault(declaration.header, []).append(declaration)
    for header, declarations in headers.items():
        lines = (root / header).read_text().splitlines()
        declarations.sort(key=lambda declaration: declaration.line)
        for declaration in declarations:
            _add_comments(declaration, lines)
    return headers


def introduction(path):
    """The comment that a header begins with."""
    comment = []
    for line in pathlib.Path(path).read_text().splitlines():
        if not line.startswith("//"):
            break
        comment.append(line[3:])
    return "\n".join(comment)


def _declarations(compound):
    name = compound.findtext("compoundname")
    if re.search(r"\bdetail\b|@|^std::|^fmt::", name) or not name.startswith("perdita"):
        return
    kind = compound.get("kind")
    if kind == "namespace":
        yield from _members(compound, f"{name}::")
    elif kind in ("class", "struct") and compound.get("prot") == "public":
        location = compound.find("location")
        bases = ", ".join(
            f"public {_text(base)}" for base in compound.findall("basecompoundref") if base.get("prot") == "public"
        )
        text = f"{_template(compound)}{kind} {name}" + (f" : {bases}" if bases else "")
        members = list(_members(compound, f"{name}::"))
        yield Declaration(kind, name, text, location.get("file"), int(location.get("line")), members=members)


def _members(compound, scope):
    constructed = scope.split("::")[-2].split("<")[0]
    for member in compound.iter("memberdef"):
        name = member.findtext("name")
        if member.get("kind") not in _SHOWN_KINDS or member.get("prot") != "public" or name.startswith(("@", "~")):
            continue
        if member.findtext("argsstring", "").endswith("=delete"):
            continue
        text = _declared(member, name, constructed)
        location = member.find("location")
        path, line = location.get("declfile") or location.get("file"), location.get("declline") or location.get("line")
        yield Declaration(member.get("kind"), scope + name, text, path, int(line))


def _declared(member, name, constructed):
    kind, type_name = member.get("kind"), _text(member.find("type"))
    if kind == "enum":
        values = ", ".join(value.findtext("name") for value in member.findall("enumvalue"))
        return f"enum class {name} {{ {values} }}"
    if kind == "typedef":
        return f"{_template(member)}using {name} = {type_name}"
    prefix = "static " if member.get("static") == "yes" and constructed[:1].isupper() else ""
    text = f"{prefix}{type_name} {name}{member.findtext('argsstring', '')}".strip()
    if kind == "variable":
        text += " " + _text(member.find("initializer")) if member.find("initializer") is not None else ""
    return _template(member) + re.sub(r"\s*=\s*default$", "", text)


def _template(element):
    parameters = element.find("templateparamlist")
    if parameters is None:
        return ""
    shown = [
        " ".join(filter(None, (_text(parameter.find("type")), parameter.findtext("declname"))))
        for parameter in parameters.findall("param")
    ]
    return f"template <{', '.join(shown)}>\n"


def _text(element):
    text = " ".join("".join(element.itertext()).split()) if element is not None else ""
    return text.replace(" &", "&").replace(" *", "*").replace("< ", "<").replace(" >", ">")


def _add_comments(declaration, lines):
    declaration.comment, declaration.comment_line = _comment_of(lines, declaration.line - 1)
    if not declaration.comment:
        declaration.section = _section_of(lines, declaration.line - 1)
    for member in declaration.members:
        _add_comments(member, lines)


def _comment_of(lines, at):
    """The comment behind the declaration (`///<`), or else above it, with the line it begins in."""
    for line in lines[at : at + 3]:
        if "///<" in line:
            return line.split("///<")[1].strip(), 0
        if line.rstrip().endswith((";", "{", "}")):
            break
    closed = 0  # types that end between the comment and the declaration, which shares theirs
    for i in range(at - 1, -1, -1):
        line = lines[i].strip()
        closed += line == "};"
        if re.match(r"(?:template .*)?(?:class|struct|enum|namespace)\b.*\{$", line):
            closed -= 1
        if not line or closed < 0 or re.match(r"(?:public|private|protected):$|#undef", line):
            return "", 0
        if re.match(r"///(?!<)", line):
            end = i + 1
            while i > 0 and re.match(r"\s*///", lines[i - 1]):
                i -= 1
            return "\n".join(each.strip()[4:] for each in lines[i:end]), i + 1
    return "", 0


def _section_of(lines, at):
    for i in range(at - 1, -1, -1):
        if match := _SECTION.match(lines[i]):
            return match[1]
        if re.match(r"\S.*[{]$", lines[i]):
            return ""
    return ""
