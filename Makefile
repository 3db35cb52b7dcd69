# Shortcuts for CMake and its presets; each target first installs missing dependencies.
JOBS ?= $(shell nproc)
EPOCHS ?= 15

.PHONY: help deps install-clang build demo test test-cpp test-browser bench asan tsan fuzz lint format stubs reference docs clean
help:
	@echo "make build   builds the library, the command line, tests and examples in build/release"
	@echo "make demo    builds, trains on Fashion-MNIST and compares losses on a long-tailed subset; reports in runs/"
	@echo "make test    builds and runs all tests, including those of the Python package and of the reports in a browser"
	@echo "make bench   builds and runs the benchmarks"
	@echo "make asan    runs the tests with AddressSanitizer and UndefinedBehaviorSanitizer"
	@echo "make tsan    runs the tests with ThreadSanitizer"
	@echo "make fuzz    builds the fuzz targets (clang)"
	@echo "make lint    runs clang-format, ruff, mypy, and clang-tidy on changed files (see scripts/lint.sh for more checks)"
	@echo "make format  formats all C++ and Python"
	@echo "make stubs   regenerates the type stubs of the Python package (after make test, which installs it)"
	@echo "make reference  regenerates docs/reference from the list of losses"
	@echo "make docs    builds the documentation with the API of C++ and Python: build/docs/index.html"
	@echo "make clean   removes build/"

deps:
	@scripts/install-deps.sh

build: deps
	@cmake --preset release
	@cmake --build --preset release -j $(JOBS)

# Builds only the command line. The results of an earlier demo are replaced.
demo: deps
	@cmake --preset release
	@cmake --build --preset release --target perdita_cli -j $(JOBS)
	build/release/bin/perdita train --data fashion-mnist --hidden 256 --optimizer sgd:momentum=0.9 --lr 0.02 \
	  --epochs $(EPOCHS) --out runs/demo --overwrite
	build/release/bin/perdita compare --data fashion-mnist --imbalance longtail:100 --hidden 256,128 --epochs 10 \
	  --losses 'cross_entropy; focal; balanced_softmax' --optimizer sgd:momentum=0.9,nesterov=yes,weight_decay=0.0005 \
	  --lr 0.05 --schedule step:0.8,0.9 --batch-size 128 --val-fraction 0 --seeds 2 --out runs/demo-compare --overwrite

test: test-cpp
	@scripts/test-python.sh
	@$(MAKE) test-browser

test-cpp: build
	@ctest --preset release -j $(JOBS)

test-browser:
	@scripts/install-deps.sh --with browser
	@scripts/test-browser.sh

bench: deps
	@cmake --preset bench
	@cmake --build --preset bench -j $(JOBS)
	build/release/bin/perdita_bench

asan: install-clang
install-clang:
	@scripts/install-deps.sh --with clang

asan tsan: deps
	@cmake --preset $@ -DPERDITA_LAST_LAYER=$(LAST_LAYER)
	@cmake --build --preset $@ -j $(JOBS)
	@ctest --preset $@ -j $(JOBS)

fuzz:
	@scripts/install-deps.sh --with clang
	@cmake --preset fuzz
	@cmake --build --preset fuzz -j $(JOBS)

lint:
	@scripts/install-deps.sh --with lint
	@scripts/lint.sh

format:
	@scripts/install-deps.sh --with lint
	@scripts/lint.sh fix

stubs:
	build/python-env/bin/python tools/python_stubs.py python/perdita

reference: build
	build/release/bin/perdita explain --pages docs/reference

docs: deps
	@scripts/install-deps.sh --with docs
	@scripts/build-docs.sh

clean:
	rm -rf build
