"""The linter of a policy's economics: rules that find in policy and costs what will lose money or customers.

A rule is a function of a ``Subject`` that yields what it finds; ``rules.RULES`` is the table of all of them, and each
has a page under ``docs/rules/``.
"""
