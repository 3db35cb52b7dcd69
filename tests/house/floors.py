"""A part includes only from parts on lower floors, and files do not include each other in circles.

usage: floors.py SOURCE_FOLDER
"""

import pathlib
import re
import sys

FLOORS = [
    ["core"],
    ["math"],
    ["kernels"],
    ["losses"],
    ["tensor"],
    ["data"],
    ["nn"],
    ["optim"],
    ["evaluate"],
    ["report"],
    ["train"],
    ["cli"],
]
FLOOR_OF = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]((?:perdita|cli)/[^">]+)[">]', re.MULTILINE)


def part_of(path):
    """The part a file belongs to; None for the umbrella header, which stands above all."""
    names = path.split("/")
    return "cli" if names[0] == "cli" else names[1] if len(names) > 2 else None


def included_by(root):
    """Every source file with the files of ours that it includes."""
    includes = {}
    for folder in ("perdita", "cli"):
        for path in sorted((root / folder).rglob("*.[hc]pp")):
            includes[path.relative_to(root).as_posix()] = INCLUDE.findall(path.read_text())
    return includes


def climbs(includes):
    for path, targets in includes.items():
        part = part_of(path)
        if part is None:
            continue
        if part not in FLOOR_OF:
            yield f"{path}: part '{part}' has no floor"
            continue
        for target in targets:
            other = part_of(target)
            if target not in includes:
                yield f"{path}: includes {target}, which does not exist"
            elif other is None or other != part and FLOOR_OF.get(other, len(FLOORS)) >= FLOOR_OF[part]:
                yield f"{path}: includes {target}, which is not on a lower floor than {part}"


def circles(includes):
    done, stack = set(), []

    def visit(path):
        if path in stack:
            yield "circle: " + " -> ".join(stack[stack.index(path) :] + [path])
        elif path not in done:
            stack.append(path)
            for target in includes.get(path, []):
                yield from visit(target)
            done.add(stack.pop())

    for path in includes:
        yield from visit(path)


def main():
    includes = included_by(pathlib.Path(sys.argv[1]))
    complaints = [*climbs(includes), *circles(includes)]
    print("\n".join(complaints) or f"{len(includes)} files, each on its floor")
    return 1 if complaints or not includes else 0


if __name__ == "__main__":
    sys.exit(main())
