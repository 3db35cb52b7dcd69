"""train, evaluate and weights read text by the same rules: the same files are read or refused, in the same words. train also
reads words and missing values."""

import json
import os
import random
import threading

from harness import CliTest, main

ROWS = [(i % 5 + i / 8, i * 7 % 11 - 3.5, i * 3 % 7 + 0.25) for i in range(24)]


def table(header="a,b,y", separator=",", end="\n", extra=""):
    lines = [header] if header else []
    lines += [separator.join(map(str, row)) for row in ROWS]
    return "".join(line + end for line in lines) + extra


READABLE = {
    "header": table(),
    "no header": table(""),
    "semicolon": table("a;b;y", ";"),
    "semicolon without header": table("", ";"),
    "tab": table("a\tb\ty", "\t"),
    "CRLF": table(end="\r\n"),
    "CR": table(end="\r"),
    "byte-order mark": "\ufeff" + table(),
    "quoted": table('"a","b, c","y ""z"""'),
    "blank lines": "\n \n" + table(end="\n\n"),
    "no last line end": table()[:-1],
    "semicolon in a name": table("a;c,b,y"),
    "tab in a name": table("a\tc,b,y"),
    "comma in a name": table("a,c;b;y", ";"),
    "NA as a name": table("NA,FR,y"),
    "no names": table(",,"),
}
REFUSED = {
    "empty": ("", "the file is empty"),
    "header only": ("a,b,y\n", "no data after the header"),
    "short": (table(extra="1,2\n"), "line 26 has 2 fields (valid: 3, as in the first line)"),
    "long": (table(extra="1,2,3,4\n"), "line 26 has 4 fields (valid: 3, as in the first line)"),
    "trailing separator": ("a,b,y\n" + table("", end=",\n"), "line 2 has 4 fields (valid: 3, as in the first line)"),
    "mixed first line": (table("1,b,y"), "line 1 has numbers and words, and may be a header or data, got 'b'"),
    "pandas": (table(",0,1"), "(valid: set header to yes or no; to_csv of pandas with index=False)"),
    "open quote": (table(extra='1,"2,3\n'), "line 26: a quoted field is not closed"),
    "text after a quote": (table(extra='1,"2"x,3\n'), "line 26: 'x' follows a closing quote"),
    "UTF-16": (table().encode("utf-16"), "the text is UTF-16 (valid: UTF-8)"),
}  # fmt: skip
WORDS = {
    "word": (table(extra="1,x,3\n"), "line 26, column 1 'b': the value is not a number, got 'x' (valid: a number such as"),
    "decimal comma": (table("a;b;y", ";", extra="1,5;2;3\n"), "line 26, column 0 'a': the value is not a number, got '1,5'"),
    "grouped digits": (table(extra="1,1_000,3\n"), "the value is not a number, got '1_000'"),
    "empty field": (table(extra="1,,3\n"), "line 26, column 1 'b': the value is missing, got '' (valid: a number"),
    "NUL": (table(extra="1,2\0,3\n"), r"not a number, got '2\x00'"),
}  # fmt: skip


class Csv(CliTest):
    def train(self, spec, *words):
        return ["train", "--data", spec, "--epochs", "1", "--hidden", "2", "--charts", "none", "--quiet", "--out", "run",
                "--overwrite", *words]  # fmt: skip

    def evaluate(self, file, *words):
        return ["evaluate", "--predictions", file, "--targets", file, "--loss", "mse", "--quiet", "--json", *words]

    def test_files_that_are_read(self):
        for name, text in READABLE.items():
            with self.subTest(name):
                self.write("t.csv", text)
                self.run_cli(*self.train("csv:t.csv"))
                out, _ = self.run_cli(*self.evaluate("t.csv"))
                self.assertEqual(json.loads(out)["rows"], 24)

    def test_files_that_are_refused(self):
        for name, (text, says) in REFUSED.items():
            with self.subTest(name):
                self.write("t.csv", text)
                for command in (self.train("csv:t.csv"), self.evaluate("t.csv")):
                    self.fails(1, *command, says=["error: read_csv: t.csv: ", says])

    def test_words_are_inputs_of_train_alone(self):
        for name, (text, says) in WORDS.items():
            with self.subTest(name):
                self.write("t.csv", text)
                self.fails(1, *self.evaluate("t.csv"), says=["error: read_csv: t.csv: ", says])
                if name == "decimal comma":
                    self.fails(1, *self.train("csv:t.csv"), says=["line 26, column 0 'a': the numbers have a decimal"])
                    continue
                _, err = self.run_cli(*self.train("csv:t.csv"))
                if name in ("word", "grouped digits", "NUL"):
                    self.assertIn(
                        "perdita train: warning: column 1 'b' is read as categories, because line 26 has", err
                    )

    def test_options(self):
        self.write("t.csv", table("1,b,y"))
        self.run_cli(*self.train("csv:t.csv,header=yes,separator=comma"))
        self.run_cli(*self.evaluate("t.csv", "--header", "yes", "--separator", "comma"))
        self.fails(1, *self.train("csv:t.csv,separator=tab"), says=["line 1 has one field (valid: at least 2"])
        self.fails(
            1, *self.evaluate("t.csv", "--separator", "tab"), says=["line 2, column 0 '1,b,y': the value is not"]
        )
        for option, valid in (("header", "detect, yes, no"), ("separator", "detect, comma, semicolon, tab")):
            says = [f"{option}: got 'never' (valid: {valid})"]
            self.fails(2, *self.train(f"csv:t.csv,{option}=never"), says=says)
            self.fails(2, *self.evaluate("t.csv", f"--{option}", "never"), says=says)
            self.fails(2, "weights", "t.csv:y", f"--{option}", "never", says=says)

    def test_help_describes_the_same_options_alike(self):
        texts = [" ".join(self.run_cli(command, "--help")[0].split()) for command in ("train", "evaluate", "weights")]
        for text in texts:
            self.assertIn("whether the first line contains column names: yes, no or detect (default: detect)", text)
            self.assertIn("column separator: comma, semicolon, tab or detect (default: detect)", text)

    def test_columns(self):
        self.write("t.csv", table("a,y,y"))
        for column in ("y", "z", "3"):
            said = []
            for command in (self.train(f"csv:t.csv,target={column}"), self.evaluate(f"t.csv:{column}")):
                said.append(self.fails(1, *command, says=[]).split("error: ")[1])
            self.assertEqual(said[0], said[1])
        for column in ("a", "0", "2", "-1"):
            self.run_cli(*self.train(f"csv:t.csv,target={column}"))
            self.run_cli(*self.evaluate(f"t.csv:{column}"))

    def test_weights_count_the_labels_that_train_has(self):
        kinds = ["cat" if i % 3 else '"dog; big"' if i % 2 else "owl" for i in range(60)]
        self.write("t.csv", "x;kind\n" + "".join(f"{i};{kind}\n" for i, kind in enumerate(kinds)))
        out, _ = self.run_cli("weights", "t.csv:kind", "--json")
        self.assertEqual(json.loads(out)["classes"], ["cat", "dog; big", "owl"])
        self.assertEqual(json.loads(out)["counts"], [40, 10, 10])
        self.run_cli(*self.train("csv:t.csv", "--val-fraction", "0"))
        self.write("t.csv", "1,0\n2,1\n3,NaN\n")
        self.fails(1, "weights", "t.csv:1", says=["missing, got 'NaN'"])

    def test_pipes(self):
        text = table("a;b;y", ";")
        for command in (self.train("csv:pipe"), self.evaluate("pipe")[:3] + self.evaluate("t.csv")[3:]):
            with self.subTest(command[0]):
                self.write("t.csv", text)
                os.mkfifo(self.path("pipe"))
                writer = threading.Thread(target=lambda: self.write("pipe", text))
                writer.start()
                self.run_cli(*command)
                writer.join()
                os.remove(self.path("pipe"))

    def test_a_quote_within_a_field_of_a_long_file(self):
        """Longer than what is read at a time, with quotes that open no field, and line ends in those that do."""
        draw = random.Random(20261129)
        texts = ['5" pipe', '"two\nlines"', '"a ""b"""', "plain"]
        lines = ["x,text,y"] + [f"{i},{draw.choice(texts)},{i % 97}" for i in range(150_000)]
        self.write("t.csv", "\n".join(lines) + "\n")
        out, _ = self.run_cli(*self.evaluate("t.csv:y"))
        self.assertEqual(json.loads(out)["rows"], 150_000)
        self.write("t.csv", "\n".join([*lines, "1,text,x"]) + "\n")
        line = 1 + sum(text.count("\n") + 1 for text in lines)
        self.fails(
            1, *self.evaluate("t.csv:y"), says=[f"line {line}, column 2 'y': the value is not a number, got 'x'"]
        )
        _, err = self.run_cli(*self.train("csv:t.csv,target=text"))
        self.assertIn(f"column 2 'y' is read as categories, because line {line} has 'x'", err)


main()
