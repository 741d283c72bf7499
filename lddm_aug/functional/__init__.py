"""Pure functions of tensors, beside their equations."""
