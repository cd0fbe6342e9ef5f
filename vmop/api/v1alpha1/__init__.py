"""Kinds of `operator.victoriametrics.com/v1alpha1`, and the structures in their specs."""

__all__ = []
