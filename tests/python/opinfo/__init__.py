"""The losses of torch's operator database under every transform, next to torch's own functions.

`python -m opinfo` in tests/python runs all samples in all categories and prints the counts; test_opinfo_transforms.py runs
a selection of them.
"""

import expecttest_or_none  # noqa: F401
