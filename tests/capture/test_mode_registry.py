"""Names of modes: what they mean in each phase, and what is said when they mean nothing."""

import pytest

from graphprof.capture.modes import registry
from graphprof.capture.modes.base import Mode
from graphprof.errors import UsageError
from graphprof.session import PHASES


class Entry:
    """Stands in for an installed entry point."""

    def __init__(self, name, thing):
        self.name = name
        self.value = f"other_package:{name}"
        self._thing = thing

    def load(self):
        if isinstance(self._thing, Exception):
            raise self._thing
        return self._thing


class Served(Mode):
    name = "served"
    title = "Served"
    summary = "As a server would call it."
    phases = ("predict",)

    def prepare(self, workload):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("asked", "phase", "name", "title"),
    [
        ("eager", "train", "eager", "Eager"),
        (" xla ", "predict", "xla", "XLA"),
        ("fit", "train", "fit", "Keras fit"),
        ("fit", "evaluate", "evaluate", "Keras evaluate"),
        ("fit-xla", "predict", "predict-xla", "Keras predict XLA"),
        ("predict-eager", "predict", "predict-eager", "Keras predict eager"),
        ("fit-spe=8", "train", "fit-spe=8", "Keras fit 8 steps/call"),
        ("fit-spe=08", "evaluate", "evaluate-spe=8", "Keras evaluate 8 steps/call"),
    ],
)
def test_a_name_means_a_mode_of_the_phase(asked, phase, name, title):
    mode = registry.resolve(asked, phase)
    assert (mode.name, mode.title) == (name, title)


@pytest.mark.parametrize(
    ("asked", "phase", "message", "cure"),
    [
        ("egaer", "train", "no mode 'egaer'", "Did you mean eager"),
        ("nonsense", "train", "no mode 'nonsense'", "fit-spe=N"),
        ("", "train", "no mode ''", "Choose from eager"),
        ("predict", "train", "not exist in phase train", "Choose from"),
        ("fit-spe", "train", "needs a value", "fit-spe=8"),
        ("fit-spe=", "train", "is no number of steps", "fit-spe=8"),
        ("fit-spe=0", "train", "is no number of steps", "fit-spe=8"),
        ("fit-spe=-2", "train", "is no number of steps", "fit-spe=8"),
        ("fit-spe=²", "train", "is no number of steps", "fit-spe=8"),
        ("eager=3", "train", "takes no value", "Write eager"),
        ("fit=3", "train", "takes no value", "Write fit"),
    ],
)
def test_an_unknown_name_is_one_clear_error(asked, phase, message, cure):
    with pytest.raises(UsageError) as caught:
        registry.resolve(asked, phase)
    assert message in caught.value.message
    assert cure in caught.value.cure


def test_a_list_of_modes_keeps_its_order_and_holds_each_once():
    modes = registry.resolve_all("graph, eager,fit,graph,fit", "predict")
    assert [mode.name for mode in modes] == ["graph", "eager", "predict"]
    with pytest.raises(UsageError, match="No mode is named"):
        registry.resolve_all(" , ", "train")


@pytest.mark.parametrize("phase", PHASES)
def test_the_defaults_exist_in_every_phase(phase):
    names = registry.default_names(phase)
    assert [mode.name for mode in registry.resolve_all(names, phase)] == list(names)


def test_names_are_unique_and_every_mode_says_what_it_is():
    names = [mode.name for mode in registry.BUILT_IN]
    assert len(set(names)) == len(names)
    for mode in registry.BUILT_IN:
        assert mode.title
        assert mode.summary.endswith(".")
        assert mode.phases


def test_another_package_adds_a_mode():
    made = registry.with_entry_points([Entry("served", Served), Entry("again", Served())])
    assert made.modes[-1].name == "served"
    assert registry.resolve("served", "predict", made) is made.modes[-1]
    assert len(made.problems) == 1
    assert "exists already" in made.problems[0]


@pytest.mark.parametrize(
    ("thing", "said"),
    [(ImportError("no such thing"), "no such thing"), (dict, "no graphprof Mode")],
)
def test_a_broken_mode_of_another_package_is_reported_and_left_out(thing, said):
    made = registry.with_entry_points([Entry("broken", thing)])
    assert made.modes == registry.BUILT_IN
    assert said in made.problems[0]
    assert "other_package:broken" in made.problems[0]
