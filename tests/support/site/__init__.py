"""The documentation site: ``make docs`` stages its pages, builds it and checks its links."""
