# shellcheck shell=bash
# Sourced by tools/dev: formatting, static analysis, and the tests under sanitizers.
command_check() { die "not yet"; }
