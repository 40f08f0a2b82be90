"""How help is laid out."""

from __future__ import annotations

import argparse
import os


class Formatter(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal, without the shutil that argparse imports to know how wide that is.

    argparse makes one for each argument that is added, help or not.
    """

    def __init__(self, prog: str) -> None:
        try:
            columns = os.get_terminal_size().columns
        except OSError:
            columns = 80
        super().__init__(prog, width=columns - 2)
