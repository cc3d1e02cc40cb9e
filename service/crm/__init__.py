"""CRMs: one module each, which owns how it proves a request, what it says happened, and how an assessment goes back."""
