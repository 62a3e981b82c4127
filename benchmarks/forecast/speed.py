"""What a forecast with `milestones` costs, against participants and against paths.

Run from the project's root: `python benchmarks/forecast/speed.py`. Rewrites `speed.csv` beside this file: seconds of
work (processor time, best of two) of counting the development and of the forecast, on 49 monthly cohorts of
`simulator.py`. The forecast must not grow with participants, who are grouped once.
"""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import simulator

from perflib.analysis.forecast.models import project

A_MONTH = (65, 260, 1040, 4160)
PATHS = (500, 2000, 8000)
USUAL = 260
"""About 12,000 participants: the paths are varied here."""

MONTH = 48


def seconds(call):
    """The least processor time of two calls, and what the last returned."""
    taken = []
    for _ in range(2):
        began = time.process_time()
        found = call()
        taken.append(time.process_time() - began)
    return min(taken), found


def main():
    profile = np.linspace(0, 0.25, simulator.LAST + 1)
    rows = []
    for a_month in A_MONTH:
        programme = simulator.programme(a_month, False, 0)
        reached, left = simulator.journeys(programme)
        counting, known = seconds(lambda p=programme, r=reached, e=left: simulator.as_known(p, r, e, MONTH, profile))
        for paths in PATHS if a_month == USUAL else [2000]:
            forecasting, _ = seconds(lambda k=known, n=paths: project(k, "milestones", n))
            rows.append([len(programme.cohort), paths, round(counting, 3), round(forecasting, 2)])
            print(*rows[-1])
    table = pd.DataFrame(rows, columns=["participants", "paths", "counting", "forecast"])
    table.to_csv(Path(__file__).parent / "speed.csv", index=False)


if __name__ == "__main__":
    main()
