"""A call without a telephone, for developers."""
