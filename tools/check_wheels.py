"""Checks what wheels need of the system they are installed on, and prints a table.

A wheel passes if it is smaller than 10 MB, and its libraries need only the libraries that every system has, no newer glibc
than their tag names, and no symbol that nothing provides. The module must export nothing but its initialization, so that it
cannot disturb other modules.

usage: check_wheels.py WHEEL...
needs: pyelftools
"""

import ctypes
import io
import pathlib
import re
import sys
import zipfile

from elftools.elf.elffile import ELFFile

MEGABYTES = 10
SYSTEM = re.compile(r"(libc|libm|libgcc_s|libz|libpthread|libdl|librt|ld-linux-.*)\.so\.\d+")
PROVIDED_BY_PYTHON = re.compile(r"_?Py[A-Z_]")


def is_provided(symbol, needed, bundled):
    """Whether Python, zlib or a library of the wheel has the symbol, whose symbols have no versions; zlib is that of this
    machine."""
    return (
        bool(PROVIDED_BY_PYTHON.match(symbol))
        or any(symbol in bundled[name] for name in needed if name in bundled)
        or ("libz.so.1" in needed and hasattr(ctypes.CDLL("libz.so.1"), symbol))
    )


def symbols(library):
    """(name, version or None, whether it is defined here) of each dynamic symbol that is not weak and undefined."""
    needed = library.get_section_by_name(".gnu.version_r")
    versions = {}
    if needed:
        for _, entries in needed.iter_versions():
            versions |= {entry["vna_other"]: entry.name for entry in entries}
    numbers = library.get_section_by_name(".gnu.version")
    for index, symbol in enumerate(library.get_section_by_name(".dynsym").iter_symbols()):
        is_defined = symbol["st_shndx"] != "SHN_UNDEF"
        if symbol.name and (is_defined or symbol["st_info"]["bind"] != "STB_WEAK"):
            number = numbers.get_symbol(index)["ndx"] if numbers else None
            yield symbol.name, versions.get(number), is_defined


def number(version):
    return tuple(map(int, version.split(".")))


def examine(name, library, allowed_glibc, bundled):
    """(complaints, the newest glibc needed) of one library of a wheel. bundled: the symbols of each library of the wheel."""
    complaints, newest = [], "2.0"
    needed = [tag.needed for tag in library.get_section_by_name(".dynamic").iter_tags("DT_NEEDED")]
    for other in needed:
        if not SYSTEM.fullmatch(other) and other not in bundled:
            complaints.append(f"{name} needs {other}, which systems may lack")
    for symbol, version, is_defined in symbols(library):
        if is_defined:
            if name.startswith("_core") and symbol != "PyInit__core":
                complaints.append(f"{name} exports {symbol}")
        elif version is None:
            if not is_provided(symbol, needed, bundled):
                complaints.append(f"{name} needs {symbol}, which no library is known to provide")
        elif version.startswith("GLIBC_"):
            newest = max(newest, version.removeprefix("GLIBC_"), key=number)
    if number(newest) > number(allowed_glibc):
        complaints.append(f"{name} needs glibc {newest} (valid: at most {allowed_glibc})")
    return complaints, newest


def check(path):
    """(complaints, row of the table) of a wheel."""
    tag = re.search(r"manylinux_(\d+)_(\d+)_\w+\.whl$", path.name)
    if not tag:
        return [f"{path.name} has no manylinux tag"], ""
    complaints, newest, parts = [], "2.0", []
    with zipfile.ZipFile(path) as wheel:
        paths = [pathlib.PurePath(entry) for entry in wheel.namelist() if ".so" in entry]
        libraries = {entry: ELFFile(io.BytesIO(wheel.read(str(entry)))) for entry in paths}
        bundled = {
            entry.name: {symbol for symbol, _, is_defined in symbols(library) if is_defined}
            for entry, library in libraries.items()
        }
        for entry, library in libraries.items():
            content = wheel.read(str(entry))
            found, needed = examine(entry.name, library, f"{tag[1]}.{tag[2]}", bundled)
            complaints += found
            newest = max(newest, needed, key=number)
            parts.append(f"{entry.name} {len(content) / 1e6:.1f}")
    size = path.stat().st_size / 1e6
    if size >= MEGABYTES:
        complaints.append(f"it has {size:.1f} MB (valid: less than {MEGABYTES})")
    if len(paths) < 2:
        complaints.append("it lacks libgomp.so.1 or the module")
    row = f"| {path.name} | {size:.1f} | {', '.join(parts)} | {newest} |"
    return [f"{path.name}: {complaint}" for complaint in complaints], row


def main():
    results = [check(pathlib.Path(path)) for path in sys.argv[1:]]
    print("| wheel | MB | of these, unpacked | glibc |\n|---|---|---|---|")
    print("\n".join(row for _, row in results))
    complaints = [complaint for found, _ in results for complaint in found]
    print("\n".join(complaints), file=sys.stderr)
    return 1 if complaints or not results else 0


if __name__ == "__main__":
    sys.exit(main())
