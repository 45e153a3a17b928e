"""The kernel decorator: right, cached by the whole source, and usable without a compiler."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import types

import quantml
from quantml.kernels import F1, F2, cache_folder, kernel


@kernel(types.float64(F2))
def corner(values):
    return values[0, 0]


def test_takes_writable_and_read_only_arrays():
    values = np.array([[1.5, 2.0]])
    assert corner(values) == 1.5
    values.flags.writeable = False
    assert corner(values) == 1.5


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="nothing is compiled")
def test_refuses_another_type_than_declared():
    with pytest.raises(TypeError, match="No matching definition"):
        corner(np.array([[1, 2]]))


def test_the_cache_folder_is_named_by_the_source():
    from quantml.source import package_digest

    assert cache_folder().name == package_digest()[:16]


@pytest.fixture
def copied(tmp_path):
    """A copy of the package with a kernel whose constant lives in another module."""
    package = tmp_path / "quantml"
    source = Path(quantml.__file__).parent
    package.mkdir()
    for name in ("__init__", "lazy", "errors", "source", "syntax", "reads", "reflection", "user_code", "canonical",
                 "kernels"):  # fmt: skip
        shutil.copy(source / f"{name}.py", package)
    (package / "constants.py").write_text("FACTOR = 2.0\n")
    (package / "kernel_under_test.py").write_text(
        "from numba import types\nfrom quantml.constants import FACTOR\nfrom quantml.kernels import F1, kernel\n"
        "@kernel(types.float64(F1))\ndef scaled(x):\n    return x[0] * FACTOR\n"
    )
    return tmp_path


def scaled(root):
    code = "import numpy as np; from quantml.kernel_under_test import scaled as f; print(f(np.ones(1)), f.stats.cache_hits)"
    environment = {**os.environ, "PYTHONPATH": str(root), "NUMBA_CACHE_DIR": str(root / "cache")}
    done = subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="nothing is compiled")
def test_a_constant_edited_in_another_module_is_seen_and_an_unchanged_kernel_is_loaded(copied):
    assert scaled(copied)[0] == "2.0"
    assert len(list((copied / "cache").rglob("*.nbc"))) == 1
    before = {path: path.stat().st_mtime_ns for path in (copied / "cache").rglob("*.nbc")}
    assert scaled(copied)[0] == "2.0"
    assert {path: path.stat().st_mtime_ns for path in (copied / "cache").rglob("*.nbc")} == before
    (copied / "quantml" / "constants.py").write_text("FACTOR = 3.0\n")
    assert scaled(copied)[0] == "3.0"


def test_without_a_compiler_the_function_itself_runs(copied):
    code = (
        "import numpy as np; from quantml.kernel_under_test import scaled as f; print(type(f).__name__, f(np.ones(1)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(copied), "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=copied, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["function", "2.0"]


def test_kernels_may_call_kernels():
    @kernel(types.float64(F1))
    def first(x):
        return x[0]

    @kernel(types.float64(F1))
    def twice(x):
        return 2.0 * first(x)

    assert twice(np.array([4.0])) == 8.0


SCRIPT = """
import numpy as np
from numba import njit, types
from quantml.kernels import F1, kernel
SCALE = 2.0
@njit
def shift(x):
    return x + 10.0
def made(factor):
    @kernel(types.float64(F1))
    def scaled(x):
        return shift(x[0] * SCALE) * factor
    return scaled
scaled = made(1.0)
print(scaled(np.ones(1)), sum(scaled.stats.cache_hits.values()))
"""


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="nothing is compiled")
def test_a_scripts_kernel_is_loaded_until_something_that_it_reads_is_edited(tmp_path):
    def run(text):
        (tmp_path / "script.py").write_text(text)
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        command = [sys.executable, str(tmp_path / "script.py")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    assert run(SCRIPT) == ["12.0", "0"]
    assert run(SCRIPT + "# a comment\n") == ["12.0", "1"]
    assert run(SCRIPT.replace("SCALE = 2.0", "SCALE = 3.0")) == ["13.0", "0"]
    assert run(SCRIPT.replace("x + 10.0", "x + 20.0")) == ["22.0", "0"]
    assert run(SCRIPT) == ["12.0", "1"]  # a version is kept beside the others


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="nothing is compiled")
def test_a_kernel_whose_parts_cannot_be_named_is_not_kept():
    names = {"__name__": "nowhere", "kernel": kernel, "signature": types.float64(F1), "table": np.ones(2)}
    exec("@kernel(signature)\ndef held(x):\n    return x[0] + table[1]\n", names)
    assert names["held"](np.array([1.0])) == 2.0
    assert names["held"]._cache.cache_path is None


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="nothing is compiled")
@pytest.mark.parametrize("stale", ["from stale_under_test import scaled", "import stale_under_test as m\n"
                         "from numba import types\nfrom quantml.kernels import F1, kernel\n"
                         "@kernel(types.float64(F1))\ndef scaled(x):\n    return m.scaled(x)\n"])  # fmt: skip
def test_machine_code_of_outdated_bytecode_is_not_kept_for_the_new_text(tmp_path, stale):
    module = tmp_path / "stale_under_test.py"
    (tmp_path / "script.py").write_text(f"import numpy as np\n{stale}\nprint(scaled(np.ones(1)))")

    def run(factor):
        module.write_text(
            "import numba\nfrom numba import types\nfrom quantml.kernels import F1, kernel\n"
            f"@kernel(types.float64(F1))\ndef scaled(x):\n    return x[0] * {factor}\n"
        )
        os.utime(module, (1.7e9, 1.7e9))  # within the second, and as long: Python takes the old .pyc
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": ""}
        done = subprocess.run(
            [sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert run("2.0") == run("6.0") == "2.0"
    shutil.rmtree(tmp_path / "__pycache__")
    assert run("6.0") == "6.0"
