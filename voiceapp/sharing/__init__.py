"""What processes and machines share through Redis, and what becomes of calls while it is away."""
