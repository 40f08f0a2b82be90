# `make help` lists the targets.

PREFIX     = /usr/local
BINDIR     = $(PREFIX)/bin
SYSCONFDIR = /etc

# Three stamps: the packages to serve with, those of the examples, and all packages for development.
VENV    = .venv
SERVING = $(VENV)/.serving
SHOWING = $(VENV)/.showing
READY   = $(VENV)/.ready

COMPILED = $(addprefix ddbcfg_client/hotpath/,_hot.c _bound.c _pinned.c) $(addprefix ddbcfg_client/,readonly/_guarded.c format/_unpack.c shm/_segment.c)

# Without bytecode, pytest rewrites the assertions of all tests anew in each of its processes: 8 s.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run example-flask example-fastapi example-django example-uwsgi example-celery example-bind test quick test-all coverage model race chaos fuzz soak sanitize sanitize-threads bench lint types settings format wheel-check contrib-check docs pictures dashboard-picture verify-unit install uninstall clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

# exec: Ctrl-C and SIGTERM reach the daemon itself, and make exits with its status.
run: $(SERVING) ## serve the example configuration from an embedded DynamoDB until Ctrl-C
	@exec $(VENV)/bin/ddbcfg-daemon --local examples/config.json --interval 5

# Each serves on http://127.0.0.1:8000/ (PORT) until Ctrl-C, and prints what to try.
EXAMPLE = @PATH='$(abspath $(VENV))/bin':"$$PATH" exec examples/run $(@:example-%=%)
example-flask: $(SHOWING) ## run Flask under gunicorn with an embedded DynamoDB and a daemon until Ctrl-C
	$(EXAMPLE)
example-fastapi: $(SHOWING) ## the same with FastAPI under uvicorn: typed options, a task that waits for changes
	$(EXAMPLE)
example-django: $(SHOWING) ## the same with Django under gunicorn: options as settings
	$(EXAMPLE)
example-uwsgi: $(SHOWING) ## the same with a WSGI application under uWSGI
	$(EXAMPLE)
example-celery: $(SHOWING) ## the same with Celery's prefork workers
	$(EXAMPLE)
example-bind: $(SHOWING) ## the same with a pool of connections that follows its option
	$(EXAMPLE)

# Reading is tested twice where the hot path was compiled: without it first.  Most tests wait for
# processes, so three of them run at once on two cores, if root can give each a /dev/shm of its own.
PYTEST  = $(VENV)/bin/python -m pytest
# support/workers.py has the order in which the files come.
AT_ONCE = $(if $(filter 0,$(shell id -u)),-n $(or $(JOBS),3) --dist loadfile --no-loadscope-reorder --reruns 1 -raR)
test: $(READY) ## run the test suite, JOBS (3) tests at once (ARGS='-k name': a part, one at a time)
	$(if $(ARGS),,DDBCFG_PURE=1 $(PYTEST) -q $(AT_ONCE) tests/integration/reading tests/races)
	$(PYTEST) $(or $(ARGS),-q $(AT_ONCE))

quick: $(READY) ## run the tests that need no server and kill nothing, in under a minute
	$(PYTEST) -q $(or $(ARGS),$(AT_ONCE)) tests/unit tests/property

# The daemons and clients that tests start are measured, too, so every user can write to the folder.
coverage: $(READY) ## run the test suite, and fail if too few branches are covered
	@rm -rf .cache/coverage && install -d -m 1777 .cache/coverage
	@$(MAKE) --no-print-directory test PYTEST='$(VENV)/bin/coverage run -m pytest'
	@$(VENV)/bin/coverage combine --quiet
	$(VENV)/bin/coverage report

# One line for each CPython >= 3.11 on this machine: version and path.
PYTHONS = for python in python3.11 python3.12 python3.13 python3.14 \
	              "$$(pyenv root 2>/dev/null)"/versions/*/bin/python; do \
	          "$$python" -c 'import platform, sys; \
	              assert sys.implementation.name == "cpython" and sys.version_info >= (3, 11); \
	              print(platform.python_version() + sys.abiflags, sys.executable)' 2>/dev/null; \
	      done | sort -uV -k1,1

# On free-threaded Python the daemon's posix_ipc would turn the GIL on, for the readers in that process too.
test-all: ## run the test suite on every CPython >= 3.11 of this machine
	@set -- $$($(PYTHONS)); passed= failed=; \
	while [ $$# -gt 0 ]; do \
	    echo "== CPython $$1 ($$2)"; \
	    case $$1 in *t) export PYTHON_GIL=0;; *) unset PYTHON_GIL;; esac; \
	    if $(MAKE) --no-print-directory test VENV=.venv-$$1 PYTHON="$$2"; \
	    then passed="$$passed $$1"; else failed="$$failed $$1"; fi; \
	    shift 2; \
	done; \
	echo "== $$(echo $$passed | wc -w) passed:$${passed:- none}," \
	     "$$(echo $$failed | wc -w) failed:$${failed:- none}"; \
	[ -n "$$passed" ] && [ -z "$$failed" ]

model: $(READY) ## search more interleavings of the revision protocol (15 minutes, 2 GB)
	DDBCFG_MODEL=1 $(VENV)/bin/python -m pytest -q -s tests/model

race: $(READY) ## race writers and hosts of one store until each host has published TIMES (2000) contents
	DDBCFG_RACE=$(or $(TIMES),2000) $(VENV)/bin/python -m pytest -q -s tests/races/test_revisions.py

chaos: $(READY) ## disturb a daemon for SECONDS (30), reproducibly with SEED, while readers check its data
	PYTHONPATH=tests $(VENV)/bin/python -m support.chaos \
	    --seconds $(or $(SECONDS),30) $(if $(SEED),--seed $(SEED))

fuzz: $(READY) ## run all parsers on hostile bytes for MINUTES (2)
	@$(VENV)/bin/python -m pip install --quiet --requirement tests/fuzz/requirements.txt
	PYTHONPATH=tests $(VENV)/bin/python tests/fuzz/fuzz_bytes.py -timeout=5 -rss_limit_mb=1024 \
	    -max_total_time=$$(($(or $(MINUTES),2) * 60)) -print_final_stats=1

soak: $(READY) ## run a daemon and readers for SECONDS (600), and print their memory use
	$(VENV)/bin/python -m benchmarks.soak --seconds $(or $(SECONDS),600)

sanitize: $(READY) ## test the C extension under ASan and UBSan
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	cp -r ddbcfg_client ddbcfg_daemon tests pyproject.toml "$$dir"; rm -f "$$dir"/ddbcfg_client/_compiled.*so; \
	include=$$($(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("include"))'); \
	$(CC) -O1 -g -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers \
	    -Wno-cast-function-type -fsanitize=address,undefined -fno-omit-frame-pointer -shared -fPIC \
	    -I"$$include" $(COMPILED) -o "$$dir/ddbcfg_client/_compiled.so"; \
	cd "$$dir"; export PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0; \
	export LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)"; \
	"$(CURDIR)/$(VENV)/bin/python" -m pytest -q tests/unit/hot tests/integration/reading \
	    tests/unit/test_readonly.py tests/unit/test_readonly_as_plain.py \
	    tests/property/test_unpack.py tests/property/test_short_way.py

# TSAN_PYTHON is a free-threaded CPython that was built with --with-thread-sanitizer, installed or not;
# nothing has to be installed in it.  Three races are CPython's own, and in its own list: a lookup in a
# dict may touch the reference count of an object that is just created anew, and then looks again; and
# the list of threads is read without its lock.
sanitize-threads: $(READY) ## test the C extension of TSAN_PYTHON with threads, under TSan
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	cp -r ddbcfg_client tests "$$dir"; rm -f "$$dir"/ddbcfg_client/_compiled.*so; mkdir "$$dir/msgpack"; \
	cp "$$($(VENV)/bin/python -c 'import msgpack; print(*msgpack.__path__)')"/*.py "$$dir/msgpack"; \
	includes=$$('$(TSAN_PYTHON)' -c 'import sysconfig as s; \
	    print(*["-I" + s.get_path(path) for path in ("include", "platinclude")])'); \
	$(CC) -O1 -g -fsanitize=thread -shared -fPIC $$includes $(COMPILED) \
	    -o "$$dir/ddbcfg_client/_compiled.so"; \
	cd "$$dir"; export PYTHONPATH="$$dir:$$dir/tests"; \
	printf 'race_top:%s\n' new_reference PyInterpreterState_ThreadHead PyThreadState_Next >expected; \
	export TSAN_OPTIONS="exitcode=66 history_size=7 suppressions=$$dir/expected"; \
	'$(TSAN_PYTHON)' -m support.replacing $(or $(TIMES),5000)

# Prints which packages could not be installed and which programs did not start, and skips them.
bench: $(READY) ## measure, and write docs/performance.md (ARGS='read start' for parts, QUICK=1)
	@$(VENV)/bin/python -m pip install --quiet --requirement benchmarks/requirements.txt || \
	    echo "some packages of benchmarks/requirements.txt could not be installed" >&2
	$(VENV)/bin/python -m benchmarks $(if $(QUICK),--quick) $(ARGS)

lint: $(READY) ## check style, formatting and the rules for imports
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/lint-imports --no-logo --no-cache

types: $(READY) ## check the types of both packages and of programs that use them
	$(VENV)/bin/mypy
	$(VENV)/bin/basedpyright

settings: $(READY) ## write the documents that are generated from the table of settings
	PYTHONPATH=tests $(VENV)/bin/python -m support.settings_documents

pictures: $(READY) ## take the pictures of the page for the documents (needs chromium)
	PYTHONPATH=tests $(VENV)/bin/python -m support.page_pictures

dashboard-picture: $(READY) ## draw the dashboard for the documents, over real metrics (needs root, prometheus and chromium)
	PYTHONPATH=tests $(VENV)/bin/python -m support.dashboard_picture

format: $(READY) ## format the code, and apply ruff's fixes
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

# Builds the wheel from the sdist: this checks that both are complete, and uses no old build/ files.
# BUILD=pure or BUILD=compiled demands one of the two.  INTO=/path/to/python installs the sdist for that Python.
wheel-check: $(READY) ## check that the wheel works in a separate venv (BUILD, INTO)
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	PYTHONPATH=tests $(VENV)/bin/python -m support.distribution "$$dir" $(BUILD); \
	$(or $(INTO),$(VENV)/bin/python) -m venv "$$dir/venv"; \
	DDBCFG_BUILD=$(BUILD) "$$dir/venv/bin/pip" install --quiet "$$dir"/*.$(if $(INTO),tar.gz,whl); \
	cd "$$dir" && venv/bin/python "$(CURDIR)/.ci/check_wheel.py" $(BUILD)

# In a venv of its own, because the linters are large (0.4 GB).
CHECKED = .cache/contrib
contrib-check: $(READY) ## validate the files of contrib/ with the linters of their tools
	@test -d $(CHECKED) || $(VENV)/bin/python -m venv $(CHECKED)
	@$(CHECKED)/bin/pip install --quiet --requirement contrib/requirements.txt
	$(CHECKED)/bin/cfn-lint contrib/aws/*.yaml
	$(CHECKED)/bin/hadolint contrib/container/Dockerfile
	$(CHECKED)/bin/check-jsonschema --builtin-schema vendor.compose-spec contrib/container/*.yaml
	$(CHECKED)/bin/kubernetes-validate --strict --quiet contrib/kubernetes/*.yaml
	@command -v promtool >/dev/null || echo "no promtool here: the alerts were not tested"
	@! command -v promtool >/dev/null || promtool test rules contrib/prometheus/alerts_test.yml

# In a venv of its own, like contrib-check.  It fails if a link or an anchor leads nowhere.
SITE = .cache/docs
docs: $(READY) ## build the documentation site in .cache/site/html
	@test -d $(SITE) || $(VENV)/bin/python -m venv $(SITE)
	@$(SITE)/bin/pip install --quiet --requirement docs/requirements.txt
	@PYTHONPATH=tests $(VENV)/bin/python -m support.site.pages
	@$(SITE)/bin/zensical build --strict
	@PYTHONPATH=tests $(VENV)/bin/python -m support.site.built

# systemd-analyze needs the program to exist, and exits with 0 if there are only warnings.  Its
# output about other units of this machine is ignored.
verify-unit: ## check the installed form of the systemd units
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	$(MAKE) --silent install DESTDIR="$$dir" PREFIX=/usr BINDIR="$$dir"; \
	install -m 755 /dev/null "$$dir/ddbcfg-daemon"; \
	install -m 755 /dev/null "$$dir/ddbcfg-client"; \
	systemd-analyze verify "$$dir"/usr/lib/systemd/system/*.service >"$$dir/said" 2>&1 || \
	    { cat "$$dir/said"; exit 1; }; \
	! grep ddbcfg "$$dir/said"

# The same code as ddbcfg-daemon install-units: a host without a checkout has no make.
UNITS = $(if $(DESTDIR),--destdir '$(DESTDIR)') --prefix '$(PREFIX)' --bindir '$(BINDIR)' --sysconfdir '$(SYSCONFDIR)'
install: $(SERVING) ## install the systemd files (DESTDIR, PREFIX, BINDIR, SYSCONFDIR)
	@$(VENV)/bin/python -m ddbcfg_daemon install-units $(UNITS)

uninstall: $(SERVING) ## remove the systemd files; the settings stay
	@$(VENV)/bin/python -m ddbcfg_daemon uninstall-units $(UNITS)

clean: ## remove the venvs, builds and caches
	rm -rf .venv .venv-* .cache build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(SERVING): pyproject.toml setup.py $(COMPILED) $(wildcard ddbcfg_client/hotpath/*.h)
	@for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11) none; do \
	    "$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' \
	        2>/dev/null && break; \
	done; \
	if [ "$$python" = none ]; then \
	    echo "ddbcfg needs Python >= 3.11 with venv and ensurepip (on Debian: python3-venv)," >&2; \
	    echo "and found $(if $(PYTHON),$(PYTHON),none on PATH): make PYTHON=/path/to/python3" >&2; \
	    exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$("$$python" --version)"; \
	$(VENV)/bin/python -m pip --version >/dev/null 2>&1 || "$$python" -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --editable '.[local]'
	@touch $@

# ddbcfg itself is installed already, so these only install the requirements of the extras.
$(SHOWING): $(SERVING)
	@$(VENV)/bin/python -m pip install --quiet 'ddbcfg[examples]'
	@touch $@

$(READY): $(SERVING)
	@$(VENV)/bin/python -m pip install --quiet 'ddbcfg[dev]'
	@touch $@
