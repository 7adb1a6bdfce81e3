"""Experiments that anybody can run again: for now the demonstration of ``expunge demo``."""

from expunge.lab.demo import DemoResult, run_demo

__all__ = ["DemoResult", "run_demo"]
