# The site made of these pages. Included by the Makefile; `make` alone lists this too.

DOCS_VENV  := .venv-docs
DOCS_STAMP := $(DOCS_VENV)/.ready
SITE       := build/site

.PHONY: docs screens

$(DOCS_STAMP): requirements-docs.lock
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-docs.lock
	@touch $@

docs: $(DOCS_STAMP) ## the site in build/site, to be read without any network; a broken link is an error
	$(DOCS_VENV)/bin/python -m sphinx --fail-on-warning --keep-going --nitpicky --quiet --fresh-env --doctree-dir build/doctrees docs $(SITE)
	$(PYTHON) -I -B devtools/selfcontained.py $(SITE)

screens: $(STAMP) ## run every command of every page, and compare every screen
	$(BIN)/python -m devtools.screens --check $(PAGES)
