"""Datasets: labelled exchanges become training rows that trainers load, redacted, grouped, split and described."""
