"""What everything else may use: errors, files that appear whole, values typed by people, Markdown. No torch here."""
