"""What the tests of the access to DynamoDB share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


SECRET = "p1anted-s3cret"
