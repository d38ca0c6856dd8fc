"""Which policies can be served: what needs credits to be set aside while a call runs is refused at the start."""

from collections.abc import Iterator

from meter.policy.mistakes import Mistake, PolicyError
from meter.policy.model import End, Operation, Policy, Share


def require_servable(policy: Policy) -> Policy:
    """Give the policy back, if every operation of it can be served.

    Raises:
        PolicyError: some can't; the message names each with the place where it is declared.
    """
    mistakes = [mistake for operation in policy.operations.values() for mistake in _unservable(operation)]
    if mistakes:
        raise PolicyError(mistakes)
    return policy


def _unservable(operation: Operation) -> Iterator[Mistake]:
    if operation.free or operation.observe:
        return
    if not operation.price.known_before:
        what = f"{operation.name} is priced by what its answer says, and such calls cannot be charged yet"
        yield Mistake(
            place=operation.place,
            problem=what,
            fix="say `observe: true` to price them without charging, or give a fixed price.",
        )
    if operation.charge[End.KILLED] is Share.NONE:
        what = (
            f"{operation.name} is free when its worker dies, which needs credits to be set aside and cannot be done yet"
        )
        yield Mistake(place=operation.place, problem=what, fix="say `killed: full`.")
