"""The core: everything needed to turn a prospect's features into an assessment; it does no I/O but on bundles."""
