# make demo | test | bench | build | lint | format | cuda | wheel | ci | clean
# Every target does its own set-up and skips what is already there. TORCH=1 adds PyTorch, the tests' live oracle.
# make test FAST=1 leaves out the slow tests; make bench GROUPS="1 4" QUICK=1 measures a part.
SHELL := /bin/bash
PRESET := release
BUILD := build/$(PRESET)
PYTHON_VENV := .venv/bin/python
JOBS := $(shell nproc)
ORACLE := $(if $(filter-out 0 false,$(CI)$(TORCH)),torch)
ifneq ($(shell command -v ccache),)
export CMAKE_CXX_COMPILER_LAUNCHER ?= ccache
export CCACHE_SLOPPINESS ?= pch_defines,time_macros
endif

.PHONY: help demo test bench build lint format cuda wheel ci asan clean

help:
	@sed -n '1,3s/^# //p' Makefile

# $(call configure,PRESET): once per build tree; afterwards ninja runs CMake again by itself when it has to.
configure = test -f build/$(1)/build.ninja || cmake --preset $(1) -DPython3_EXECUTABLE=$(CURDIR)/$(PYTHON_VENV)
compile = cmake --build --preset $(1) -j $(JOBS) --target $(2)

demo:
	@scripts/setup.sh build demo
	@$(call configure,release)
	@$(call compile,release,_C)
	@$(PYTHON_VENV) -m rushlight examples/python/mnist.py --out build/demo

build:
	@scripts/setup.sh build
	@$(call configure,release)
	@$(call compile,release,all)

# As many processes of one thread as there are processors; tests of threads ask for theirs.
test:
	@scripts/setup.sh build test demo $(ORACLE)
	@$(call configure,release)
	@$(call compile,release,all)
	ctest --preset release -j $(JOBS) --no-tests=error $(if $(FAST),-LE slow)
	OMP_NUM_THREADS=1 $(PYTHON_VENV) -m pytest -n $(JOBS) --dist worksteal $(if $(FAST),-m "not slow")

lint:
	@scripts/setup.sh build lint
	scripts/lint.sh

format:
	@scripts/setup.sh build lint
	scripts/lint.sh --fix

# JAX is one column of the report, which says so where it could not be installed.
bench:
	@scripts/setup.sh build demo torch
	@scripts/setup.sh bench || echo "bench: measuring without JAX"
	@$(call configure,release)
	@$(call compile,release,_C rushlight_probe)
	@$(PYTHON_VENV) benchmarks/run.py $(if $(GROUPS),--groups $(GROUPS)) $(if $(QUICK),--quick)

asan:
	@scripts/setup.sh build
	@$(call configure,asan)
	@$(call compile,asan,rushlight_tests)
	ctest --preset asan -j $(JOBS) --no-tests=error

cuda:
	@scripts/setup.sh build
	@$(call configure,cuda)
	@$(call compile,cuda,rushlight_cuda)
	@ls -l build/cuda/librushlight_cuda.so.*.*.*

# From the objects of the release build; plain pip builds in a tree of its own.
wheel:
	@scripts/setup.sh build wheel
	@$(call configure,release)
	@rm -rf dist
	$(PYTHON_VENV) -m pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation -w dist \
	  --config-settings build-dir=build/release --config-settings cmake.define.RUSHLIGHT_TESTS=ON .
	scripts/check_wheel.sh dist/*.whl

# What .ci/run runs. Each part says how long it took.
ci:
	@scripts/setup.sh build ccache
	@for part in lint test wheel asan; do \
	  start=$$SECONDS; $(MAKE) --no-print-directory $$part || exit; \
	  echo "ci: $$part took $$((SECONDS - start)) s"; \
	done

clean:
	rm -rf build dist
