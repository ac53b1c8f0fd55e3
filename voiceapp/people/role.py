"""What somebody may do on the settings pages."""

from enum import StrEnum


class Role(StrEnum):
    """From the least to the most; who may more, may everything below."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"

    def may(self, needed: "Role") -> bool:
        """Say whether this role is enough where another one is needed.

        >>> Role.EDITOR.may(Role.VIEWER), Role.EDITOR.may(Role.ADMIN)
        (True, False)
        """
        order = list(Role)
        return order.index(self) >= order.index(needed)
