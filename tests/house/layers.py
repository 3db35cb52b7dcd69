"""A file includes only from lower layers, and files do not include each other in circles. The layers are those of
perdita/layers.txt; each folder has a README.md of at most 30 lines that names the layers it uses.

usage: layers.py SOURCE_FOLDER
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]((?:perdita|cli)/[^">]+)[">]', re.MULTILINE)
LONGEST_README = 30


def layers_of(root):
    """The number of the layer of each folder, from 0 for the lowest."""
    lines = (root / "perdita/layers.txt").read_text().splitlines()
    layers = [line.split() for line in lines if line and not line.startswith("#")]
    return {folder: number for number, folders in enumerate(layers) for folder in folders}


def folder_of(path):
    """The folder that a file belongs to; None for the umbrella header, which stands above all."""
    names = path.split("/")
    return "cli" if names[0] == "cli" else names[1] if len(names) > 2 else None


def included_by(root):
    """Every source file with the project's files that it includes."""
    includes = {}
    for folder in ("perdita", "cli"):
        for path in sorted((root / folder).rglob("*.[hc]pp")):
            includes[path.relative_to(root).as_posix()] = INCLUDE.findall(path.read_text())
    return includes


def climbs(includes, layer_of):
    """Includes of a layer that is not lower."""
    for path, targets in includes.items():
        folder = folder_of(path)
        if folder is None:
            continue
        if folder not in layer_of:
            yield f"{path}: folder '{folder}' is not in perdita/layers.txt"
            continue
        for target in targets:
            other = folder_of(target)
            if target not in includes:
                yield f"{path}: includes {target}, which does not exist"
            elif other is None or other != folder and layer_of.get(other, len(layer_of)) >= layer_of[folder]:
                yield f"{path}: includes {target}, which is not in a lower layer than {folder}"


def circles(includes):
    """Files that include each other."""
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


def uses_of(includes, folder):
    """The other folders that a folder's files include from."""
    found = {folder_of(t) for path, targets in includes.items() if folder_of(path) == folder for t in targets}
    return found - {folder, None}


def stale_readmes(root, includes, layer_of):
    """Folders whose README.md is missing, too long, or names other layers than it uses."""
    for folder in layer_of:
        readme = (root / folder if folder == "cli" else root / "perdita" / folder) / "README.md"
        if not readme.exists():
            yield f"{readme.relative_to(root)}: is missing (valid: what lives here, where to start, what it uses)"
            continue
        text = readme.read_text()
        if len(text.splitlines()) > LONGEST_README:
            yield f"{readme.relative_to(root)}: has {len(text.splitlines())} lines (valid: at most {LONGEST_README})"
        named = re.search(r"^Uses: (.+)\.$", text, re.MULTILINE)
        names = set(re.findall(r"`(\w+)`", named[1])) if named else None
        uses = uses_of(includes, folder)
        if names != uses:
            listed = ", ".join(f"`{name}`" for name in sorted(uses, key=layer_of.get)) or "the standard library only"
            yield f"{readme.relative_to(root)}: should have a line 'Uses: {listed}.'"


def main():
    root = pathlib.Path(sys.argv[1])
    layer_of, includes = layers_of(root), included_by(root)
    complaints = [*climbs(includes, layer_of), *circles(includes), *stale_readmes(root, includes, layer_of)]
    print("\n".join(complaints) or f"{len(includes)} files, each in its layer")
    return 1 if complaints or not includes else 0


if __name__ == "__main__":
    sys.exit(main())
