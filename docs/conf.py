"""Configuration of the site that scripts/build-docs.sh makes of this folder."""

import pathlib
import re
import sys

root = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(root / "docs/extensions"))

project = "Perdita"
author = "The authors of Perdita"
copyright = author
release = version = re.search(r"project\(perdita VERSION ([0-9.]+)", (root / "CMakeLists.txt").read_text())[1]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "cpp_api", "python_api"]
exclude_patterns = ["extensions", "README.md"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
nitpicky = True
nitpick_ignore_regex = [("py:.*", r".*"), ("cpp:.*", r".*")]

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"
# Packages that perdita.callbacks is for, and that the description does not need.
autodoc_mock_imports = ["fastai", "ignite", "keras", "lightning", "pytorch_lightning", "skorch", "transformers"]
autosummary_generate = False
add_module_names = False
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 90

html_theme = "furo"
html_title = f"Perdita {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
pygments_style = "tango"
pygments_dark_style = "native"
