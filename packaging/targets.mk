# What is delivered, and the units. Included by the Makefile; `make` alone lists these too.

.PHONY: units-check deb bundle sbom test-install

units-check: $(STAMP) ## systemd's own word on the units: no complaint, and how exposed each is
	$(BIN)/python -m pytest -rs -n0 tests/systemd

deb: $(STAMP) ## Debian packages for amd64 and arm64, complete and reproducible
	$(BIN)/python packaging/deb.py $(DEB)

bundle: $(STAMP) ## one archive with wheels and install.sh, for gateways that are not Debian
	$(BIN)/python packaging/bundle.py

sbom: $(STAMP) ## CycloneDX bill of materials
	$(BIN)/python packaging/sbom.py

test-install: deb bundle ## install, upgrade, remove and purge in a fresh Debian (root, debootstrap; slow)
	packaging/test-install.sh $(ROOTS)
