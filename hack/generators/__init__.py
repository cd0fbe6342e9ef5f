"""What `make generate` writes, a module each; `hack/generate.py` runs them.

A generator is a function without arguments that yields the name and the content of every file it is responsible for.
It reads nothing but the code, so the same commit always gives the same bytes.
"""
