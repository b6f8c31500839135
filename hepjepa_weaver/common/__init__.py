"""Errors, files that appear whole, values typed by people, Markdown: for all other rooms, and without torch."""
