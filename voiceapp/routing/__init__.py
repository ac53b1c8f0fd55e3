"""Where a call meets a rule: releases, the table, the decision, the journal."""
