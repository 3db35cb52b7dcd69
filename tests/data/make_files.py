"""Writes the files that the reader tests read, with the standard library alone: make_files.py FOLDER

Element i of every array is a simple function of i that the tests repeat.
"""

import csv
import gzip
import json
import os
import struct
import sys
import zipfile


def idx(code, letter, values, sizes):
    return (
        bytes([0, 0, code, len(sizes)])
        + b"".join(struct.pack(">I", size) for size in sizes)
        + b"".join(struct.pack(">" + letter, value) for value in values)
    )


def npy(version, descr, letter, values, shape, fortran=False):
    header = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape!r}, }}"
    length = {1: "<H", 2: "<I", 3: "<I"}[version]
    before = 8 + struct.calcsize(length)
    header += " " * (-(before + len(header) + 1) % 64) + "\n"
    order = ">" if descr[0] == ">" else "<"
    return (
        b"\x93NUMPY"
        + bytes([version, 0])
        + struct.pack(length, len(header))
        + header.encode()
        + b"".join(struct.pack(order + letter, value) for value in values)
    )


def safetensors(tensors, metadata=None):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, dtype, shape, elements in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(elements)]}
        data += elements
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def main(folder):
    def write(name, content):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)

    # IDX: element i is (37 i) mod 101, minus 50 where signed, with a half where floating.
    values = [37 * i % 101 for i in range(24)]
    signed = [value - 50 for value in values]
    halves = [value + 0.5 for value in signed]
    kinds = [("u1", 0x08, "B", values), ("i1", 0x09, "b", signed), ("i2", 0x0B, "h", [300 * v for v in signed])]
    kinds += [("i4", 0x0C, "i", [70000 * v for v in signed]), ("f4", 0x0D, "f", halves), ("f8", 0x0E, "d", halves)]
    for name, code, letter, elements in kinds:
        write(f"{name}.idx", idx(code, letter, elements, [2, 3, 4]))
        write(f"{name}.idx.gz", gzip.compress(idx(code, letter, elements, [2, 3, 4])))
    whole = idx(0x08, "B", values, [24])
    write("members.idx.gz", gzip.compress(whole[:5]) + gzip.compress(whole[5:20]) + gzip.compress(whole[20:]))

    # NPY: the same elements, in every version, order and byte order.
    kinds = [("u1", "|", "B", values), ("i4", "<", "i", signed), ("i8", "<", "q", [v * 2**40 for v in signed])]
    kinds += [("f4", "<", "f", halves), ("f8", "<", "d", halves), ("b1", "|", "?", [v % 2 == 1 for v in values])]
    kinds += [("i4", ">", "i", signed), ("f8", ">", "d", halves)]
    columns_first = [(i * 4 + j) * 2 + k for k in range(2) for j in range(4) for i in range(3)]  # of shape (3, 4, 2)
    for name, order, letter, elements in kinds:
        for version in (1, 2, 3):
            end = "be" if order == ">" else "le"
            write(f"{name}.{end}.v{version}.npy", npy(version, order + name, letter, elements, (3, 4, 2)))
            turned = [elements[i] for i in columns_first]
            write(f"{name}.{end}.v{version}.fortran.npy", npy(version, order + name, letter, turned, (3, 4, 2), True))
    write("scalar.npy", npy(1, "<f8", "d", [2.5], ()))
    write("vector.npy", npy(1, "<i8", "q", [7, 8], (2,)))
    write("empty.npy", npy(1, "<f4", "f", [], (0, 3)))

    # safetensors: tensors in the order of writing, names that need escapes.
    tensors = [
        ("weight", "F32", [2, 3], struct.pack("<6f", *halves[:6])),
        ("step", "I64", [], struct.pack("<q", 123456789012345)),
        ("none", "F64", [0, 5], b""),
        ("mask", "BOOL", [3], bytes([1, 0, 1])),
        ('q"\u00e4\n', "U8", [4], bytes(values[:4])),
        ("doubles", "F64", [2], struct.pack("<2d", *halves[:2])),
        ("ints", "I32", [2, 1], struct.pack("<2i", *signed[:2])),
    ]
    write("model.safetensors", safetensors(tensors, {"format": "pt", "note": "\u00fc\u0000"}))

    # CSV as Python's own writer quotes it.
    with open(os.path.join(folder, "quoted.csv"), "w", newline="", encoding="utf-8-sig") as file:
        rows = csv.writer(file)  # CRLF
        rows.writerow(["width, cm", 'the "height"', "kind"])
        kinds = ["cat", "dog, big", 'the "other"', "two\nlines"]
        for i in range(40):
            rows.writerow([i / 8 - 2, f"{i * 1e-3:e}", kinds[i * 7 % 4]])

    # NPZ: rows [7, 3] of float32, element i being i / 4, and labels [7] of int64, i mod 3.
    rows, labels = [i / 4 for i in range(21)], [i % 3 for i in range(7)]
    for name, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        with zipfile.ZipFile(os.path.join(folder, f"{name}.npz"), "w", method) as archive:
            with archive.open("logits.npy", "w", force_zip64=True) as member:  # as numpy.savez does it
                member.write(npy(1, "<f4", "f", rows, (7, 3)))
            archive.writestr("labels.npy", npy(1, "<i8", "q", labels, (7,)))
    with zipfile.ZipFile(os.path.join(folder, "one.npz"), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arr_0.npy", npy(1, "<f4", "f", rows, (7, 3)))
    columns = [i / 4 for k in range(3) for i in range(k, 21, 3)]
    write("columns.npy", npy(1, "<f4", "f", columns, (7, 3), fortran=True))
    write("big.npy", npy(1, ">f4", "f", rows, (7, 3)))
    with zipfile.ZipFile(os.path.join(folder, "columns.npz"), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arr_0.npy", npy(1, "<f4", "f", columns, (7, 3), fortran=True))


main(sys.argv[1])
