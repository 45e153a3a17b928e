"""Bundles: a study file and its neighbours, found, named by digest, and imported from their text."""

import pickle
import subprocess
import sys

import pytest

from quantml.errors import StudyError
from quantml.source import Bundle, SourceFile, package_digest, read_bundle


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


def test_package_digest_is_a_sha256():
    assert len(bytes.fromhex(package_digest())) == 32
