"""What cannot be pickled is named by where it lies: attributes, items, globals, closures, and classes of a script."""

import re
import threading
from dataclasses import dataclass
from typing import Any

import cloudpickle
import numpy as np
import pytest

from quantml.errors import StudyError
from quantml.validation.pickling import pickled

LOCK = threading.Lock()
CANNOT = "cannot pickle '_thread.lock' object"


@dataclass
class Holder:
    held: Any
    other: Any = None


class Slotted:
    __slots__ = ("inner",)

    def __init__(self, inner):
        self.inner = inner


def closing(over):
    return lambda: over


def script(source):
    """Return what a script of its own defines, which is pickled by value as that of ``__main__`` is."""
    space = {"__name__": "__main__", "LOCK": LOCK}
    exec(source, space)
    return space


NAMES_GLOBAL = "def deep():\n    def inner():\n        return LOCK\n    return inner\n"
HAS_METHOD = "class Mine:\n    def __call__(self):\n        with LOCK:\n            return 1\n"
HAS_PROPERTY = "class Mine:\n    @property\n    def one(self):\n        return LOCK\n"


@pytest.mark.parametrize(
    ("part", "where"),
    [
        (LOCK, ""),
        (Holder([1, Holder({"a": LOCK})]), " (held[1].held['a'], in dict)"),
        (Holder(np.ones(3), Holder(LOCK)), " (other.held, in Holder)"),
        (Holder((Slotted(LOCK),)), " (held[0].inner, in Slotted)"),
        (Holder(closing(LOCK)), " (held -> over, in closing.<locals>.<lambda>)"),
        (Holder(closing(closing(LOCK))), " (held -> over -> over, in closing.<locals>.<lambda>)"),
        (Holder(script(NAMES_GLOBAL)["deep"]), " (held -> LOCK, in deep)"),
        (Holder(script(HAS_METHOD)["Mine"]()), " (held.__call__ -> LOCK, in Mine.__call__)"),
        (script(HAS_METHOD)["Mine"]().__call__, " (__self__.__call__ -> LOCK, in Mine.__call__)"),
        (Holder(script(HAS_PROPERTY)["Mine"]()), " (held.one -> LOCK, in Mine.one)"),
    ],
)
def test_the_innermost_part_is_named(part, where):
    known = f'what is sent must be picklable; got "TypeError: {CANNOT}"{where}. Leave out open files'
    with pytest.raises(StudyError, match=re.escape(known)):
        pickled(part, "what is sent")


def test_a_part_that_holds_itself_is_named_too():
    ring = Holder(None, LOCK)
    ring.held = [ring]
    with pytest.raises(StudyError, match=r"\(other, in Holder\)"):
        pickled(ring, "what is sent")


def test_what_can_be_pickled_is():
    assert cloudpickle.loads(pickled(closing(3), "it"))() == 3
