"""Benchmarks: each measures a figure and its floor in the same run, and reports ratios.

They are not tests: machines are too different, and too noisy, for bounds on seconds.
"""
