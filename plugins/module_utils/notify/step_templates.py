"""What the shipped texts say instead when the run is a step of recovery: it takes nothing back to a release."""

from __future__ import annotations

from .template_parts import NEXT, SUPPORT, WHO, completed

__all__ = ["STEP_TEMPLATES"]

_AGAIN = "Somebody has to act now."

_TEXTS = {
    "opened.responders": """\
{{ environment }}: incident {{ severity }}, a step of recovery has begun: {{ step }}

In {{ environment }} {{ doing }}. This is no rollback: what serves stays.

"""
    + WHO,
    "opened.stakeholders": """\
{{ environment }}: a fault is being dealt with

We are dealing with a fault in {{ environment }}: {{ doing }}.
The next message says when that took a different turn.
{% if detected %}

Noticed at {{ detected }} (UTC).
{% endif %}
""",
    "refused.responders": """\
{{ environment }}: REFUSED, the step {{ step }} changed nothing

{{ message }}
{{ details_block }}
A person has to decide.
"""
    + NEXT
    + SUPPORT,
    "refused.stakeholders": """\
{{ environment }}: the fault is still there

What was to help could not be done, and nothing was changed. People are working on it.
""",
    "partial.responders": f"""\
{{{{ environment }}}}: FAILED, the step {{{{ step }}}} is done in part

{{{{ message }}}}
{{{{ details_block }}}}
{_AGAIN}
"""
    + NEXT
    + SUPPORT,
    "partial.stakeholders": """\
{{ environment }}: the repair is not complete yet

What was to help is done in part. People are working on it.
""",
    "failed.responders": f"""\
{{{{ environment }}}}: FAILED, it is not known that the step {{{{ step }}}} changed anything

{{{{ message }}}}
{{{{ details_block }}}}
{_AGAIN}
"""
    + NEXT
    + SUPPORT,
    "failed.stakeholders": """\
{{ environment }}: the repair failed

What was to help did not work. People have to act now.
""",
    "invalid.responders": f"""\
{{{{ environment }}}}: VALIDATION FAILED after the step {{{{ step }}}}

{{{{ message }}}}
The step was taken, and what serves does not keep its contract.
{{{{ details_block }}}}
{_AGAIN}
"""
    + NEXT
    + SUPPORT,
    "invalid.stakeholders": """\
{{ environment }}: the fault is still there

What was to help was done, and {{ environment }} does not work as it should. People are working on it.
""",
    "not_proved.responders": """\
{{ environment }}: NOT PROVED after the step {{ step }}

{{ message }}
The step was taken, and some checks came to no verdict: somebody has to look.
{{ details_block }}
"""
    + NEXT
    + SUPPORT,
    "not_proved.stakeholders": """\
{{ environment }}: still being checked

What was to help was done. It is not certain yet that everything works.
""",
    "cancelled.responders": """\
{{ environment }}: the step {{ step }} was CANCELLED

{{ message }}
What served before still serves.
"""
    + NEXT,
    "cancelled.stakeholders": """\
{{ environment }}: the fault is still there

What was to help was stopped before anything was changed. People are working on it.
""",
    "broke_off.responders": f"""\
{{{{ environment }}}}: the step {{{{ step }}}} BROKE OFF

The command ended without saying how: it was killed, or Ansible itself failed.
It may have changed a part. The same command goes on from there.
{_AGAIN}
""",
    "broke_off.stakeholders": """\
{{ environment }}: the repair broke off

What was to help broke off. People have to take it up again.
""",
    "data_loss.stakeholders": """\
{{ environment }}: data was lost

Restoring {{ database }} also took back data of it:
{% for line in losses %}
{{ line }}
{% endfor %}
""",
}
STEP_TEMPLATES = completed(_TEXTS)
