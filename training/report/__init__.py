"""The report: one HTML file per bundle that a sales manager reads top to bottom, in English and Japanese."""
