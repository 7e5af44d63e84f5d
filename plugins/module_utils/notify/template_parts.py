"""What several of the shipped texts have in common."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["AGAIN", "NEXT", "SUPPORT", "WHO", "completed"]

WHO = """\
{% if reason %}Reason: {{ reason }}
{% endif %}
Triggered by: {{ trigger }} ({{ source }}){% if commander %}, commander {{ commander }}{% endif %}

{% if detected %}Noticed at: {{ detected }}
{% endif %}
Run: {{ run }}
"""
NEXT = """\
{% if next %}

What to do next: {{ next }}
{% endif %}
"""
_DETAILS = """\
{% if details %}

{% for line in details[:20] %}
{{ line }}
{% endfor %}

{% endif %}
"""
SUPPORT = """\
{% if support %}

Text for Cloudflare's support, ready to be sent:

{{ support }}
{% endif %}
"""
AGAIN = "The users are not back on a release that works. Somebody has to act now."
# Whoever hears of the end keeps the hash, so that the journal cannot be written anew unseen.
_NOTED = """\
{% if head %}

The record of this run, up to its verdict: knowngood verify {{ run }} --head {{ head }}
{% endif %}
"""
_ENDS = (
    "resolved", "in_part", "done", "refused", "partial", "failed", "invalid", "not_proved", "restored", "declined",
    "cancelled",
)  # fmt: skip


def completed(texts: Mapping[str, str]) -> dict[str, str]:
    """The texts by ``<what>.<audience>``, with their details, and at the end of a run what keeps its record."""
    ends = {f"{kind}.responders" for kind in _ENDS}
    return {
        name: text.replace("{{ details_block }}\n", _DETAILS) + (_NOTED if name in ends else "")
        for name, text in texts.items()
    }
