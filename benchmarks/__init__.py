"""The benchmarks: ``make bench``, told in docs/performance.md."""
