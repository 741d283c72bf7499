# All targets do their own set-up, in .venv:
#
#   make test    style, spelling, types, the order of imports, and tests
#   make docs    the site, in build/site, and how long and how readable its pages are
#   make demo    the main job on simulated sweeps; on your own data:
#                make demo VIDEOS=videos.csv STILLS=stills.csv [DATA_ROOT=.] [SKIP_BAD=1] [OUT=...]
#
# PYTHON=python3.12 chooses another interpreter.  On a machine without a GPU, pointing pip at
# PyTorch's CPU builds (PIP_EXTRA_INDEX_URL) spares the download of CUDA.

PYTHON ?= python3
OUT ?= work_dirs/demo

python := .venv/bin/python
pip := $(python) -m pip --disable-pip-version-check
ready := .venv/.ready

export NO_MKDOCS_2_WARNING = 1

.PHONY: demo docs test

demo: $(ready)
	$(python) tools/demo.py --work-dir '$(OUT)' \
		$(if $(VIDEOS),--videos '$(VIDEOS)') $(if $(STILLS),--stills '$(STILLS)') \
		$(if $(DATA_ROOT),--data-root '$(DATA_ROOT)') $(if $(SKIP_BAD),--skip-bad)

test: $(ready)
	$(python) -m ruff check
	$(python) -m codespell_lib
	$(python) -m mypy lddm_aug tools lddm_aug_command.py
	.venv/bin/lint-imports
	OMP_NUM_THREADS=1 $(python) -m pytest -n auto --dist loadfile --durations 20

docs: $(ready)
	$(python) -m mkdocs build --strict --quiet
	$(python) tests/docs/readability.py

# A .venv that works is kept, with whatever Python it has; so is a full mmcv in it
# (see the extra `lite` in pyproject.toml).
$(ready): pyproject.toml constraints.txt
	@$(pip) --version > /dev/null 2>&1 || { $(PYTHON) -c "$$right_python" && $(PYTHON) -m venv --clear .venv; }
	@echo 'Installing into .venv, which takes some minutes ...'
	@extras=dev; $(pip) show -qq mmcv || extras=dev,lite; \
		$(pip) install -qq -c constraints.txt -e ".[$$extras]"
	@touch $@

define right_python
import sys
if not (3, 10) <= sys.version_info[:2] <= (3, 12):
    sys.exit('lddm-aug needs Python 3.10 to 3.12, but $(PYTHON) is %d.%d: '
             'name another one, as in make PYTHON=python3.12' % sys.version_info[:2])
endef
export right_python
