"""perdita stabilize."""

import json

from harness import CliTest, main


class Stabilize(CliTest):
    def stable_form(self, formula):
        out, _ = self.run_cli("stabilize", formula, "--json", "--seconds", "60")
        return json.loads(out)

    def test_prints_the_form_and_its_errors(self):
        out, _ = self.run_cli("stabilize", "log(1+exp(-t*y)) [t = -1, 1]")
        for line in (
            "formula        log(1 + exp(-t * y))",
            "domain         t = -1, 1",
            "stable form    softplus(-t * y)",
            "value, float32 ",
            "derivative, float64 ",
            "worst before ",
            "compared       equal in 200 bits",
        ):
            self.assertIn(line, out)

    def test_json(self):
        found = self.stable_form("-log(exp(y)/(1+exp(y)))")
        self.assertEqual(found["stable_form"], "softplus(-y)")
        self.assertTrue(found["is_changed"])
        for row in found["errors"]:
            self.assertGreater(row["before"]["share_above_4_ulp"], 0.1)
            self.assertLess(row["after"]["share_above_4_ulp"], 0.01)
        self.assertIn("y", found["errors"][0]["before"]["worst_input"])
        self.assertGreater(found["points_compared"], 5000)

    def test_the_form_is_a_formula_again(self):
        found = self.stable_form("(log(1+y)-log(1+t))^2 [y, t >= 0]")
        out, _ = self.run_cli("check", found["stable_form"], "--range", "0..3", "--json")
        self.assertEqual(json.loads(out)["loss"], found["stable_form"])

    def test_formulas_of_classes(self):
        found = self.stable_form("-t*(1-exp(log_p))^2*log_p")
        self.assertEqual(found["domain"], "log_p <= 0, t in 0..1")
        self.assertIn("expm1(log_p)", found["stable_form"])
        self.assertEqual(self.stable_form("log(1+exp(log_p))")["stable_form"], "softplus(log_p)")

    def test_notations(self):
        formula = "log(1+exp(-t*y)) [t = -1, 1]"
        self.assertEqual(self.run_cli("stabilize", formula, "--to", "formula")[0], "softplus(-t * y)\n")
        self.assertEqual(
            self.run_cli("stabilize", formula, "--to", "cpp")[0], "[](auto y, auto t) { return softplus(-t * y); }\n"
        )
        self.assertIn("\\log", self.run_cli("stabilize", formula, "--to", "latex")[0])
        of_one = self.run_cli("stabilize", "-log(exp(y)/(1+exp(y)))", "--to", "cpp")[0]
        self.assertEqual(of_one, "[](auto y, auto) { return softplus(-y); }\n")
        self.fails(2, "stabilize", formula, "--to", "python", says=["--to"])

    def test_what_is_exact_stays(self):
        out, _ = self.run_cli("stabilize", "formula: abs(y - t)")
        self.assertIn("no better form was found", out)

    def test_wrong_usage(self):
        self.fails(2, "stabilize", says=["the formula is missing"])
        self.fails(2, "stabilize", "sigmod(y)", says=["did you mean 'sigmoid'?"])
        self.fails(2, "stabilize", "t + 1", says=["does not depend on y"])
        self.fails(2, "stabilize", "log(y) [x > 0]", says=["where one of y", "is expected"])
        self.fails(2, "stabilize", "log(-1-y^2)", says=["is not defined at any of"])
        self.fails(2, "stabilize", "y [y in 1..0]", says=["there is no y"])
        self.fails(2, "stabilize", "y", "--seconds", "-1", says=["--seconds"])


main()
