"""The table of all rules. Whoever adds one adds its page, ``docs/rules/<code>.md``, which shows what lights it."""

from meter.economics.lint import (
    condition_rules,
    figure_rules,
    margin_rules,
    plan_rules,
    route_rules,
    table_rules,
    window_rules,
)
from meter.economics.lint.finding import Need, Rule, Severity

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
SOLD = (Need.PRICE, Need.COSTS)

TABLE = (
    Rule(
        "MTR101", "too-many-levels", WARNING, table_rules.too_many_levels, "The table has more than 15 distinct prices"
    ),
    Rule(
        "MTR102",
        "too-few-levels",
        WARNING,
        table_rules.too_few_levels,
        "Five operations or more share fewer than five prices",
    ),
    Rule(
        "MTR103", "off-ladder", WARNING, table_rules.off_ladder, "A price is not on the declared ladder", (Need.LADDER,)
    ),
    Rule(
        "MTR104",
        "free-by-rounding",
        ERROR,
        table_rules.free_by_rounding,
        "A price rounds to nothing, and only the minimum is charged",
    ),
    Rule(
        "MTR105", "price-off-step", WARNING, table_rules.list_price_off_step, "The listed price is not what is charged"
    ),
    Rule(
        "MTR106",
        "factor-without-effect",
        WARNING,
        table_rules.factor_without_effect,
        "Rounding makes a discount or a premium change nothing",
    ),
    Rule(
        "MTR107",
        "distorted-factor",
        WARNING,
        table_rules.distorted_factor,
        "Rounding makes a discount or a premium another one than was promised",
    ),
    Rule(
        "MTR108",
        "value-rounded-away",
        WARNING,
        table_rules.value_rounded_away,
        "Rounding takes a declared value multiplier back",
        (Need.COSTS,),
    ),
    Rule(
        "MTR109",
        "lifted-by-rounding",
        INFO,
        table_rules.lifted_by_rounding,
        "Rounding lifts a price by more than a fifth",
        (Need.COSTS,),
    ),
)
MARGINS = (
    Rule(
        "MTR201",
        "impossible-blended-cost",
        ERROR,
        margin_rules.impossible_blended_cost,
        "The declared blended cost is one that no mix of operations has",
        (Need.BLENDED, Need.COSTS),
    ),
    Rule(
        "MTR202",
        "below-cost",
        ERROR,
        margin_rules.below_cost,
        "An operation is sold below cost at its worst corner",
        SOLD,
    ),
    Rule(
        "MTR203",
        "below-floor",
        WARNING,
        margin_rules.below_floor,
        "An operation is below the alarm floor at its worst corner",
        (*SOLD, Need.FLOOR),
    ),
    Rule(
        "MTR204",
        "below-target",
        WARNING,
        margin_rules.below_target,
        "An operation misses the target margin at its list price",
        (*SOLD, Need.MARGIN),
    ),
    Rule("MTR205", "wrong-margin", ERROR, margin_rules.wrong_margin, "A declared margin is not price less cost", SOLD),
    Rule(
        "MTR206",
        "arbitrage",
        WARNING,
        margin_rules.arbitrage,
        "Operations of one price differ much in cost",
        (Need.COSTS,),
    ),
    Rule(
        "MTR207",
        "unknown-cost",
        WARNING,
        margin_rules.unknown_cost,
        "An operation has no cost, or a cost no operation",
        (Need.COSTS,),
    ),
    Rule(
        "MTR208",
        "price-above-need",
        INFO,
        margin_rules.price_above_need,
        "The list price is well above what the costs and the target need",
        (*SOLD, Need.MARGIN),
    ),
)
CONDITIONS = (
    Rule(
        "MTR301",
        "overlapping-windows",
        WARNING,
        window_rules.overlapping_windows,
        "Two windows are open together, so that both multiply",
    ),
    Rule(
        "MTR302",
        "gap-between-windows",
        WARNING,
        window_rules.gap_between_windows,
        "A short gap lies between two windows",
    ),
    Rule("MTR303", "last-minute", WARNING, window_rules.last_minute, "A window leaves its last minute out"),
    Rule(
        "MTR304",
        "clock-change",
        WARNING,
        window_rules.clock_change,
        "A window is longer, shorter or absent when clocks change",
    ),
    Rule(
        "MTR305",
        "other-peoples-night",
        INFO,
        window_rules.other_peoples_night,
        "A window is at another hour where the customers live",
        (Need.ZONE,),
    ),
    Rule(
        "MTR306",
        "no-hysteresis",
        WARNING,
        condition_rules.no_hysteresis,
        "A load adjustment goes on and off at one load",
    ),
    Rule(
        "MTR307",
        "unreachable-load",
        WARNING,
        condition_rules.unreachable_load,
        "A load adjustment goes on above a load that never is",
    ),
    Rule(
        "MTR308", "stacked-discounts", WARNING, condition_rules.stacked_discounts, "Discounts stack to more than half"
    ),
    Rule("MTR309", "rising-tier", ERROR, condition_rules.rising_tier, "A larger commitment pays more"),
    Rule(
        "MTR310",
        "unreachable-tier",
        WARNING,
        condition_rules.unreachable_tier,
        "No plan or account reaches a commitment tier",
    ),
    Rule(
        "MTR311", "commitment-cliff", INFO, condition_rules.commitment_cliff, "Just below a tier, less use costs more"
    ),
    Rule(
        "MTR312",
        "overridden-adjustment",
        WARNING,
        condition_rules.adjustment_without_effect,
        "An adjustment changes no price",
    ),
    Rule("MTR313", "window-over", WARNING, window_rules.window_over, "A window has ended for good"),
)
ROUTES = (
    Rule("MTR401", "shadowed-route", ERROR, route_rules.shadowed_route, "No request reaches a route"),
    Rule("MTR402", "cheap-unmatched", WARNING, route_rules.cheap_unmatched, "What no route matches is free, or cheap"),
    Rule(
        "MTR403",
        "unmetered-endpoint",
        ERROR,
        route_rules.unmetered_endpoint,
        "An endpoint of the OpenAPI document has no route",
        (Need.OPENAPI,),
    ),
    Rule(
        "MTR404",
        "undocumented-route",
        WARNING,
        route_rules.undocumented_route,
        "A route meters nothing of the OpenAPI document",
        (Need.OPENAPI,),
    ),
    Rule("MTR405", "uncalled-operation", INFO, route_rules.uncalled_operation, "No route leads to an operation"),
)
PLANS = (
    Rule(
        "MTR501",
        "thin-plan",
        WARNING,
        plan_rules.thin_plan,
        "A plan whose credits are all used is below the alarm floor",
        (Need.BLENDED, Need.FLOOR),
    ),
    Rule("MTR502", "second-plan", WARNING, plan_rules.second_plan, "A second plan is cheaper than overage"),
    Rule("MTR503", "dominated-plan", WARNING, plan_rules.dominated_plan, "A larger plan asks more for a credit"),
    Rule(
        "MTR504", "deep-bundle", INFO, plan_rules.deep_bundle, "A plan sells credits far below the list", (Need.PRICE,)
    ),
    Rule("MTR505", "farmed-plan", INFO, plan_rules.farmed_plan, "Some free accounts replace a paid plan"),
    Rule(
        "MTR506",
        "wrong-buffer",
        WARNING,
        figure_rules.wrong_buffer,
        "A declared buffer is not what a plan includes",
        (Need.PRICE, Need.BUNDLES),
    ),
    Rule(
        "MTR507",
        "shares-not-whole",
        WARNING,
        figure_rules.shares_not_whole,
        "The percents of a dashboard do not add up to 100",
        (Need.DASHBOARD,),
    ),
    Rule(
        "MTR508",
        "wrong-projection",
        WARNING,
        figure_rules.wrong_projection,
        "A dashboard's projection is not its run rate",
        (Need.DASHBOARD,),
    ),
    Rule(
        "MTR509",
        "out-of-parity",
        INFO,
        figure_rules.out_of_parity,
        "A plan asks less, or more, for a credit than every competitor",
        (Need.OFFERS,),
    ),
)
RULES: tuple[Rule, ...] = (*TABLE, *MARGINS, *CONDITIONS, *ROUTES, *PLANS)
