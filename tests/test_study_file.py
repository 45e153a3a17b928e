"""Study files: what they give, and how what is wrong with one is told."""

import pytest

from quantml import load_study
from quantml.errors import ParameterError, StudyError
from quantml.signals import MovingAverageCross


def write(tmp_path, text):
    path = tmp_path / "mine.py"
    path.write_text(text)
    return path


HEAD = (
    "from quantml import *\nfrom quantml.loaders import Sample\nfrom quantml.signals import MovingAverageCross\n"
    "from quantml.forecasters import LightGBM\n"
)


def test_load_study_names_and_bundles_it(tmp_path):
    path = write(
        tmp_path,
        HEAD + "study = Study(data=Sample('indices'), signal=MovingAverageCross(fast=5, slow=50),\n"
        "              validation=WalkForward(train='3y', test='1y'))\n",
    )
    study = load_study(path)
    assert (study.name, study.bundle.name) == ("mine", "mine")
    assert study.signal == (MovingAverageCross(fast=5, slow=50),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "mine.py must export `study`, a Study; got 'no such name'"),
        ("study = 3\n", "mine.py must export `study`, a Study; got 'int'"),
        ("LightGBM(num_leafs=3)\n", "mine.py, line 5: TypeError: LightGBM.__init__() got an unexpected keyword argument 'num_leafs'. Did you mean 'num_leaves'?"),
        ("LightGBM(num_leaves=1)\n", "mine.py, line 5: LightGBM.num_leaves must be"),
        ("import no_such_module\n", "mine.py, line 5: ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit\n", "mine.py, line 5: SystemExit"),
        ("1 / 0\n", "mine.py, line 5: ZeroDivisionError: division by zero"),
        ("from quantml.features import Momentun\n", "Did you mean 'Momentum'?"),
    ],
)  # fmt: skip
def test_load_study_names_file_line_and_cause(tmp_path, text, message):
    with pytest.raises((StudyError, ParameterError)) as caught:
        load_study(write(tmp_path, HEAD + text))
    assert message in str(caught.value)
