"""Generated clips on disk, with a manifest that says where each came from."""
