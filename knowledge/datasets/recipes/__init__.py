"""Recipes: files that are copied into every export, and run there without this project."""
