"""Copies of headers in which the lists of losses are written out, line by line as in the original.

Doxygen loses count of lines where macros go over several of them, and mixes up macros that are defined again.
"""

import re
import shutil

_DEFINITION = re.compile(r"#define (PERDITA_\w+)\(([^).]*)\)\s+(.*)")
_CALL = re.compile(r"\b(PERDITA_\w+)\(")


def expand(folder, target):
    """Writes the headers of a folder to another one. Line n of a copy is made of line n."""
    shutil.rmtree(target, ignore_errors=True)
    headers = {path: _joined(path.read_text().splitlines()) for path in sorted(folder.rglob("*.hpp"))}
    lists = {name: macro for lines in headers.values() for name, macro in _macros(lines) if macro[0] == ["X"]}
    for path, lines in headers.items():
        macros = dict(lists)
        copy = target / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text("".join(_line(line, macros) + "\n" for line in lines))


def _joined(lines):
    """Each macro in one line, followed by as many blank ones."""
    result, continued = [], 0
    for line in lines:
        if continued:
            result[-continued] = f"{result[-continued].rstrip()} {line.rstrip(chr(92)).strip()}"
            result.append("")
        else:
            result.append(line.rstrip(chr(92)))
        continued = continued + 1 if line.endswith(chr(92)) else 0
    return result


def _macros(lines):
    for line in lines:
        if match := _DEFINITION.match(line):
            name, parameters, body = match.groups()
            yield name, ([parameter.strip() for parameter in parameters.split(",")], body)


def _line(line, macros):
    if not line.startswith("#"):
        return _expanded(line, macros)
    macros.update(_macros([line]))
    return "" if "PERDITA_" in line else line


def _expanded(text, macros):
    position = 0
    while match := _CALL.search(text, position):
        position = match.end()
        if match[1] in macros:
            arguments, end = _arguments(text, match.end())
            replaced = _replaced(*macros[match[1]], arguments)
            text, position = text[: match.start()] + replaced + text[end:], match.start()
    return text


def _arguments(text, begin):
    """The arguments that begin there, and where the call ends."""
    depth, start, arguments = 0, begin, []
    for i in range(begin, len(text)):
        if depth == 0 and text[i] in ",)":
            arguments.append(text[start:i].strip())
            start = i + 1
            if text[i] == ")":
                return arguments, i + 1
        depth += (text[i] in "([{") - (text[i] in ")]}")
    return arguments, len(text)


def _replaced(parameters, body, arguments):
    values = dict(zip(parameters, arguments, strict=False))
    return re.sub(r"\b\w+\b", lambda word: values.get(word[0], word[0]), body)
