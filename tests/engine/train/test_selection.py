"""Choosing a student and an epoch by validation accuracy."""

from dataclasses import replace

from cheapconv.engine.run.record import chosen_by_validation
from cheapconv.engine.store.records import ByValidation, CurveRow


def _line(epoch, validation, test):
    names = ("student_0", "student_1")
    validation, test = ({n: {"top1": v} for n, v in zip(names, values, strict=True)} for values in (validation, test))
    numbers = {"lr": 0.1, "loss": 1.0, "terms": {}, "images_per_s": 1.0, "seconds": 1.0}
    return CurveRow(epoch=epoch, scores=test, validation=validation, **numbers)


def test_the_test_accuracy_is_that_of_the_best_on_validation_and_not_the_best_on_test():
    curve = [_line(0, (0.5, 0.7), (0.9, 0.6)), _line(1, (0.6, 0.4), (0.8, 0.95))]
    chosen = chosen_by_validation(curve, ["student_0", "student_1"], "top1")
    assert chosen == ByValidation(network="student_1", epoch=0, validation=0.7, score=0.6)


def test_of_equals_the_later_epoch_is_taken():
    curve = [_line(0, (0.7, 0.1), (0.6, 0.1)), _line(1, (0.7, 0.1), (0.5, 0.1))]
    assert chosen_by_validation(curve, ["student_0"], "top1").epoch == 1


def test_nothing_is_chosen_where_nothing_is_held_out():
    assert (
        chosen_by_validation([replace(_line(0, (0.5, 0.5), (0.5, 0.5)), validation={})], ["student_0"], "top1") is None
    )
