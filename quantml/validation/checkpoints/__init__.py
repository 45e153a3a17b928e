"""Checkpoints: what folds made, kept under the digest of everything that it depends on, and recalled instead of remade.

`memory` is what one fold's work recalls from, `keys` says what kept work depends on, `content` how it is written,
`store` where it lies, and `keeping` brings it to the folds of a walk-forward and takes in what they make.
"""
