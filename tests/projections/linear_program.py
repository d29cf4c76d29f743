"""The most that a circulation carries, as a linear program for HiGHS: a network a line in, its value a line out.

python -m tests.projections.linear_program, with lines of [[payer, payee, capacity, what a unit counts], …]
"""

from __future__ import annotations

import json
import sys

import highspy


def value(arcs: list[tuple[str, str, float, float]]) -> float:
    if not arcs:
        return 0.0
    model = highspy.Highs()  # type: ignore[no-untyped-call]
    model.setOptionValue("output_flag", False)
    flows = [model.addVariable(0, capacity, counts) for _, _, capacity, counts in arcs]
    for name in {name for payer, payee, _, _ in arcs for name in (payer, payee)}:
        into = [flow for flow, arc in zip(flows, arcs, strict=True) if arc[1] == name]
        out = [flow for flow, arc in zip(flows, arcs, strict=True) if arc[0] == name]
        model.addConstr(model.qsum(into) - model.qsum(out) == 0)
    model.setMaximize()  # type: ignore[no-untyped-call]
    model.run()
    return float(model.getInfo().objective_function_value)


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"{value(json.loads(line))}\n")
        sys.stdout.flush()
