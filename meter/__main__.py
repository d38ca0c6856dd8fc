"""``python -m meter`` is ``meter``."""

from meter.cli import main

main()
