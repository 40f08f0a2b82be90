"""A process that has imported boto3 and does nothing."""

from __future__ import annotations

import boto3  # noqa: F401 - what is measured

from benchmarks.children import serve

if __name__ == "__main__":
    serve({})
