"""The tests of the package; every folder says what kind of proof stands in it."""
