"""Runs tests of other projects with the losses of torch and with those of Perdita, and prints a table.

usage: run_suites.py --work FOLDER [--sources FOLDER] [PROJECT...]

Run by scripts/test-third-party.sh with the Python in which the projects are installed. The sources are cloned into the
folder --work, or taken from clones in the folder --sources, each with the name of the project. The exit status is 1 if a
test has another result with Perdita, or a loss another value or gradient.
"""

import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree

from projects import PROJECTS

HERE = pathlib.Path(__file__).resolve().parent
PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "comparing_plugin", "-o", "junit_family=xunit1"]


def fetch(project, work, sources):
    """The folder of the project's tests, as they are in the tagged commit."""
    folder = work / project.name
    if folder.exists():
        return folder
    clone = sources / project.name if sources else work / f"{project.name}.git"
    if not clone.exists():
        command = ["git", "clone", "--quiet", "--bare", "--depth", "1", "--branch", project.tag]
        subprocess.run([*command, project.repository, str(clone)], check=True)
    archive = ["git", "-C", str(clone), "archive", f"refs/tags/{project.tag}", *project.folders]
    packed = subprocess.run(archive, check=True, stdout=subprocess.PIPE)
    folder.mkdir(parents=True)
    depth = f"--strip-components={project.folders[0].count('/')}"
    subprocess.run(["tar", "-x", depth, "-C", str(folder)], input=packed.stdout, check=True)
    return folder


def run(project, folder, work, is_installed):
    """Results of the tests by name, and the record of the plugin."""
    stem = work / f"{project.name}-{'perdita' if is_installed else 'torch'}"
    report, record = stem.with_suffix(".xml"), stem.with_suffix(".json")
    report.unlink(missing_ok=True)
    path = [str(HERE), *(str(folder / part) for part in project.path), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        **dict(project.environment),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "PERDITA_RECORD": str(record),
        "HF_HUB_OFFLINE": "1",
        "MPLBACKEND": "agg",
    }
    program = ["-m", "perdita.torch", *PYTEST] if is_installed else PYTEST
    command = [sys.executable, *program, f"--junit-xml={report}", *project.tests]
    with open(stem.with_suffix(".log"), "w") as log:
        subprocess.run(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    if not report.exists():
        sys.exit(f"{project.name}: pytest wrote no report, see {stem.with_suffix('.log')}")
    return results(report), json.loads(record.read_text())


def results(report):
    """The result of each test of a report: passed, failed, error or skipped."""
    found = {}
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        states = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        found[name] = states[0] if states else "passed"
    return found


def compare(project, work, sources):
    folder = fetch(project, work, sources)
    without, _ = run(project, folder, work, False)
    having, record = run(project, folder, work, True)
    changed = {
        name: (without.get(name, "absent"), having.get(name, "absent"))
        for name in sorted({*without, *having})
        if without.get(name) != having.get(name)
    }
    return without, having, changed, record


def is_passed(results):
    return collections.Counter(results.values())["passed"]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--work", type=lambda text: pathlib.Path(text).resolve(), required=True)
    parser.add_argument("--sources", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("projects", nargs="*")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    named = {project.name: project for project in PROJECTS}
    unknown = sorted({*arguments.projects} - {*named})
    if unknown:
        parser.error(f"unknown projects {', '.join(unknown)} (valid: {', '.join(named)})")
    chosen = [named[name] for name in arguments.projects or named]
    rows, is_same = [], True
    for project in chosen:
        without, having, changed, record = compare(project, arguments.work, arguments.sources)
        counts = record["counts"]
        for name, (before, after) in changed.items():
            print(f"{project.name}: {name}: {before} with torch, {after} with Perdita")
        for text in record["differences"]:
            print(f"{project.name}: {text}")
        is_same &= not changed and not record["differences"]
        rows.append([
            project.name, project.version, len(without), is_passed(without), is_passed(having), len(changed),
            counts.get("calls", 0), counts.get("by torch", 0), counts.get("compared", 0), len(record["differences"]),
        ])  # fmt: skip
        print(*rows[-1], flush=True)
    print_table(rows)
    sys.exit(not is_same)


def print_table(rows):
    names = ["project", "version", "tests", "passed with torch", "with Perdita", "other results"]
    names += ["calls of losses", "left to torch", "compared", "differing"]
    for row in [names, ["---"] * len(names), *rows]:
        print("| " + " | ".join(map(str, row)) + " |")


main()
