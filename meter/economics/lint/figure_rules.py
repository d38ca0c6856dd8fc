"""506 to 509: figures that are declared beside the policy, and that its own numbers contradict."""

from collections.abc import Iterator
from fractions import Fraction

from meter.economics.bundles.methods import method1, per_thousand
from meter.economics.forecast.runrate import runrate
from meter.economics.lint.finding import Found
from meter.economics.lint.subject import Subject, in_credits
from meter.economics.lint.writing import credits_text, money, number_text, share
from meter.economics.shares import percent_largest_remainder

WHOLE = 100
SHOWN = Fraction(1, 2000)
"""Half of a tenth of a percent: nearer than that, a share is shown as it is."""


def wrong_buffer(subject: Subject) -> Iterator[Found]:
    """MTR506."""
    for buffer in subject.economics.bundles:
        plan = subject.policy.plans.get(buffer.plan)
        if plan is None or not plan.price:
            problem = f"{buffer.plan!r} has a buffer but is no plan with a price"
            yield Found(place=buffer.place, problem=problem, fix="correct its name, or leave it out.")
            continue
        at_list = method1(plan.price, subject.price, buffer.share)
        bought, declared = at_list.base, at_list.buffered
        real = in_credits(plan.included) / bought - 1
        if abs(real - buffer.share) >= SHOWN:
            problem = (
                f"{number_text(bought)} credits and a buffer of {share(buffer.share)} are {number_text(declared)},"
                f" but plan {plan.name} includes {credits_text(plan.included)}"
            )
            fix = f"say {share(real)}, or include {number_text(declared)} credits."
            yield Found(place=buffer.place, problem=problem, fix=fix)


def shares_not_whole(subject: Subject) -> Iterator[Found]:
    """MTR507."""
    shown = subject.economics.dashboard
    if shown is None or not shown.breakdown:
        return
    total = sum(part.percent for part in shown.breakdown)
    if total != WHOLE:
        sums = " + ".join(number_text(part.percent) for part in shown.breakdown)
        problem = f"the breakdown adds up to {sums} = {number_text(Fraction(total))} %"
        right = percent_largest_remainder([part.credits for part in shown.breakdown])
        fix = f"round by largest remainders: {', '.join(number_text(part) for part in right)}."
        yield Found(place=subject.economics.places.get("breakdown", shown.place), problem=problem, fix=fix)


def wrong_projection(subject: Subject) -> Iterator[Found]:
    """MTR508."""
    shown = subject.economics.dashboard
    if shown is None:
        return
    rate = runrate(shown.used, shown.day, shown.days)
    if rate != shown.projected:
        problem = (
            f"{number_text(shown.projected)} is projected, but {number_text(shown.used)} credits in"
            f" {number_text(shown.day)} of {number_text(shown.days)} days are {number_text(rate)}"
        )
        place = subject.economics.places.get("projected", shown.place)
        yield Found(place=place, problem=problem, fix=f"show {number_text(rate)}, or a range: `meter forecast`.")


def out_of_parity(subject: Subject) -> Iterator[Found]:
    """MTR509."""
    offers = subject.economics.offers
    theirs = per_thousand((offer.credits, offer.price) for offer in offers)
    rates = sorted(zip(theirs, (offer.name for offer in offers), strict=True))
    for plan in subject.policy.plans.values() if rates else ():
        if not plan.price or not plan.included:
            continue
        (ours,) = per_thousand([(in_credits(plan.included), plan.price)])
        if not rates[0][0] <= ours <= rates[-1][0]:
            side = "less than any" if ours < rates[0][0] else "more than any"
            others = ", ".join(f"{name} {money(rate)}" for rate, name in rates)
            problem = f"plan {plan.name} asks {money(ours)} for 1,000 credits, {side} competitor ({others})"
            fix = "compare a basket of operations: a credit of theirs buys other work than one of yours."
            yield Found(place=plan.place, problem=problem, fix=fix)
