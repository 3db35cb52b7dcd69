"""What Perdita says where torch's own tests expect another message: the same, more precisely."""

import re

_CLASSES = r"with class indices, or \[.*\] with class probabilities"

# A part of torch's pattern -> Perdita's message after "function: ". {0}, {1} are the groups of torch's part.
CLEARER = {
    r"is not (?:a valid value|valid$)": r"reduction is 'abc' \(valid: none, mean, sum\)",
    r"size of tensor a \\\((\d)\\\) must match the size of tensor b \\\((\d)\\\)": (
        r".*cannot be broadcast together: sizes ({0} and {1}|{1} and {0}) differ \(valid: the same, or 1\)"
    ),
    r"does not support non-positive values for delta": r"delta is (0|-1) \(valid: above 0\)",
    r"All input tensors should": (
        r"input1 has shape \[5, 4\], input2 \[5, 4\] and target \[5\] \(valid: the same rank\)"
    ),
    r"Expected non-empty vector or matrix .*, but got: \\\[(.*)\\\]": (
        r"input has shape \[{0}\] \(valid: \[C\] or \[N, C\] with C above 0\)"
    ),
    r"target tensor should be 1-D .*but got \\\[(.*)\\\]": (
        r"target has shape \[{0}\], but input has 5 rows \(valid: \[5\]\)"
    ),
    r"expected scalar type Long but found Float": (
        r"target holds float32 \(valid: class indices as int64, int32 or uint8\)"
    ),
    r"weight must be one-dimensional": r"weight has shape \[(5, 4)?\], but input has 4 classes \(valid: \[4\]\)",
    r"inconsistent weight size, expected (\d) but got \\\[(\d)\\\]": (
        r"weight has shape \[{1}\], but input has {0} classes \(valid: \[{0}\]\)"
    ),
    r"inconsistent target size: \\\[(.*)\\\] for input of size: \\\[(.*)\\\]": (
        r"target has shape \[{0}\], but input has \[{1}\] \(valid: the same\)"
    ),
    r"only p == 1 and p == 2 supported": r"p is 3 \(valid: 1 or 2\)",
    r"margin must be greater than 0, got -1.0": r"margin is -1 \(valid: above 0\)",
    r"expected to have the same number of dimensions": (
        r"inputs have shapes \[(3\] and \[3, 4|3, 4\] and \[3)\] \(valid: \[\.\.\., D\] of the same rank\)"
    ),
    r"var is of incorrect size": r"var has shape \[10, 2, 2\], but input has \[10, 2, 3\] \(valid: the same, .*\)",
    r"delta must be a float or int": r"delta is \(1\+0j\) \(valid: a number\)",
    r"expected scalar type \\w\+ but found": r"input of shape \[0, 0\] has no classes \(valid: 1 or more\)",
    r"weight tensor should be defined": r"weight has shape \[2\], but input has 3 classes \(valid: \[3\]\)",
    r"label_smoothing must be between 0.0 and 1.0": r"label_smoothing is 1\.5 \(valid: 0\.\.1\)",
    r"^ignore_index (?:cannot be|is not)": (
        r"ignore_index is [01], but target holds class probabilities \(valid: with class indices only\)"
    ),
    r"Expected floating point type for target with class probabilities": (
        r"target (has the input's shape \[2, 3\], but holds int64 \(valid: class indices \[2\], .*"
        r"|has shape \[4, 2\], but input has \[4, 3\] and linear_weight \[2, 3\] \(valid: \[4\])\)"
    ),
    r"expected target dtype to be Long or Byte": (
        r"target of shape \[2\] holds float64 \(valid: class indices as int64, int32 or uint8, or probabilities .*\)"
    ),
    r"Expected input batch_size": (
        rf"target has shape \[(3\], but input has \[2, 3\] \(valid: \[2\] {_CLASSES}"
        r"|5, 2\], but input has \[4, 3\] and linear_weight \[2, 3\] \(valid: \[4, 2\])\)"
    ),
    r"^Expected target size": rf"target has shape \[2, 4\], but input has \[2, 3, 5\] \(valid: \[2, 5\] {_CLASSES}\)",
    r"expected input with dimensionality 1 or 2": r"input has shape \[2, 3, 3\] \(valid: \[F\] or \[N, F\]\)",
    r"expected linear_weight with dimensionality": r"linear_weight has shape \[2\] \(valid: \[C, F\] or \[C, d1, .*\]\)",
    r"last dimensions .*, got (\d) and (\d)": (
        r"linear_weight has shape \[2, {1}\], but input has \[\d, {0}\] \(valid: the same last size\)"
    ),
    r"K-dimensional loss defined by linear_weight shape": (
        r"linear_weight has shape \[2, 4, 3\], but input has \[3\] "
        r"\(valid: \[N, F\] for a weight of more than two dimensions\)"
    ),
    r"expected linear_bias shape \\\((\d),\\\), got \\\((\d),\\\)": (
        r"linear_bias has shape \[{1}\], but linear_weight has \[{0}, 3\] \(valid: \[{0}\]\)"
    ),
}


def assert_says(function, message, pattern):
    """torch's message, or the one of CLEARER that stands beside it, of this function."""
    if re.search(pattern, message):
        return
    found = [(match, ours) for theirs, ours in CLEARER.items() if (match := re.search(theirs, pattern))]
    assert len(found) == 1, f"{pattern!r} has {len(found)} entries in CLEARER (valid: one); Perdita says {message!r}"
    match, ours = found[0]
    expected = f"{function}: {ours.format(*match.groups())}"
    assert re.fullmatch(expected, message, re.DOTALL), f"Perdita says {message!r}, expected {expected!r}"
