"""506 to 509: figures that are declared beside the policy, and that its own numbers contradict."""

from collections.abc import Iterator
from fractions import Fraction

from meter.economics.lint.finding import Found
from meter.economics.lint.subject import Subject, in_credits
from meter.economics.lint.writing import credits_text, money, number_text, share

WHOLE = 100


def wrong_buffer(subject: Subject) -> Iterator[Found]:
    """MTR506."""
    for buffer in subject.economics.bundles:
        plan = subject.policy.plans.get(buffer.plan)
        if plan is None or not plan.price:
            problem = f"{buffer.plan!r} has a buffer but is no plan with a price"
            yield Found(place=buffer.place, problem=problem, fix="correct its name, or leave it out.")
            continue
        bought = plan.price / subject.price
        declared, real = bought * (1 + buffer.share), in_credits(plan.included) / bought - 1
        if declared != in_credits(plan.included):
            problem = (
                f"{number_text(bought)} credits and a buffer of {share(buffer.share)} are {number_text(declared)},"
                f" but plan {plan.name} includes {credits_text(plan.included)}"
            )
            yield Found(place=buffer.place, problem=problem, fix=f"its buffer is {share(real)}: say that.")


def shares_not_whole(subject: Subject) -> Iterator[Found]:
    """MTR507."""
    shown = subject.economics.dashboard
    if shown is None or not shown.breakdown:
        return
    total = sum(part.percent for part in shown.breakdown)
    if total != WHOLE:
        sums = " + ".join(number_text(part.percent) for part in shown.breakdown)
        problem = f"the breakdown adds up to {sums} = {number_text(Fraction(total))} %"
        fix = "round by largest remainders, so that the parts are 100 %."
        yield Found(place=subject.economics.places.get("breakdown", shown.place), problem=problem, fix=fix)


def wrong_projection(subject: Subject) -> Iterator[Found]:
    """MTR508."""
    shown = subject.economics.dashboard
    if shown is None:
        return
    rate = shown.used / shown.day * shown.days
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
    rates = sorted((offer.price / offer.credits * 1000, offer.name) for offer in offers)
    for plan in subject.policy.plans.values() if rates else ():
        if not plan.price or not plan.included:
            continue
        ours = plan.price / in_credits(plan.included) * 1000
        if not rates[0][0] <= ours <= rates[-1][0]:
            side = "less than any" if ours < rates[0][0] else "more than any"
            theirs = ", ".join(f"{name} {money(rate)}" for rate, name in rates)
            problem = f"plan {plan.name} asks {money(ours)} for 1,000 credits, {side} competitor ({theirs})"
            fix = "compare a basket of operations: a credit of theirs buys other work than one of yours."
            yield Found(place=plan.place, problem=problem, fix=fix)
