"""An organizer in a line."""

from __future__ import annotations

from engine.model.organizers import OrganizerProfile


def organizer_line(profile: OrganizerProfile) -> str:
    """What is settled for an organizer."""
    facts = [
        f"named {' '.join(profile.name.split())}" if profile.name else "",
        f"zone {profile.zone}" if profile.zone else "",
        "may send to lists" if profile.lists else "may not send to lists",
        "suspended" if profile.suspended else "",
        f"also writes from {', '.join(profile.addresses)}" if profile.addresses else "",
    ]
    return f"{profile.address}: {'; '.join(filter(None, facts))}."
