"""Starting training processes and telling whether they live. Knows run folders, not rows."""
