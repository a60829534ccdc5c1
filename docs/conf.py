"""How the site is made of these pages: `make docs`. Decisions: docs/decisions/0020.

Decides the looks and what counts as an error. Never loads anything from a network, when the site is built or when it is read: the
reader sits in a plant.
"""

import re
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

_CODE = Path(__file__).parents[1] / "agent/__init__.py"

project = "nameplated"
copyright = "the nameplated maintainers, Apache-2.0"  # noqa: A001  # Sphinx's name for it
version = release = re.findall(r'VERSION = "([^"]+)"', _CODE.read_text("utf-8"))[0]

extensions = ["myst_parser"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # decision records begin with a second level where their state stands
nitpicky = True

html_theme = "furo"
html_title = f"nameplated {release}"
html_static_path = ["pictures"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"top_of_page_buttons": []}
templates_path = []


def setup(app: Sphinx) -> None:
    """Show a drawing that only some readers draw as the text that it is."""
    app.add_lexer("mermaid", TextLexer)
