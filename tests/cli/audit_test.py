"""perdita audit: what it prints and writes, and what it says to wrong input."""

import json
import struct

from harness import CliTest, main, npy

PROBABILITIES = [
    [0.9, 0.05, 0.05],
    [0.1, 0.8, 0.1],
    [0.05, 0.9, 0.05],
    [0.1, 0.1, 0.8],
    [0.7, 0.2, 0.1],
    [0.02, 0.08, 0.9],
]
LABELS = [0, 1, 0, 2, 0, 2]  # that of row 2 is wrong


def floats(rows):
    return b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)


class Audit(CliTest):
    def setUp(self):
        super().setUp()
        self.write("p.npy", npy("<f4", (6, 3), floats(PROBABILITIES)))
        self.write("y.npy", npy("<i8", (6,), struct.pack("<6q", *LABELS)))

    def audit(self, *words, **options):
        return self.run_cli("audit", "--predictions", "p.npy", "--targets", "y.npy", *words, **options)

    def test_json(self):
        found = json.loads(self.audit("--json")[0])
        self.assertEqual([row["row"] for row in found["ranking"]], [2])
        self.assertEqual((found["ranking"][0]["given"], found["ranking"][0]["suggested"]), (0, 1))
        self.assertEqual((found["rows"], found["issues"]), (6, 1))
        thresholds = [(0.9 + 0.05 + 0.7) / 3, 0.8, (0.8 + 0.9) / 2]
        for k, threshold in enumerate(thresholds):
            self.assertAlmostEqual(found["classes"][k]["threshold"], threshold, places=6)
        # Of the label 0 all three rows are confident, row 2 of class 1; it has half of all rows.
        self.assertAlmostEqual(found["noise_rate"], 0.5 / 3)
        self.assertEqual(found["overlaps"][0]["second_labeled_first"], 1)
        self.assertEqual(found["confident_joint"][0], [2, 1, 0])
        self.assertEqual(found["noise_matrix"][0][1], 0.5)

    def test_csv(self):
        out, _ = self.audit("--out", "s.csv", "--class-names", "cat,dog,owl", "--top", "2")
        self.assertIn("s.csv", out)
        lines = self.read("s.csv").decode().splitlines()
        self.assertEqual(lines[0], "row,given,suggested,given_probability,suggested_probability,score,issue")
        self.assertEqual(lines[1:], ["2,cat,dog,0.05,0.9,0.05,1", "4,cat,cat,0.7,0.7,0.7,0"])

    def test_text(self):
        out, _ = self.audit("--class-names", "cat,dog,owl")
        for part in (
            "noise rate 16.67 %",
            "95 % interval",
            "issues     1 ",
            "classes that overlap",
            "cat ",
            "0.050000",
        ):
            self.assertIn(part, out)

    def test_text_files_and_logits(self):
        self.write("p.csv", "a,b\n2,0\n0,3\n0,4\n1,0\n")
        self.write("y.csv", "label\n0\n1\n0\n0\n")
        found = json.loads(
            self.run_cli("audit", "--predictions", "p.csv", "--targets", "y.csv:label", "--from", "logits", "--json")[0]
        )
        self.assertEqual([row["row"] for row in found["ranking"]], [2])

    def test_filters_and_scores(self):
        for words in (["--filter", "confident_learning"], ["--filter", "both"], ["--score", "normalized_margin"]):
            found = json.loads(self.audit("--json", *words)[0])
            self.assertEqual([row["row"] for row in found["ranking"]], [2], words)
        self.assertAlmostEqual(found["ranking"][0]["score"], (0.05 - 0.9 + 1) / 2, places=6)

    def test_wrong_input(self):
        self.write("short.npy", npy("<i8", (5,), struct.pack("<5q", *LABELS[:5])))
        self.write("high.npy", npy("<i8", (6,), struct.pack("<6q", 0, 1, 0, 3, 0, 2)))
        self.write("nan.npy", npy("<f4", (6, 3), floats(PROBABILITIES[:5] + [[0.5, 0.5, float("nan")]])))
        pair = lambda p, y: ["audit", "--predictions", p, "--targets", y]  # noqa: E731
        self.fails(1, *pair("p.npy", "short.npy"), says=["p.npy has 6 row(s), short.npy has 5"])
        self.fails(1, *pair("p.npy", "high.npy"), says=["high.npy: target[3] is 3 (valid: integers 0..2)"])
        self.fails(1, *pair("nan.npy", "y.npy"), says=["nan.npy: row 5 contains nan"])
        self.fails(1, *pair("absent.npy", "y.npy"), says=["absent.npy"])
        self.fails(1, *pair("p.npy", "y.npy"), "--from", "log-probabilities", says=["p.npy: row 0 contains 0.89"])
        self.fails(2, *pair("p.npy", "y.npy"), "--filter", "prun_by_class", says=["--filter", "prune_by_class"])
        self.fails(2, *pair("p.npy", "y.npy"), "--score", "x", says=["--score", "self_confidence"])
        self.fails(2, *pair("p.npy", "y.npy"), "--from", "odds", says=["--from", "logits"])
        self.fails(2, "audit", "--predictions", "p.npy", says=["--targets is missing"])
        self.fails(1, *pair("p.npy", "y.npy"), "--out", "no/such/s.csv", says=["no/such/s.csv"])

    def test_warns_of_a_class_without_rows(self):
        self.write("y.npy", npy("<i8", (6,), struct.pack("<6q", 0, 1, 0, 0, 0, 0)))
        _, err = self.audit()
        self.assertIn("no row has the label 2", err)


main()
