"""A plugin for sweeps in processes of their own: names the tiny suite and its methods by being imported."""

from tests.engine import tiny

tiny.register()
