"""The look-ahead audit: what a study says up to a moment may not hang on what comes after it."""
