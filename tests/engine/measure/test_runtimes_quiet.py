"""What libraries say while they convert goes nowhere, and what is said afterwards goes where it went before."""

import logging
import os
import sys
import warnings

from cheapconv.engine.measure.runtimes.quiet import quiet, quiet_below


def test_python_says_nothing_in_it_and_speaks_again_after_it(capsys, caplog):
    with quiet():
        sys.stdout.write("a program")
        sys.stderr.write("a program")
        warnings.warn("about itself", stacklevel=1)  # which would be an error
        logging.getLogger("exporter").warning("about itself")
    assert capsys.readouterr() == ("", "")
    assert not caplog.records
    logging.getLogger("exporter").warning("heard")
    assert [record.message for record in caplog.records] == ["heard"]


def test_what_is_written_below_python_reaches_stdout_again_after_it(capfd):
    with quiet_below():
        os.write(1, b"what a device supports\n")
        os.write(2, b"an error\n")
    os.write(1, b"a result\n")
    assert capfd.readouterr() == ("a result\n", "an error\n")
