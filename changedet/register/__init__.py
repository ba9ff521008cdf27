"""Where each BEFORE pixel lies in AFTER. Pure: arrays and small values in, small values out.

Imports nothing: ``import changedet`` loads this module to make it callable, and must stay light.
"""
