"""The projects whose tests scripts/test-third-party.sh runs: versions, sources, and the tests that compute losses."""

import sys
from typing import NamedTuple


class Project(NamedTuple):
    """A project on PyPI, and the commit of its repository that the release was made of."""

    name: str
    requirements: tuple[str, ...]
    repository: str
    tag: str
    folders: tuple[str, ...]
    """What is taken from the repository: as a rule tests only, so that the package is the release."""
    tests: tuple[str, ...]
    """Arguments of pytest in the folder of the sources."""
    path: tuple[str, ...] = ()
    """Folders of the sources on the path of modules."""
    environment: tuple[tuple[str, str], ...] = ()
    without_dependencies: tuple[str, ...] = ()
    """Requirements whose own requirements contradict those of other projects."""

    @property
    def version(self):
        return self.tag.lstrip("v")


PROJECTS = [
    Project(
        "pytorch-metric-learning",
        ("pytorch-metric-learning==2.8.1", "faiss-cpu", "record-keeper", "tensorboard"),
        "https://github.com/KevinMusgrave/pytorch-metric-learning",
        "v2.8.1",
        ("tests",),
        ("tests/losses", "tests/regularizers"),
        environment=(("TEST_DEVICE", "cpu"),),
    ),
    Project(
        "segmentation-models-pytorch",
        ("segmentation-models-pytorch==0.5.0",),
        "https://github.com/qubvel-org/segmentation_models.pytorch",
        "v0.5.0",
        ("tests",),
        ("tests/test_losses.py",),
    ),
    Project(
        "skorch",
        ("skorch==1.4.0", "flaky", "openpyxl", "pytest-mock"),
        "https://github.com/skorch-dev/skorch",
        "v1.4.0",
        ("skorch/tests",),
        ("tests/test_classifier.py", "tests/test_regressor.py", "tests/test_probabilistic.py", "tests/test_helper.py"),
    ),
    Project(
        "laplace-torch",
        ("laplace-torch==0.2.2.2", "curvlinops-for-pytorch==2.0.0", "pytest-mock", "scipy"),
        "https://github.com/aleximmer/Laplace",
        "0.2.2.2",
        ("tests",),
        (
            "tests/test_curv_backends_asdl.py",
            "tests/test_curv_backends_backpack.py",
            "tests/test_curv_backends_curvlinops.py",
            "tests/test_curv_backends_interface.py",
            "tests/test_serialization.py",
        ),
    ),
    Project(
        "opacus",
        ("opacus==1.5.4", "hypothesis"),
        "https://github.com/pytorch/opacus",
        "v1.5.4",
        ("opacus/tests",),
        ("tests/grad_sample_module_test.py", "tests/grad_sample_module_fast_gradient_clipping_test.py"),
    ),
    Project(
        "captum",
        ("tqdm", "matplotlib", "parameterized"),
        "https://github.com/pytorch/captum",
        "v0.8.0",
        ("tests", "captum"),  # the release lacks the module captum.testing
        ("tests/influence", "tests/robust", "tests/utils/test_jacobian.py"),
        without_dependencies=("captum==0.8.0",),
    ),
    Project(
        "lightning",
        ("lightning==2.6.1", "pytest-mock", "psutil"),
        "https://github.com/Lightning-AI/pytorch-lightning",
        "2.6.1",
        ("tests",),
        ("tests/tests_pytorch/trainer/optimization/test_manual_optimization.py",),
        path=("tests",),
    ),
    Project(
        "torchmetrics",
        ("torchmetrics==1.9.0", "lightning==2.6.1"),
        "https://github.com/Lightning-AI/torchmetrics",
        "v1.9.0",
        ("tests",),
        ("tests/integrations/test_lightning.py",),
        path=("tests",),
    ),
]

OF_TESTS = ("pytest", "accelerate", "transformers==5.0.0", "numpy", "mpmath", "expecttest", "pandas", "matplotlib")
"""Requirements of the tests of Perdita that run in this environment."""

if __name__ == "__main__":
    if sys.argv[1:] == ["--without-dependencies"]:
        print(*(requirement for project in PROJECTS for requirement in project.without_dependencies))
    else:
        print(*OF_TESTS, *sorted({requirement for project in PROJECTS for requirement in project.requirements}))
