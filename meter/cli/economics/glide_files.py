"""What a planned way leaves behind: the policy file, the letters, the pins; none of them ever written over another."""

from pathlib import Path

import typer

from meter.cli.ends import Refusal
from meter.cli.printing import counted, say
from meter.credits import text
from meter.economics.exact import decimal_text
from meter.economics.glide.letters import letter
from meter.economics.glide.plan import Glide
from meter.economics.glide.policy import differences, pin_commands, policy_text, rounding_text, version_text
from meter.policy.model import Operation
from meter.pricing.words import moment_text

YAML = (".yaml", ".yml")


def write(
    glide: Glide, operation: Operation, folder: Path, *, policy: Path | None, letters: Path | None, pins: Path | None
) -> None:
    """Write what is asked for.

    Raises:
        Refusal: a file is there already, or the policy could not carry the way out.
        PolicyError: the policy, with the new file, would hold mistakes.
    """
    if policy is not None:
        _write_policy(glide, operation, folder, policy)
    if letters is not None:
        _write_letters(glide, letters)
    if pins is not None:
        lines = [line for commands in pin_commands(glide) for line in commands]
        _write(pins, "\n".join(("#!/bin/sh", "set -e", *lines, "")))
        say(f"Wrote {pins}: run it once the policy is in force, before {moment_text(glide.schedule.start)}.")


def _write_policy(glide: Glide, operation: Operation, folder: Path, path: Path) -> None:
    """Write the policy file, once the policy with it charges to the micro-credit what is announced."""
    if path.suffix not in YAML:
        raise typer.BadParameter(f"{path} is no policy file; let its name end in .yaml.", param_hint="--policy")
    _refuse_prices(glide, operation)
    if glide.changed:
        raise Refusal(
            f"{operation.place}: {glide.operation} is rounded to {text(glide.present.step)}, and what is announced "
            f"could not be charged; write beside its credits {rounding_text(glide)}, and run this again."
        )
    written = policy_text(glide)
    _check(glide, folder, path, written)
    _write(path, written)
    place = "" if path.parent.resolve() == folder.resolve() else f" Put it beside the files of {folder}."
    say(f"Wrote {path}: accepted beside {folder}, and it charges what is announced.{place}")


def _refuse_prices(glide: Glide, operation: Operation) -> None:
    if operation.versions:
        raise Refusal(
            "The policy has versions of its prices already, and they stand in one file; add to them\n"
            f"{version_text(glide)}\nwith transition: {{compound: {decimal_text(glide.share)}}}, in place of --policy."
        )


def _check(glide: Glide, folder: Path, path: Path, written: str) -> None:
    from meter.policy.compile import Source, compile_policy  # noqa: PLC0415 - reading YAML is slow to import

    files = sorted(folder.iterdir()) if folder.is_dir() else [folder]
    beside = [
        Source(file=str(file), text=file.read_text(encoding="utf-8"))
        for file in files
        if file.suffix in YAML and not file.name.startswith(".") and file.is_file() and file.resolve() != path.resolve()
    ]
    compiled = compile_policy([*beside, Source(file=str(path), text=written)])
    for moment, cohort, announced, said in differences(glide, compiled.operations[glide.operation]):
        raise Refusal(
            f"{path}: at {moment_text(moment)} cohort {cohort + 1} would pay {text(said)} credits, and "
            f"{text(announced)} are announced; nothing was written."
        )


def _write_letters(glide: Glide, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    meant = [cohort for cohort in glide.cohorts if cohort.accounts]
    for cohort in meant:
        _write(folder / f"cohort-{cohort.number + 1}.md", letter(glide, cohort))
    say(f"Wrote {counted(len(meant), 'letter')} into {folder}.")


def _write(path: Path, written: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as opened:
            opened.write(written)
    except FileExistsError as error:
        raise Refusal(f"{path} is there already, and is not written over; remove it, or name another file.") from error
