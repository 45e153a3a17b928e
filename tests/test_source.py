"""Bundles: a study file and its neighbours, found, named by digest, and imported from their text."""

import pickle
import subprocess
import sys

import pytest

from quantml.canonical import digest
from quantml.errors import StudyError
from quantml.source import Bundle, SourceFile, is_users, package_digest, path_of, read_bundle
from quantml.study_file import load_study


def write(folder, **files):
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder / "main.py"


def test_neighbours_are_bundled_recursively_and_others_are_not(tmp_path):
    path = write(
        tmp_path, main="import json\nimport near\n", near="from far import VALUE\n", far="VALUE = 3\n", unused=""
    )
    bundle = read_bundle(path)
    assert [file.name for file in bundle.files] == ["main", "far", "near"]
    assert bundle.load().near.VALUE == 3


@pytest.mark.parametrize(
    "line",
    ["import pack.part\nx = pack.part.VALUE", "from pack import part\nx = part.VALUE", "from pack.part import VALUE as x",
     "import pack.part as p\nx = p.VALUE", "from .pack.part import VALUE as x"],
)  # fmt: skip
def test_every_form_of_import_finds_the_bundled_package(tmp_path, line):
    path = write(tmp_path, main=line + "\n", pack__part="VALUE = 4\n")
    (tmp_path / "pack" / "__init__.py").write_text("")
    assert read_bundle(path).load().x == 4


def test_two_files_of_one_name_do_not_meet(tmp_path):
    first = read_bundle(write(tmp_path, main="import near\n", near="VALUE = 1\n")).load()
    second = read_bundle(write(tmp_path, main="import near\n", near="VALUE = 2\n")).load()
    assert (first.near.VALUE, second.near.VALUE) == (1, 2)
    assert "near" not in sys.modules


def test_classes_unpickle_in_a_process_that_registered_the_bundle(tmp_path):
    path = write(tmp_path, main="class Thing:\n    value = 5\nthing = Thing()\n")
    bundle = read_bundle(path)
    pickled = pickle.dumps((bundle, pickle.dumps(bundle.load().thing)))
    path.unlink()
    (tmp_path / "pickled").write_bytes(pickled)
    code = (
        "import pickle, sys; bundle, thing = pickle.loads(open(sys.argv[1], 'rb').read());"
        "bundle.register(); print(pickle.loads(thing).value)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "pickled"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "5\n"


def test_the_digest_does_not_know_where_files_lie():
    here = Bundle((SourceFile("a", "/x/a.py", "1"),))
    assert here.digest == Bundle((SourceFile("a", "/y/a.py", "1"),)).digest
    assert here.digest != Bundle((SourceFile("a", "/x/a.py", "2"),)).digest


def test_a_missing_file_a_wrong_suffix_and_bad_syntax_are_named(tmp_path):
    with pytest.raises(StudyError, match=r"a study must be an existing Python file; got '.*none.py'"):
        read_bundle(tmp_path / "none.py")
    (tmp_path / "study.txt").write_text("")
    with pytest.raises(StudyError, match="must have a Python module's name"):
        read_bundle(tmp_path / "study.txt")
    with pytest.raises(StudyError, match=r"main.py, line 2: "):
        read_bundle(write(tmp_path, main="x = 1\nx = = 2\n"))


def test_tracebacks_show_the_text_that_was_loaded(tmp_path):
    import inspect

    path = write(tmp_path, main="def f():\n    return 'loaded'\n")
    module = read_bundle(path).load()
    path.write_text("# edited\n\n")
    assert "return 'loaded'" in inspect.getsource(module.f)


def test_an_edited_file_loaded_again_leaves_each_version_its_own_text(tmp_path):
    import inspect

    texts = ["def f():\n    return 1\n", "import json\ndef f():\n    return 2\n"]
    first, second = (read_bundle(write(tmp_path, main=text)).load().f for text in texts)
    assert (inspect.getsource(first), inspect.getsource(second)) == (
        "def f():\n    return 1\n",
        "def f():\n    return 2\n",
    )
    assert digest(first) != digest(second)
    again = read_bundle(write(tmp_path, main=texts[1] + "# a comment\n")).load().f
    assert digest(again) == digest(second)
    assert {path_of(f.__code__.co_filename) for f in (first, second, again)} == {str(tmp_path / "main.py")}
    assert first.__code__.co_filename == str(tmp_path / "main.py")  # breakpoints are set by path


def test_errors_of_an_edited_file_name_its_path(tmp_path):
    for text, line in (("1 / 0\n", 1), ("\n1 / 0\n", 2)):
        path = write(tmp_path, main=text)
        with pytest.raises(StudyError, match=rf"main.py, line {line}: ZeroDivisionError") as raised:
            load_study(path)
        assert str(raised.value).startswith(f"{path}, line {line}: ")


def test_this_package_beside_a_study_is_not_bundled(tmp_path):
    path = write(tmp_path, main="from quantml.errors import StudyError\nimport quantml.timing\n", quantml__errors="")
    (tmp_path / "quantml" / "__init__.py").write_text("")
    (tmp_path / "quantml" / "timing.py").write_text("")
    bundle = read_bundle(path)
    assert [file.name for file in bundle.files] == ["main"]
    assert bundle.load().StudyError is StudyError
    (tmp_path / "quantml.py").write_text("")
    with pytest.raises(StudyError, match="must have a name other than this package's"):
        read_bundle(tmp_path / "quantml.py")


def test_modules_are_the_users_by_the_folder_they_lie_in(tmp_path, monkeypatch):
    assert [is_users(name) for name in ("json", "sys", "numpy", "pytest", "quantml.errors")] == [False] * 5
    assert is_users("__main__")
    for place in ("venv-project", "venv", "venv/lib/site-packages"):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        name = f"placed_in_{len(place)}"
        (tmp_path / place / f"{name}.py").write_text("")
        monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
        monkeypatch.syspath_prepend(tmp_path / place)
        __import__(name)
        assert is_users(name) == ("site-packages" not in place)


def test_numbas_own_cache_of_a_study_never_outlives_an_edit(tmp_path):
    text = "import numba\nfrom near import SCALE\n@numba.njit('f8(f8)', cache=True)\ndef f(x):\n    return x * SCALE\n"
    code = (
        "import sys, pathlib; from quantml.source import read_bundle;"
        "print(read_bundle(pathlib.Path(sys.argv[1])).load().f(1.0))"
    )
    for number in (2.0, 3.0):
        path = write(tmp_path, main=text, near=f"SCALE = {number}\n")
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
        assert (done.stdout, done.stderr) == (f"{number}\n", "")


def test_package_digest_is_a_sha256():
    assert len(bytes.fromhex(package_digest())) == 32
