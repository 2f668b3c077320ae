"""Benchmarks: each one command, each printing ratios against a named baseline in the same run."""
