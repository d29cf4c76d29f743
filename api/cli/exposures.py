"""Exposures and ownership as tables: several in one answer, shares in per cent, what is undefined with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.text import Text

from api.cli.layout import blocks, table
from api.cli.tables import figure, say, short, width_of

_WORDS = ("funder", "customer", "holder", "issuer", "entity", "cycle", "as of")
_RATIOS = ("circularity", "recycled_share", "finn")
_TIMES = "as of {as_of}, known at {known_at}, position {position}"


def show_exposures(console: Console, answer: dict[str, Any]) -> None:
    """Pairs, then the network, then the cycles; what is unbounded and what lacks a rate below."""
    say(console, _terms(answer))
    shown = [_pair(pair) for pair in answer["pairs"]]
    _table(console, shown, "No pair has flows both ways." if answer["entity"] is None else "No flow touches it.")
    _network(console, answer["network"])
    circles = [
        {"cycle": " → ".join([*one["entities"], one["entities"][0]]), "amount": figure(one["amount"])}
        for one in answer["cycles"]
    ]
    _table(console, circles, "No cycles.")
    if answer["cycles_stopped"]:
        say(console, f"There are more cycles: the search ended at the {answer['cycles_stopped']}.")
    if answer["unbounded"]:
        flows = ", ".join(f"{one['payer']} → {one['payee']} ({one['kind']})" for one in answer["unbounded"])
        say(console, f"Without upper bound: {flows}")
    _ending(console, answer)


def show_history(console: Console, answer: dict[str, Any]) -> None:
    """A row for each point: the network's figures, and the pair's if it was asked for."""
    say(console, _terms(answer))
    rows = []
    for point in answer["points"]:
        network = point["network"]
        row = {
            "as of": point["as_of"],
            **{name: figure(network[name]) for name in ("gross", "circulation", "recycled")},
            "circularity": _percent((network["circularity"] or {}).get("at_stated")),
        }
        if "pair" in point:
            row |= {
                "round trip": figure(point["pair"]["round_trip"]),
                "of funding": _share(point["pair"]["of_funding"]),
            }
        rows.append(row)
    if answer["funder"]:
        say(console, f"Pair: {answer['funder']} → {answer['customer']}")
    _table(console, rows, "")
    _ending(console, answer)


def show_ownership(console: Console, answer: dict[str, Any]) -> None:
    """Stakes, then values, then who can't be held as it is recorded."""
    say(console, f"Ownership, {answer['basis'].replace('_', ' ')} shares, {answer['currency']}")
    stakes = [
        {
            "holder": one["holder"],
            "issuer": one["issuer"],
            "direct": _share(one["direct"]),
            "integrated": _share(one["integrated"]),
        }
        for one in answer["stakes"]
    ]
    _table(console, stakes, "No stakes at these three times.")
    values = [
        {"entity": one["entity"], **{name.replace("_", " "): figure(one[name]) for name in _VALUES}}
        for one in answer["values"]
        if any(one[name] is not None for name in _VALUES)
    ]
    _table(console, values, "No marks value any of them.")
    if answer["double_count_factor"]:
        say(console, f"Added up, values count {short(answer['double_count_factor'])} times what is there.")
    for reason in answer["undefined"].values():
        say(console, f"How many times over values count can't be said: {reason.replace('_', ' ')}.")
    for error in answer["errors"]:
        held = _share(error["sum"])
        say(console, f"{error['issuer']}: {error['reason'].replace('_', ' ')} ({held} held). Nothing follows from it.")
    _ending(console, answer)


_VALUES = ("mark", "own_assets", "look_through")
SHOWN: Mapping[str, Callable[[Console, dict[str, Any]], None]] = {
    "exposures": show_exposures,
    "exposure-history": show_history,
    "ownership": show_ownership,
}


def _terms(answer: dict[str, Any]) -> str:
    rule = answer["time_rule"] + (f" {answer['window_days']} days" if answer["window_days"] is not None else "")
    beside = f", with {', '.join(answer['include'])}" if answer["include"] else ""
    hops = "1 hop" if answer["hops"] == 1 else f"{answer['hops']} hops"
    around = f", within {hops} of {answer['entity']}" if answer["entity"] else ""
    return f"Exposure, {answer['layer']} layer, pairs {rule}, {answer['currency']}{beside}{around}"


def _pair(pair: dict[str, Any]) -> dict[str, str]:
    own = pair["self_funded_share"]
    return {
        **{name.replace("_", " "): figure(pair[name]) for name in ("funder", "customer", "funding", "purchases")},
        "round trip": figure(pair["round_trip"]) + (" (unknown leg)" if pair["uninformative"] else ""),
        "of funding": _share(pair["of_funding"]),
        "of purchases": _share(pair["of_purchases"]),
        "self-funded": "–" if own is None else _percent(own["pro_rata"]),
    }


def _network(console: Console, network: dict[str, Any]) -> None:
    amounts = ", ".join(f"{name} {figure(network[name])}" for name in ("gross", "circulation", "funding", "recycled"))
    say(console, "")
    say(console, f"Network, untimed, {network['flows']} flows: {amounts}")
    ratios = []
    for name in _RATIOS:
        at = network[name]
        told = "–" if at is None else " / ".join(_percent(at[point]) for point in ("at_low", "at_stated", "at_high"))
        ratios.append(f"{name.replace('_', ' ')} {told}")
    say(console, f"At low / stated / high amounts: {', '.join(ratios)}")
    for reason, names in _by_reason(network["undefined"]).items():
        say(console, f"Undefined ({reason.replace('_', ' ')}): {', '.join(names)}")
    say(console, "")


_AMOUNTS = {"at_low": "low", "at_stated": "stated", "at_high": "high"}


def _by_reason(undefined: Mapping[str, str]) -> dict[str, list[str]]:
    """The figures that one reason leaves undefined, in words: `finn.at_low` is `finn at low amounts`."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, reason in undefined.items():
        figure_of, _, point = name.partition(".")
        points = found.setdefault(reason, {}).setdefault(figure_of.replace("_", " "), [])
        points += [_AMOUNTS[point]] if point else []
    return {
        reason: [
            f"{name} at {' and '.join(points)} amounts" if 0 < len(points) < len(_AMOUNTS) else name
            for name, points in names.items()
        ]
        for reason, names in found.items()
    }


def _percent(share: str | None) -> str:
    return "–" if share is None else f"{short(str(Decimal(share) * 100))}%"


def _share(share: dict[str, Any] | None) -> str:
    """`49%`, or `50%–66.7%` where it is not exact."""
    if share is None:
        return "–"
    low, high = _percent(share["low"]), _percent(share["high"])
    if low == high:
        return low
    return f"{low}–{'?' if share['high'] is None else high}"


def _table(console: Console, rows: list[dict[str, str]], otherwise: str) -> None:
    """The rows, or what to say where there are none."""
    if not rows:
        say(console, otherwise)
        return
    heads = list(rows[0])
    cells = [list(row.values()) for row in rows]
    right = {index for index, head in enumerate(heads) if head not in _WORDS}
    width = width_of(console)
    for line in table(heads, cells, right, width) or blocks(heads, cells, width):
        console.print(Text(line), soft_wrap=True)


def _ending(console: Console, answer: dict[str, Any]) -> None:
    more = answer.get("more")
    cut = [name for name, there_is in more.items() if there_is and name != "network_events"] if more else []
    if cut:
        say(console, f"There is more ({', '.join(cut)}): give a higher --limit.")
    # Each of them once, in order: a history has them by point, ownership by value.
    lacking = [*answer.get("missing_rates", ())]
    for row in (*answer.get("points", ()), *answer.get("values", ())):
        lacking += row.get("missing_rates", ())
    if lacking:
        rates = dict.fromkeys(f"{one['base']} to {one['quote']} on {one['on']}" for one in lacking)
        say(console, f"Missing rates: {', '.join(rates)}")
    console.print(Text(_TIMES.format(**answer)), style="dim")
