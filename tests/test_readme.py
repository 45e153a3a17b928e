"""The README's examples do what it says of them; the study that it shows is tested with the command line."""

import re
from pathlib import Path

import numpy as np
import pytest

import quantml as qm
from quantml.loaders import Synthetic
from quantml.targets import ForwardReturn

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_a_forecaster_of_ones_own_is_one(tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", README.partition("Anything of your own")[2], re.DOTALL)
    file = tmp_path / "own.py"
    file.write_text(example + "\nfrom own_data import BARS, TARGET, FOLDS\n"
                    "from quantml import Study\nstudy = Study(data=BARS, target=TARGET, forecaster=Median(), validation=FOLDS)\n")  # fmt: skip
    (tmp_path / "own_data.py").write_text(
        "from quantml import WalkForward\nfrom quantml.loaders import Synthetic\nfrom quantml.targets import ForwardReturn\n"
        "BARS, TARGET = Synthetic(symbols=1, sessions=300, seed=1), ForwardReturn(1)\nFOLDS = WalkForward(train=200, test=50)\n"
    )
    finished = qm.run(qm.load_study(file))
    bars = Synthetic(symbols=1, sessions=300, seed=1).load()
    target = ForwardReturn(1).build(bars, qm.Fill.NEXT_OPEN)
    known = target.values[:200, 0][target.label_end[:200, 0] <= 200]
    assert finished.forecasts["mean"].iloc[0] == pytest.approx(np.median(known), rel=1e-15)
