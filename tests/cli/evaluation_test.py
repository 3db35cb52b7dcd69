"""perdita evaluate: what it prints and writes, from files of every kind, and what it says to wrong ones."""

import html.parser
import json
import math
import os
import struct
import xml.etree.ElementTree
import zipfile

from harness import CliTest, main, npy

LOGITS = [[2.0, 0.0, -1.0], [0.0, 1.0, 0.5], [0.3, 0.2, 0.1], [-1.0, 0.0, 3.0], [5.0, 0.0, 0.0], [0.0, 0.1, 0.2]]
LABELS = [0, 1, 2, 2, 1, 0]


def floats(rows):
    return b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)


def losses_of(logits, labels):
    return [math.log(sum(map(math.exp, z))) - z[y] for z, y in zip(logits, labels, strict=True)]


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.ids, self.text = [], set(), ""

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in ("meta", "link", "input", "img", "br"):
            self.open.append(tag)
        for key in ("src", "href"):
            assert attributes.get(key, "data:").startswith(("data:", "#")), attributes
        if "id" in attributes:
            assert attributes["id"] not in self.ids, attributes
            self.ids.add(attributes["id"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        self.text += data


class Evaluation(CliTest):
    def setUp(self):
        super().setUp()
        self.logits = npy("<f4", (6, 3), floats(LOGITS))
        self.labels = npy("<i8", (6,), struct.pack("<6q", *LABELS))
        self.write("p.npy", self.logits)
        self.write("y.npy", self.labels)

    def evaluate(self, predictions="p.npy", targets="y.npy", *words):
        out, _ = self.run_cli(
            "evaluate", "--predictions", predictions, "--targets", targets, "--json", "--quiet", *words
        )
        return json.loads(out)

    def test_json_holds_what_the_definitions_say(self):
        result = self.evaluate()
        losses = losses_of(LOGITS, LABELS)
        self.assertEqual(result["rows"], 6)
        self.assertAlmostEqual(result["losses"]["mean"], sum(losses) / 6, places=6)
        self.assertEqual(result["losses"]["quantiles_relative_error"], 0)
        self.assertAlmostEqual(result["losses"]["quantiles"]["max"], max(losses), places=5)
        self.assertEqual(result["accuracy"], 0.5)
        self.assertEqual(result["confusion"], [[1, 0, 1], [1, 1, 0], [1, 0, 1]])
        self.assertEqual([c["samples"] for c in result["classes"]], [2, 2, 2])
        self.assertEqual(result["hardest"][0]["index"], 4)
        self.assertEqual((result["hardest"][0]["predicted"], result["hardest"][0]["true"]), (0, 1))
        self.assertEqual(sum(b["count"] for b in result["calibration"]["bins"]), 6)
        self.assertIn("temperature", result["calibration"])
        self.assertEqual(result["warnings"], [])

    def test_every_kind_of_file_gives_the_same(self):
        known = self.evaluate()
        with zipfile.ZipFile(self.path("a.npz"), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("logits.npy", self.logits)
            archive.writestr("labels.npy", self.labels)
        rows = [struct.unpack("<3f", struct.pack("<3f", *row)) for row in LOGITS]
        self.write("p.csv", "a,b,c\n" + "".join(",".join(map(repr, row)) + "\n" for row in rows))
        self.write("y.csv", "id,label\n" + "".join(f"{i},{y}\n" for i, y in enumerate(LABELS)))
        self.assertEqual(self.evaluate("a.npz:logits", "a.npz:labels"), known)
        self.write("wide.npy", npy("<f8", (6, 3), b"".join(struct.pack("<3d", *row) for row in rows)))
        wide = self.evaluate("wide.npy")  # text is read in double precision
        self.assertEqual(wide["confusion"], known["confusion"])
        self.assertEqual(self.evaluate("p.csv", "y.csv:label"), wide)
        self.assertEqual(self.evaluate("p.csv", "y.npy", "--threads", "1"), wide)
        columns = [[row[k] for row in LOGITS] for k in range(3)]
        self.write("f.npy", npy("<f4", (6, 3), floats(columns)).replace(b"False", b"True ", 1))
        self.assertEqual(self.evaluate("f.npy"), known)

    def test_people_read_a_table(self):
        out, err = self.run_cli(
            "evaluate", "--predictions", "p.npy", "--targets", "y.npy", "--class-names", "cat,dog,owl", "--hardest", "2"
        )
        for part in (
            "mean loss",
            "95 % interval",
            "accuracy   50.00 %",
            "calibration error (ECE, 15 bins)",
            "cat",
            "owl",
            "confusion",
            "hardest samples",
            "cat / dog",
        ):
            self.assertIn(part, out)
        self.assertNotIn("warning", err)

    def test_out_is_a_folder_with_a_report(self):
        self.write("names.txt", "<cat>\ndog\nowl\n")
        self.run_cli(
            "evaluate",
            "--predictions",
            "p.npy",
            "--targets",
            "y.npy",
            "--out",
            "results/first",
            "--class-names",
            "names.txt",
        )
        saved = json.loads(self.read("results/first/evaluation.json"))
        self.assertEqual(saved["classes"][0]["name"], "<cat>")
        page = Page()
        page.feed(self.read("results/first/report.html").decode())
        self.assertEqual(page.open, [])
        for part in ("Reliability diagram", "Hardest samples", "Confusion", "<cat>", "temperature"):
            self.assertIn(part, page.text)
        self.assertIn("reliability", page.ids)

    def test_yes_and_no(self):
        logits, truth = [2.0, -1.0, 0.5, -3.0, 0.2], [1, 0, 0, 0, 1]
        self.write("z.npy", npy("<f4", (5,), floats([logits])))
        self.write("t.npy", npy("|u1", (5,), bytes(truth)))
        result = self.evaluate("z.npy", "t.npy", "--loss", "binary_cross_entropy_with_logits")
        expected = sum(math.log1p(math.exp(-z if t else z)) for z, t in zip(logits, truth, strict=True)) / 5
        self.assertAlmostEqual(result["losses"]["mean"], expected, places=6)
        self.assertEqual(result["confusion"], [[2, 1], [0, 2]])
        self.assertAlmostEqual(result["roc_auc"], 5 / 6, places=6)
        self.assertIn(
            "negative",
            self.run_cli("evaluate", "--predictions", "z.npy", "--targets", "t.npy", "--loss", "binary_focal")[0],
        )

    def test_numbers(self):
        self.write("a.csv", "y,t\n1.0,1.5\n2.0,2.0\n3.0,5.0\n")
        result = self.evaluate("a.csv:y", "a.csv:t", "--loss", "huber:delta=1", "--out", "r")
        self.assertAlmostEqual(result["losses"]["mean"], (0.125 + 0 + 1.5) / 3, places=6)
        self.assertAlmostEqual(result["regression"]["mae"], 2.5 / 3, places=6)
        self.assertEqual(result["hardest"][0], {"index": 2, "loss": 1.5, "predicted": 3.0, "true": 5.0})
        page = Page()
        page.feed(self.read("r/report.html").decode())
        self.assertIn("R²", page.text)

    def test_what_is_left_out_and_what_is_suspect_is_told(self):
        rows = [row[:] for row in LOGITS]
        rows[3][0] = math.nan
        self.write("nan.npy", npy("<f4", (6, 3), floats(rows)))
        out, _ = self.run_cli("evaluate", "--predictions", "nan.npy", "--targets", "y.npy")
        self.assertIn("1 excluded because the loss is NaN (first: row 3)", out)
        shares = [[0.2, 0.3, 0.5]] * 6
        self.write("shares.npy", npy("<f4", (6, 3), floats(shares)))
        _, err = self.run_cli("evaluate", "--predictions", "shares.npy", "--targets", "y.npy")
        self.assertIn("warning: shares.npy: the predictions appear to be probabilities", err)
        self.assertEqual(self.evaluate("shares.npy", "y.npy", "--from", "probabilities")["warnings"], [])

    def test_charts_of_any_name_are_xml(self):
        names = ["\ufffe", "\uffff\U0001fffe", "]]>\x00\x0b\ud7ff"]
        self.write("names.txt", "\n".join(names) + "\n")
        self.run_cli(
            "evaluate", "--predictions", "p.npy", "--targets", "y.npy", "--out", "r", "--class-names", "names.txt"
        )
        charts = [name for name in os.listdir(self.path("r")) if name.endswith(".svg")]
        self.assertIn("classes.svg", charts)
        for name in charts:
            xml.etree.ElementTree.fromstring(self.read(f"r/{name}"))

    def test_reports_of_losses_that_are_not_finite(self):
        self.write("p.csv", "0,1\n1,0\n")
        self.write("y.csv", "0\n1\n")
        out, err = self.run_cli(
            "evaluate", "--predictions", "p.csv", "--targets", "y.csv", "--from", "probabilities", "--out", "r"
        )
        self.assertIn("mean loss  nan", out)
        self.assertIn("2 of 2 losses are not finite (2 infinite; first: row 0)", err)
        saved = json.loads(self.read("r/evaluation.json"))
        self.assertIsNone(saved["losses"]["mean"])
        self.assertEqual(saved["accuracy"], 0)
        self.assertEqual([sample["nonfinite"] for sample in saved["hardest"]], ["inf", "inf"])
        page = Page()
        page.feed(self.read("r/report.html").decode())
        self.assertIn("No loss is finite", page.text)
        self.write("n.csv", "nan\n1\n")
        for loss in ("mse", "binary_cross_entropy", "formula: y - t"):
            self.run_cli("evaluate", "--predictions", "n.csv", "--targets", "y.csv", "--loss", loss, "--out", "n")

    def test_wrong_usage(self):
        both = ["--predictions", "p.npy", "--targets", "y.npy"]
        self.fails(2, "evaluate", "--targets", "y.npy", says=["--predictions is missing"])
        self.fails(2, "evaluate", *both, "--loss", "cros_entropy", says=["did you mean 'cross_entropy'"])
        self.fails(2, "evaluate", *both, "--loss", "triplet_margin", says=["more than predictions and targets"])
        self.fails(
            2,
            "evaluate",
            *both,
            "--from",
            "logit",
            says=["--from: evaluate: scale is 'logit'", "did you mean 'logits'"],
        )
        self.fails(1, "evaluate", *both, "--class-names", "a,b", says=["2 names for 3 classes"])
        self.fails(2, "evaluate", *both, "--bins", "0", says=["--bins"])
        self.fails(2, "evaluate", *both, "--hardst", "3", says=["did you mean '--hardest'"])

    def test_files_that_do_not_fit(self):
        def fails(predictions, targets, *words, says):
            return self.fails(1, "evaluate", "--predictions", predictions, "--targets", targets, *words, says=says)

        self.write("short.npy", npy("<i8", (5,), struct.pack("<5q", *LABELS[:5])))
        fails("p.npy", "short.npy", says=["predictions 6 rows, targets 5 rows"])
        self.write("high.npy", npy("<i8", (6,), struct.pack("<6q", 0, 1, 3, 2, 7, 0)))
        fails("p.npy", "high.npy", says=["high.npy: target[2] is 3", "3 classes"])
        self.write("cut.npy", self.logits[:-4])
        fails("cut.npy", "y.npy", says=["cut.npy", "truncated"])
        self.write("half.npy", npy("<f2", (6, 3), bytes(36)))
        fails("half.npy", "y.npy", says=["half.npy", "element type '<f2'", "numpy.astype"])
        self.write("bad.npz", b"PK\x03\x04 nothing else")
        fails("bad.npz", "y.npy", says=["bad.npz", "the ZIP directory is missing"])
        fails("nowhere.npy", "y.npy", says=["nowhere.npy"])
        fails("p.npy", "y.npy", "--from", "probabilities", says=["row 0 contains"])
        self.assertFalse(os.path.exists(self.path("out")))


main()
