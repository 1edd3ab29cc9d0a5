"""
A PyPI made for tests: index host, file host, own CA, real wheels, and misbehaviour on command.

Import what is needed from its modules: `fakepypi.running` starts one inside a test process,
`fakepypi.client` steers one that runs elsewhere, `fakepypi.misbehaviour` says what it can do wrong.
`python -m fakepypi` runs one on its own. README.md beside this file shows how.
"""
