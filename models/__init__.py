"""The core: everything needed to turn a prospect's features into an assessment, and nothing that does I/O but reading a bundle."""
