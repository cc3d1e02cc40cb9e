"""The report's sections, one module each, whose `write(findings, say)` gives a Section."""
