# Every target sets up what it needs and runs it from .venv, whether or not an environment is active.

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-llm bench lint format check clean

# The user's Python settings are for other projects. Bytecode must be kept: without it each of the
# many processes that the tests start would compile its imports again.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

setup:  ## make or update .venv; takes no time where it is in place
	@scripts/setup

demo: setup  ## record, replay and explain a conversation with a scripted server
	.venv/bin/respool demo

test: setup  ## run the tests and measure their branch coverage
	.venv/bin/pytest -n 2 --cov --cov-report=term

test-slow: setup  ## run the tests that take long or measure speed
	.venv/bin/pytest -m slow

test-llm:  ## run respool in front of a real model (installs 350 MB)
	@scripts/setup llm
	.venv/bin/pytest -m llm

bench: setup  ## measure speeds side by side and print the figures
	.venv/bin/python -P -m benchmarks

lint: setup  ## check format, style, types and who imports whom
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: setup  ## format the code and repair what can be repaired
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

check: lint test  ## lint and test, as CI does

clean:  ## remove what setup, lint and tests made
	rm -rf .venv .tools .coverage .coverage.* htmlcov dist
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
